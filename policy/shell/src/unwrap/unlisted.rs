//! Programs of which nothing is known here: what they may run is guessed.
//!
//! A wrapper that no table has (`trickle -d 10 rm -rf x`) would hide what it runs. So for a program that is not known to
//! take its arguments as data, each argument may begin a command, and one with blanks may be code. What a rule blocks
//! or holds among these is held; nothing is allowed by it.

use crate::{Word, parse::Walker};

/// Guesses what `name` may run.
pub(super) fn guess(walker: &mut Walker<'_>, name: &str, arguments: &[Word]) {
    if !takes_data(name) {
        guess_arguments(walker, arguments);
    }
}

/// Guesses what any program may run that gets these arguments.
pub(crate) fn guess_arguments(walker: &mut Walker<'_>, arguments: &[Word]) {
    for (index, argument) in arguments.iter().enumerate().take(MAX_ARGUMENTS) {
        let Some(text) = argument.known().filter(|text| !text.is_empty()) else { continue };
        let value = if text.starts_with("--") { text.split_once('=').map(|(_, value)| value) } else { Some(text) };
        match value {
            Some(code) if code.contains(char::is_whitespace) => walker.guess_code(code),
            Some(_) if !text.starts_with('-') => walker.guess(arguments.get(index..).unwrap_or_default()),
            _ => {}
        }
    }
}

/// Whether a program is known to take its arguments as data.
pub(super) fn takes_data(name: &str) -> bool {
    TAKES_DATA.split_ascii_whitespace().any(|data| data == name) || name.starts_with("mkfs.")
}

/// How many arguments of one program are looked at.
const MAX_ARGUMENTS: usize = 12;

/// Programs that run none of their arguments, or whose arguments are read elsewhere.
const TAKES_DATA: &str = "\
    : [ [[ ack ag alias ansible-galaxy ansible-playbook apk apropos apt apt-cache apt-get apt-mark aptitude arch \
    argocd arp awk aws az b2sum base32 base64 basename bat bc bg blkid bootctl break brew bunzip2 bzcat bzip2 cal \
    cargo cat cd chage chattr chgrp chmod chown chpasswd chsh cilium cksum clear cmake cmp column comm composer \
    consul continue cp cpio cqlsh cron crontab csplit curl curlie cut date dd declare delta deluser deno df diff dig \
    dir dircolors dirname dirs disown dmesg dnf dnsmasq dos2unix dpkg du echo ed egrep emacs emacsclient emerge \
    enable etcdctl ethtool exa exit expand export expr eza factor fallocate false fc fdisk fg fgrep file findmnt \
    flatpak flux fmt fold free fsck fuser fzf g++ gawk gcc getcap getconf getent getfacl getopt getopts gh git go \
    gpasswd gpg gradle grep groupadd groupdel groupmod groups gsed gunzip gzip halt hash head helm help hexdump \
    history host hostname hostnamectl htop http httpie iconv id ifconfig info init insmod install iostat ip iptables \
    istioctl jobs join journalctl jq k9s kill killall kind kubectx kubens kustomize last lastlog ldd less let link \
    ln local locale localectl locate logger loginctl logname logout ls lsattr lsblk lscpu lsd lsmod lsns lsof lspci \
    lsusb lzma make man mapfile mariadb mawk mc md5sum meson mkdir mkfifo mkfs mknod mktemp modinfo modprobe mongosh \
    more mount mountpoint mtr mv mvn mysql mysqldump nano nawk nc ncal ncdu netstat networkctl nft nginx ninja nl nm \
    nmcli nomad npm nproc npx nslookup nvim objdump od openssl packer pacman passwd paste patch pg_dump pgrep php \
    pidof ping pip pip3 pipx pkill pnpm popd poweroff pr printenv printf ps psql pstree pushd pv pwd quota read \
    readarray readelf readlink readonly realpath reboot redis-cli renice reset resolvectl return rev rg rm rmdir \
    rmmod rpm rsync ruby sar scp sed seq service set setenv sftp sha1sum sha224sum sha256sum sha384sum sha512sum \
    shift shopt shred shuf shutdown skaffold sleep snap sort split sqlcmd sqlite3 ss ssh-add ssh-copy-id \
    ssh-keygen ssh-keyscan stat stern strings stty sum suspend svn swapoff swapon sync sysctl systemctl tac tail tar \
    tcpdump tee telnet terraform test tig timedatectl times tofu top touch tput tr traceroute tree true truncate \
    tshark tsort tty type typeset udevadm ufw ulimit umask umount unalias uname unexpand uniq unlink unset unxz \
    unzip uptime useradd userdel usermod users vault vi view vim vmstat w wait wall wc wget whatis whereis which who \
    whoami xxd xz xzcat yarn yes yq yum zcat zgrep zip zless zstd zypper";
