#!/bin/bash
# sshd's ForceCommand: runs one case in a sandbox of its own, so that even a case that is let through by mistake does
# no harm. FOLDER (filled in by the runner) holds `cases/ID` for each case, with what the case needs:
#   shell   which shell to run: bash zsh dash ash fish, `none` for the words in `argv`, or `servers`
#   home    the home folder
#   history what the shell's history file holds at the start, if not nothing
#   sockets where the servers of the case listen, if it has some
#   asks    there where the bastion asks for the shell
#   day     there for a day at the prompt: also everyday programs are stubs
#   log     where the stubs write what ran (see stub.sh)
# and gets `pid` (kill it to end all of the case) and `env` (what the SSH request had set).
set -eu
id=${LC_BASTION_CASE:?no case was named}
case $id in *[!a-z0-9]*) exit 70 ;; esac
folder=FOLDER/cases/$id
[ -d "$folder" ]
unset LC_BASTION_CASE
# What the bastion asks on a channel of its own runs the start-up files: in a sandbox of its own, with a copy of the home
# folder, so that nothing of it is taken for what the case does.
case ${SSH_ORIGINAL_COMMAND-} in
    'echo "bastion-asks:'*)
        asked=$folder/asked
        mkdir "$asked"
        cp -a "$folder/home" "$folder/shell" "$asked/"
        # The shell of a case reads .bashrc, as one does whose .bash_profile says so.
        echo '. ~/.bashrc' >"$asked/home/.bash_profile"
        : >"$asked/asks"
        folder=$asked
        ;;
esac
env -0 >"$folder/env"
echo $$ >"$folder/pid"
own=()
[ "$(id -u)" = 0 ] || own=(--user --map-root-user)
# --kill-child: whatever the case leaves running ends with this process.
exec unshare "${own[@]}" --mount --pid --net --uts --ipc --fork --kill-child --propagation private \
    /bin/bash FOLDER/inside.sh FOLDER "$folder"
