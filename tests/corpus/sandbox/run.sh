#!/bin/bash
# In the sandbox, as its first process: starts the shell of the case the way sshd would, with the stubs first in PATH.
set -eu
shell=$(</tmp/case/shell)
terminal=
if [ -z "${SSH_ORIGINAL_COMMAND+set}" ] && [ -t 0 ]; then terminal=yes; fi
request=${SSH_ORIGINAL_COMMAND-}
unset "${!SSH_@}"

export PATH=/stubs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/home/me USER=root LOGNAME=root EDITOR=/stubs/editor VISUAL=/stubs/editor ZDOTDIR=/home/me
export CMD='rm -rf /srv/data' TLOG=/tmp/case/log LANG=${LANG:-C.UTF-8} PS1='me@target:~$ ' HISTFILE=/home/me/.history
cd "$HOME"
if [ "$shell" = servers ]; then
    /bin/bash /stubs/servers.sh
    exec sleep infinity
fi
if [ -e /tmp/case/day ]; then
    export PATH=/stubs:/stubs/day${PATH#/stubs} EDITOR=vim VISUAL=vim
    /bin/bash /stubs/day.sh
fi
if [ -s /tmp/case/history ]; then
    cp /tmp/case/history .history
    cp /tmp/case/history .ash_history
    cp /tmp/case/history .local/share/fish/fish_history
fi

case $shell in
    bash) start=(bash) interactive=(--noprofile --rcfile /home/me/.bashrc -i) ;;
    zsh) start=(zsh) interactive=(-i) ;;
    dash) start=(dash) interactive=(-i) ;;
    ash) start=(busybox ash) interactive=(-i) ;;
    fish) start=(fish) interactive=(-i) ;;
    none) start=(bash) ;;
    *) echo "sandbox: no shell $shell" >&2; exit 70 ;;
esac
# The very shell must find the stubs, or the case does not start. busybox has its own rm; there, functions stand for it.
stub=/stubs/rm find='command -v rm'
if [ "$shell" = ash ]; then
    export ENV=/home/me/.ashrc
    stub='rm is a function' find='. "$ENV"; type rm'
fi
found=$("${start[@]}" -c "$find" </dev/null)
if [ "$found" != "$stub" ] || [ "$(type -P dd)" != /stubs/dd ]; then
    echo "sandbox: rm is $found here" >&2
    exit 70
fi
# A day goes on when no key reaches what its shell runs: everything is ended but this script and its child, the shell.
rescuer() {
    while sleep 0.5; do
        [ -e /tmp/case/rescue ] || continue
        unlink /tmp/case/rescue
        for process in /proc/[1-9]*; do
            read -r _ _ _ parent _ <"$process/stat" && [ "$parent" -gt 1 ] && kill -KILL "${process#/proc/}"
        done
    done 2>/dev/null
}
[ ! -e /tmp/case/day ] || rescuer &
: >/tmp/case/log
: >/tmp/case/ready

status=0
if [ "$shell" = none ]; then
    mapfile -d '' -t words </tmp/case/argv
    "${words[@]}" || status=$?
elif [ -n "$terminal" ]; then
    # nano, for one, wants the whole path; busybox by itself is no shell.
    SHELL=$(type -P "${start[0]}")
    [ "$shell" != ash ] || SHELL=/bin/sh
    export SHELL
    "${start[@]}" "${interactive[@]}" || status=$?
elif [ -n "$request" ]; then
    unset PS1
    if [ -e /tmp/case/asks ]; then
        SHELL=$(type -P "${start[0]}")
        export SHELL
    fi
    [ "$shell" != ash ] || request=". $ENV
$request"
    "${start[@]}" -c "$request" || status=$?
else
    unset PS1
    "${start[@]}" || status=$?
fi
exit "$status"
