//! What is known of programs: which of their words are data, and run nothing.
//!
//! A program is *pure* if nothing in its help runs a program, opens an editor or pager, loads code or reads settings that
//! could; or if another file reads all of its words. Of the others a line says which options are data, alone or with a
//! value; and that the operands are. Where that is so only for some subcommands, the line names these.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use crate::Word;

/// A line of the table that is about a command.
pub(super) struct Described {
    options: &'static str,
}

impl Described {
    /// The line about `name` with these arguments.
    pub(super) fn of(name: &str, arguments: &[Word]) -> Option<Self> {
        let subcommand = arguments.iter().find(|word| !word.start().starts_with('-')).and_then(Word::known);
        let options = lines_of(name).find_map(|(subcommands, options)| {
            let fits =
                subcommands.is_none_or(|all| subcommand.is_some_and(|it| all.split(',').any(|known| known == it)));
            fits.then_some(options)
        })?;
        Some(Self { options })
    }

    /// Whether an option, as it is written, and its value are data.
    pub(super) fn has_option(&self, written: &str) -> bool {
        let mut words = self.options.split_ascii_whitespace();
        if written.starts_with("--") {
            let name = written.split('=').next().unwrap_or(written);
            return words.any(|word| word == name);
        }
        let Some(letters) = words.find_map(|word| word.strip_prefix('-').filter(|rest| !rest.starts_with('-'))) else {
            return false;
        };
        // Each letter of a bundle is an option; or a value is attached to the first.
        let written = written.get(1..).unwrap_or_default();
        let is_bundle = written.chars().all(|c| c.is_ascii_alphabetic());
        written.chars().take(if is_bundle { written.len() } else { 1 }).all(|letter| letters.contains(letter))
    }
}

/// Whether a program runs none of its words, or another file reads all of them.
pub(super) fn is_pure(name: &str) -> bool {
    static NAMES: LazyLock<HashSet<&str>> =
        LazyLock::new(|| PURE.split_ascii_whitespace().chain(READ_ELSEWHERE.split_ascii_whitespace()).collect());
    NAMES.contains(name) || name.starts_with("mkfs.")
}

/// Whether the operands of a program are data whatever its subcommand is.
pub(super) fn has_operands_of_data(name: &str) -> bool {
    lines_of(name).any(|(subcommands, _)| subcommands.is_none())
}

/// Whether its operands set variables that may name programs.
pub(super) fn sets_variables(name: &str) -> bool {
    matches!(name, "make" | "gmake" | "remake")
}

/// The subcommands and options of each line about `name`.
fn lines_of(name: &str) -> impl Iterator<Item = Line> {
    static LINES: LazyLock<HashMap<&str, Vec<Line>>> = LazyLock::new(|| {
        let mut lines: HashMap<&str, Vec<Line>> = HashMap::new();
        for (head, options) in DESCRIBED.lines().filter_map(|line| line.split_once(':')) {
            let (names, subcommands) = match head.split_once('/') {
                Some((names, subcommands)) => (names, Some(subcommands)),
                None => (head, None),
            };
            for name in names.split_ascii_whitespace() {
                lines.entry(name).or_default().push((subcommands, options));
            }
        }
        lines
    });
    LINES.get(name).into_iter().flatten().copied()
}

/// The subcommands that a line is about, and its options.
type Line = (Option<&'static str>, &'static str);

/// Programs that run nothing.
const PURE: &str = "\
    : [ [[ apropos apt-cache apt-mark arch arp b2sum base32 base64 basename bc bg blkid bootctl break bunzip2 bzcat bzip2 cal \
    cat cd chage chattr chgrp chmod chown chpasswd chsh cksum clear cmp column comm continue cp csplit curl cut date dd deluser \
    delta df diff dig dir dircolors dirname dirs disown dmesg dos2unix dpkg-query du echo egrep enable ethtool exa exit expand \
    expr eza factor fallocate false fc fdisk fg fgrep file findmnt fmt fold free fsck fuser getcap getconf getent getfacl \
    getopt getopts gpasswd grep groupadd groupdel groupmod groups gunzip gzip halt hash head help hexdump history host hostid \
    hostname hostnamectl htop http httpie iconv id ifconfig info init insmod iostat iotop jobs join journalctl jq kill \
    killall kubectx kubens last lastb lastlog ldd link ln locale localectl locate logger loginctl logname logout look ls lsattr \
    lsblk lscpu lsd lsmod lsns lsof lspci lsusb lzma md5sum mkdir mkfifo mkfs mknod mkswap mktemp modinfo modprobe mount mountpoint \
    mtr mv nc ncal ncdu netstat networkctl nft nl nm nmcli nproc nslookup objdump od passwd paste patch pathchk pg_dump \
    pg_dumpall pg_isready pgrep pidof ping ping6 pkill popd poweroff pr printenv printf ps pstree pushd pv pwd quota readelf \
    readlink realpath reboot renice reset resolvectl return rev rm rmdir rmmod sar seq service setcap setfacl sha1sum \
    sha224sum sha256sum sha384sum sha512sum shift shopt shred shuf shutdown sleep snap snapper sort split ss ssh-keyscan stat \
    stern strings stty sum suspend swapoff swapon sync systemctl tac tail tcpdump tee test timedatectl times tldr top \
    touch tput tr traceroute tracepath tree true truncate tsort tty type udevadm ufw ulimit umask umount unalias uname unexpand \
    uniq unlink unxz unzip uptime useradd userdel usermod users vmstat w wait wall wc whatis whereis which who whoami xxd xz xzcat \
    yes yq zcat zegrep zfgrep zgrep zless zmore zstd zstdcat mysqldump";

/// Programs of which other files read every word that may run something.
const READ_ELSEWHERE: &str = "\
    . alias awk compgen complete cpio crontab dc declare deno ed emacs emacsclient env ex export find fd fdfind fzf gawk git \
    gpg gpg2 gsed install let less local mapfile mariadb mawk mongosh more mysql nano nawk nvim openssl php psql read readarray \
    readonly redis-cli rsync ruby scp sed set setenv sftp sqlcmd sqlite3 ssh-add ssh-copy-id ssh-keygen sysctl tar telnet \
    trap typeset unset vi view vim wget zip iptables ip6tables ip sudoedit";

/// Programs, the subcommands that the line is about, and the options that are data. All operands are.
const DESCRIBED: &str = include_str!("described.txt");
