//! The tables of programs that are known to read data on standard input, or nothing at all.
//!
//! A program stands here if no input makes it run a program or read a file that its arguments do not name. Where an
//! option could change that, the options are described, and any other makes the program unknown.

use super::{Carries, Use};
use crate::{Shell, Word, base_name, code::family, options::Options, wrappers};

/// What a program does with its standard input.
pub(super) fn of(name: &str, arguments: &[Word]) -> Use {
    let has = |list: &str| list.split_ascii_whitespace().any(|word| word == name);
    if has(SILENT) || name.starts_with("mkfs.") {
        return Use::Nothing;
    }
    let known: Vec<Option<&str>> = arguments.iter().map(Word::known).collect();
    let first = known.first().copied().flatten().unwrap_or_default();
    let operand = |word: &Word| !word.start().starts_with('-');
    match name {
        "cat" if arguments.iter().all(|word| matches!(word.known(), Some("-" | "-u"))) => {
            Use::Data { output: Carries::Same, to_end: true }
        }
        "cat" if !arguments.iter().any(super::may_be_input) => Use::Nothing,
        "cat" => CHANGED,
        "tee" => Use::Data { output: Carries::Same, to_end: true },
        "pv" | "buffer" | "cstream" if !arguments.iter().any(operand) => {
            Use::Data { output: Carries::Same, to_end: false }
        }
        "dd" => {
            let starts = |start: &str| arguments.iter().any(|word| word.start().starts_with(start));
            let output = if arguments.is_empty() { Carries::Same } else { Carries::Changed };
            let to_end = !starts("count=") && !starts("if=") && !arguments.iter().any(Word::splits);
            Use::Data { output, to_end }
        }
        "read" | "mapfile" | "readarray" | "select" => Use::Captured,
        "crontab" if matches!(known.as_slice(), [Some("-l" | "-r"), ..] | [Some("-u"), _, Some("-l" | "-r")]) => {
            Use::Nothing
        }
        "rsync" if first == "--server" && !known.iter().flatten().any(|word| word.starts_with("--daemon")) => CHANGED,
        "scp" if known.iter().flatten().any(|word| word.starts_with('-') && word.contains(['t', 'f'])) => {
            of_options(&SCP, arguments)
        }
        "tar" | "gtar" | "bsdtar" => tar(arguments),
        "openssl" => {
            let loads = |word: &&str| matches!(*word, "-engine" | "-provider" | "-provider-path" | "-config");
            let is_plain = OPENSSL.split_ascii_whitespace().any(|command| command == first);
            if is_plain && !known.iter().flatten().any(loads) { CHANGED } else { Use::Unknown }
        }
        "git" => git(arguments),
        "docker" | "podman" | "nerdctl" => subcommand(&DOCKER, DOCKER_DATA, DOCKER_SILENT, arguments),
        "kubectl" | "oc" | "k" => subcommand(&KUBECTL, KUBECTL_DATA, KUBECTL_SILENT, arguments),
        "systemctl" => subcommand(&SYSTEMCTL, "", SYSTEMCTL_SILENT, arguments),
        "zfs" | "zpool" | "btrfs" => {
            subcommand(&NO_OPTIONS, "receive recv", "create destroy get list send snapshot status", arguments)
        }
        "aws" => subcommand(&NO_OPTIONS, "s3 s3api", "ec2 iam sts", arguments),
        "borg" => subcommand(&NO_OPTIONS, "serve", "info list", arguments),
        "restic" => of_options(&RESTIC, arguments),
        "rclone" => subcommand(&NO_OPTIONS, "rcat", "", arguments),
        "helm" => subcommand(&NO_OPTIONS, "", "get history list ls status version", arguments),
        "svnserve" if known == [Some("-t")] => CHANGED,
        "hg" if matches!(known.as_slice(), [Some("-R"), Some(_), Some("serve"), Some("--stdio")]) => CHANGED,
        // Without a command it writes what it reads into the journal.
        "systemd-cat" => match wrappers::find(name).map(|wrapper| wrapper.options.read(arguments)) {
            Some(Ok(found)) if found.operands.is_empty() => CHANGED,
            _ => Use::Unknown,
        },
        "xargs" => CHANGED,
        _ if has(DIGESTS) => Use::Data { output: Carries::Nothing, to_end: !arguments.iter().any(operand) },
        _ if has(FILTERS) => Use::Data { output: Carries::Changed, to_end: !arguments.iter().any(operand) },
        _ if has(DATA) => CHANGED,
        _ => match DESCRIBED.iter().find(|(names, _)| names.split_ascii_whitespace().any(|word| word == name)) {
            Some((_, options)) => of_options(options, arguments),
            None if has_known_code(name) && !arguments.is_empty() => CHANGED,
            None => Use::Unknown,
        },
    }
}

/// Whether a program hands its standard input on to what it runs.
pub(super) fn hands_on(name: &str) -> bool {
    Shell::of_program(name).is_some()
        || wrappers::find(name).is_some()
        || "crontab eval parallel sem sg at batch newgrp login screen kubectl oc k k3s microk8s microk8s.kubectl minikube docker \
            docker-compose podman nerdctl crictl ctr lxc capsh ex ed"
            .split_ascii_whitespace()
            .any(|word| word == name)
        || has_known_code(name)
}

/// Whether it is an interpreter whose code was read already: had that been more than harmless, it would not be known
/// what runs.
fn has_known_code(name: &str) -> bool {
    matches!(
        base_name(family(name)),
        "awk"
            | "gawk"
            | "mawk"
            | "nawk"
            | "original-awk"
            | "sed"
            | "gsed"
            | "python"
            | "pypy"
            | "perl"
            | "node"
            | "nodejs"
    )
}

const CHANGED: Use = Use::Data { output: Carries::Changed, to_end: false };

/// Data if all options are among these, wherever they stand.
fn of_options(options: &Options, arguments: &[Word]) -> Use {
    let mut rest = arguments.to_vec();
    loop {
        let Ok(found) = options.read(&rest) else { return Use::Unknown };
        // Options may stand behind operands too.
        let Some((operand, after)) = found.operands.split_first() else { return CHANGED };
        if operand.known().is_none() && (operand.splits() || operand.start().is_empty()) {
            return Use::Unknown;
        }
        rest = after.to_vec();
    }
}

/// `PROGRAM [OPTIONS…] SUBCOMMAND …`
fn subcommand(options: &Options, data: &str, silent: &str, arguments: &[Word]) -> Use {
    let Ok(found) = options.read(arguments) else { return Use::Unknown };
    let Some(command) = found.operands.first().and_then(Word::known) else { return Use::Unknown };
    let is_in = |list: &str| list.split_ascii_whitespace().any(|word| word == command);
    // `docker start -ai`, `docker system dial-stdio`.
    let is_attached = || {
        found.operands.iter().any(|word| {
            let text = word.start();
            let letters = text.strip_prefix('-').filter(|letters| !letters.starts_with('-'));
            letters.is_some_and(|letters| letters.contains(['a', 'i'])) || text.starts_with("--interactive")
        })
    };
    match () {
        () if command == "start" && is_attached() => Use::Unknown,
        () if is_in(data) => CHANGED,
        () if is_in(silent) => Use::Nothing,
        () => Use::Unknown,
    }
}

/// Where no editor is opened, which would read the input.
fn git(arguments: &[Word]) -> Use {
    let words = || arguments.iter().map(|word| word.known().unwrap_or(word.start()));
    let edits = |word: &str| {
        matches!(word, "-e" | "-i" | "-p")
            || ["--edit", "--inter", "--patch"].iter().any(|start| word.starts_with(start))
    };
    let has_message = || {
        words().any(|word| {
            ["-m", "-am", "-F", "--message", "--file", "--no-edit"].iter().any(|start| word.starts_with(start))
        })
    };
    // `-p` before the subcommand is about the pager.
    let after = || words().skip_while(|word| word.starts_with('-'));
    if arguments.iter().any(Word::splits)
        || after().any(edits)
        || (after().any(|word| matches!(word, "commit" | "notes" | "tag")) && !has_message())
    {
        return Use::Unknown;
    }
    subcommand(&GIT, GIT_DATA, GIT_SILENT, arguments)
}

/// `tar xzf -` is `tar -xzf -`. The program after `-I` is looked at where that option is followed.
fn tar(arguments: &[Word]) -> Use {
    let mut words = Vec::new();
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        match word.known() {
            Some("-I") => drop(rest.next()),
            Some(letters) if words.is_empty() && !letters.starts_with('-') => {
                words.push(Word::of(format!("-{letters}")))
            }
            _ => words.push(word.clone()),
        }
    }
    of_options(&TAR, &words)
}

/// They read nothing.
const SILENT: &str = "\
    : [ [[ alias apropos apt-cache apt-mark arch arp basename bg blkid break bridge builtin cal cd chattr chdir chgrp \
    chmod chown clear continue cp date declare df dig dir dircolors dirname dirs disown dmesg dpkg-query du echo \
    ethtool exit export expr false fallocate fc-list fd fdfind fg file find findmnt free fuser getcap \
    getconf getent getfacl getopts gfind groups halt hash help history host hostid hostname hostnamectl id \
    ifconfig iostat iotop ip journalctl kill killall last lastb lastlog ldconfig ldd let ln local locale \
    localectl locate loginctl logname ls lsattr lsblk lscpu lsmem lsmod lsns lsof lspci lsusb mailq \
    mkdir mkfifo mkfs mknod mktemp modinfo mount mountpoint mpstat mv ncal netstat networkctl nproc pathchk \
    pgrep pidof pidstat ping ping6 pkill pmap popd poweroff printenv printf ps pstree pushd pwd pwdx readlink readonly \
    realpath reboot resolvectl return rm rmdir route rpcinfo sar sensors seq service set setcap shift shopt showmount \
    shred shutdown sleep ss stat sync systemd-analyze systemd-detect-virt test timedatectl times touch \
    tracepath traceroute tree true truncate tty type typeset udevadm ulimit umask umount unalias uname unlink unset \
    uptime users vmstat w wait whatis whereis which who whoami whois yes zipinfo pg_dump pg_dumpall mysqldump pg_isready \
    redis-benchmark rpm2cpio dpkg-deb trap";

/// They read data, and what they print of it is no more than a number.
const DIGESTS: &str = "\
    b2sum b3sum cksum cmp crc32 md5sum sha1sum sha224sum sha256sum sha384sum sha512sum shasum sum wc xxhsum xxh64sum \
    xxh128sum";

/// They read data to its end where no operand names a file.
const FILTERS: &str = "\
    base32 base64 basenc bzcat bzip2 bunzip2 gzip gunzip lz4 lz4cat lzcat lzma pbzip2 pigz tac unlz4 unlzma unxz \
    unpigz unzstd xz xzcat zcat zstd zstdcat";

/// They read data.
const DATA: &str = "\
    7z 7za 7zr age asa bc brotli chpasswd col colrm column comm compress cryptsetup csplit cut \
    debconf-set-selections dos2unix dot egrep enscript envsubst expand factor fgrep ffmpeg ffprobe flac fmt fold \
    funzip gofmt gpgv grep gron hadolint head hexdump hd iconv internal-sftp isutf8 join jq json_pp kafkacat kcat \
    logger look lp lpr lz4c lzip lzop mesg minisign mosquitto_pub nl numfmt od paste pg_restore pixz plzip pr ptx recode \
    rev sftp-server sfdisk shellcheck shfmt shuf sponge strings tail tidy tr ts tsort uncompress unexpand uniq \
    unix2dos uudecode uuencode wall write xxd xxencode yamllint zstdmt git-receive-pack git-upload-archive \
    git-upload-pack passwd skopeo flac sox lame pngquant optipng cjpeg djpeg ppmtojpeg jpegtran \
    mongorestore ";

const NO_OPTIONS: Options = Options { flags: "", values: "", long_flags: &[], long_values: &[] };

const SCP: Options = Options { flags: "rvpdqtf", ..NO_OPTIONS };

const TAR: Options = Options {
    flags: "AcdrtuxajJzZpkmOPShlwWiBnvUGso",
    values: "fCbgNXKLVH",
    long_flags: &[
        "absolute-names",
        "acls",
        "append",
        "auto-compress",
        "bzip2",
        "compare",
        "compress",
        "create",
        "delay-directory-restore",
        "dereference",
        "diff",
        "extract",
        "get",
        "gzip",
        "hard-dereference",
        "ignore-zeros",
        "keep-newer-files",
        "keep-old-files",
        "list",
        "lzip",
        "lzma",
        "lzop",
        "no-acls",
        "no-overwrite-dir",
        "no-recursion",
        "no-same-owner",
        "no-same-permissions",
        "no-selinux",
        "no-xattrs",
        "null",
        "numeric-owner",
        "one-file-system",
        "overwrite",
        "overwrite-dir",
        "preserve-order",
        "preserve-permissions",
        "recursion",
        "same-owner",
        "same-permissions",
        "selinux",
        "skip-old-files",
        "sparse",
        "to-stdout",
        "totals",
        "touch",
        "ungzip",
        "unlink-first",
        "update",
        "verbose",
        "verify",
        "wildcards",
        "xattrs",
        "xz",
        "zstd",
        "exclude-vcs",
        "anchored",
        "no-wildcards",
        // What they name was followed already.
        "to-command",
        "use-compress-program",
        "warning",
    ],
    long_values: &[
        "blocking-factor",
        "directory",
        "exclude",
        "exclude-from",
        "file",
        "format",
        "group",
        "listed-incremental",
        "mode",
        "mtime",
        "newer",
        "owner",
        "sort",
        "strip-components",
        "transform",
        "xattrs-include",
        "xform",
    ],
};

/// Programs of which some options run others, each with those that do not.
static DESCRIBED: &[(&str, Options)] = &[
    (
        "sort",
        Options {
            flags: "bcCdfghiMmnRrsuVz",
            values: "kotST",
            long_flags: &[
                "check",
                "dictionary-order",
                "general-numeric-sort",
                "human-numeric-sort",
                "ignore-case",
                "ignore-leading-blanks",
                "merge",
                "month-sort",
                "numeric-sort",
                "random-sort",
                "reverse",
                "stable",
                "unique",
                "version-sort",
                "zero-terminated",
            ],
            long_values: &["buffer-size", "field-separator", "key", "output", "parallel", "temporary-directory"],
        },
    ),
    (
        "split",
        Options {
            flags: "dexuz",
            values: "abClnt",
            long_flags: &["elide-empty-files", "hex-suffixes", "numeric-suffixes", "unbuffered", "verbose"],
            long_values: &["additional-suffix", "bytes", "line-bytes", "lines", "number", "separator", "suffix-length"],
        },
    ),
    (
        "diff",
        Options {
            flags: "abBcdeiNqrsTtuwyE",
            values: "CILSUWxX",
            long_flags: &["brief", "color", "context", "recursive", "side-by-side", "text", "unified", "new-file"],
            long_values: &["exclude", "ignore-matching-lines", "label", "width"],
        },
    ),
    (
        "patch",
        Options {
            flags: "bcEflNnRstTuZ",
            values: "dDFiopr",
            long_flags: &[
                "backup", "batch", "dry-run", "force", "forward", "merge", "quiet", "reverse", "silent", "unified",
            ],
            long_values: &["directory", "fuzz", "input", "output", "reject-file", "strip"],
        },
    ),
    (
        "cpio",
        Options {
            flags: "0aABcdfiklLmnoprstuvV",
            values: "CDEFHMORW",
            long_flags: &[
                "create",
                "extract",
                "list",
                "make-directories",
                "no-absolute-filenames",
                "null",
                "pass-through",
                "preserve-modification-time",
                "quiet",
                "unconditional",
                "verbose",
            ],
            long_values: &["directory", "file", "format", "owner"],
        },
    ),
    ("zip", Options { flags: "0123456789@cDdefghijJklmnoqruvwXyz", values: "btx", ..NO_OPTIONS }),
    (
        "rg",
        Options {
            flags: "abcFHhiIlLnNopPqsSuUvwxz",
            values: "ABCefgjmMrtT",
            long_flags: &[
                "color",
                "count",
                "fixed-strings",
                "hidden",
                "ignore-case",
                "invert-match",
                "no-heading",
                "word-regexp",
            ],
            long_values: &["after-context", "before-context", "context", "glob", "max-count", "regexp"],
        },
    ),
    (
        "yq",
        Options {
            flags: "ecCeijMnNPrsSvwxy",
            values: "Iopt",
            long_flags: &[
                "colors",
                "compact-output",
                "exit-status",
                "inplace",
                "join-output",
                "no-colors",
                "no-doc",
                "null-input",
                "prettyPrint",
                "raw-output",
                "slurp",
                "unwrapScalar",
                "yaml-output",
            ],
            long_values: &["indent", "input-format", "output-format", "arg", "argjson"],
        },
    ),
    (
        "xmllint",
        Options {
            flags: "",
            values: "",
            long_flags: &["format", "html", "noblanks", "noent", "noout", "nowarning", "recover", "valid"],
            long_values: &["encode", "xpath"],
        },
    ),
    ("mbuffer", Options { flags: "acefHqQ", values: "bdilmoPprRsTtu", ..NO_OPTIONS }),
    (
        "gpg gpg2",
        Options {
            flags: "aAbcdDEeksqtuvz",
            values: "nNor",
            long_flags: &[
                "armor",
                "batch",
                "clear-sign",
                "clearsign",
                "dearmor",
                "decrypt",
                "detach-sign",
                "enarmor",
                "encrypt",
                "export",
                "import",
                "list-keys",
                "list-packets",
                "no-tty",
                "quiet",
                "show-keys",
                "sign",
                "symmetric",
                "verify",
                "yes",
            ],
            long_values: &[
                "cipher-algo",
                "compress-algo",
                "homedir",
                "local-user",
                "output",
                "passphrase-fd",
                "passphrase-file",
                "pinentry-mode",
                "recipient",
                "trust-model",
            ],
        },
    ),
    ("ssh-keygen", Options { flags: "BceFHlpqRvy", values: "bCEfImNnOPrstYVz", ..NO_OPTIONS }),
    ("sendmail exim exim4", Options { flags: "intv", values: "fFor", ..NO_OPTIONS }),
    ("msmtp", Options { flags: "ti", values: "af", ..NO_OPTIONS }),
    (
        "curl",
        Options {
            flags: "0123456789aBfgGIijklLMnNOpqRsSvVZ#",
            values: "AbcCdDeEFHhmoQrtTuUwxXyYz",
            long_flags: &[
                "anyauth",
                "basic",
                "compressed",
                "create-dirs",
                "digest",
                "fail",
                "fail-with-body",
                "get",
                "globoff",
                "head",
                "http1.1",
                "http2",
                "include",
                "insecure",
                "ipv4",
                "ipv6",
                "location",
                "negotiate",
                "no-buffer",
                "no-progress-meter",
                "parallel",
                "path-as-is",
                "progress-bar",
                "raw",
                "remote-name",
                "remote-time",
                "show-error",
                "silent",
                "ssl",
                "tlsv1.2",
                "tlsv1.3",
                "verbose",
            ],
            long_values: &[
                "cacert",
                "cert",
                "connect-timeout",
                "connect-to",
                "cookie",
                "cookie-jar",
                "data",
                "data-ascii",
                "data-binary",
                "data-raw",
                "data-urlencode",
                "dump-header",
                "form",
                "form-string",
                "header",
                "interface",
                "json",
                "key",
                "limit-rate",
                "max-redirs",
                "max-time",
                "noproxy",
                "oauth2-bearer",
                "output",
                "output-dir",
                "proxy",
                "range",
                "referer",
                "request",
                "resolve",
                "retry",
                "retry-delay",
                "retry-max-time",
                "unix-socket",
                "upload-file",
                "url",
                "user",
                "user-agent",
                "write-out",
            ],
        },
    ),
    (
        "wget",
        Options {
            flags: "46bcdEHkKLmNpqrSvx",
            values: "aABDIilOoPQRtTUwX",
            long_flags: &[
                "continue",
                "mirror",
                "no-check-certificate",
                "no-verbose",
                "quiet",
                "recursive",
                "spider",
                "timestamping",
            ],
            long_values: &[
                "directory-prefix",
                "header",
                "method",
                "output-document",
                "password",
                "post-data",
                "post-file",
                "timeout",
                "tries",
                "user",
                "user-agent",
            ],
        },
    ),
    (
        "iptables-restore ip6tables-restore",
        Options { flags: "cntvw", long_flags: &["counters", "noflush", "test"], ..NO_OPTIONS },
    ),
    ("ipset", Options { flags: "!q", ..NO_OPTIONS }),
    ("nft", Options { flags: "acjns", values: "f", ..NO_OPTIONS }),
    ("tcpdump", Options { flags: "AdDeKlLnNOpqStuUvxX", values: "BcCGiJjmMQrsTVwWyZ", ..NO_OPTIONS }),
    ("rpm", Options { flags: "acdfilpqRsvV", long_flags: &["last", "changelog", "requires", "scripts"], ..NO_OPTIONS }),
    (
        "dpkg",
        Options {
            flags: "lLsSpIcV",
            long_flags: &[
                "audit",
                "get-selections",
                "list",
                "listfiles",
                "print-architecture",
                "search",
                "set-selections",
                "status",
            ],
            ..NO_OPTIONS
        },
    ),
    ("sysctl", Options { flags: "aAenNqr", long_flags: &["all", "names", "values"], ..NO_OPTIONS }),
    ("nginx", Options { flags: "tTqvV", ..NO_OPTIONS }),
];

const RESTIC: Options = Options {
    flags: "qvx",
    values: "Hepr",
    long_flags: &["json", "one-file-system", "quiet", "stdin", "verbose"],
    long_values: &["exclude", "host", "password-file", "repo", "stdin-filename", "tag"],
};

/// Commands of openssl that read a message, a key or a certificate.
const OPENSSL: &str = "\
    aes-128-cbc aes-256-cbc asn1parse base64 ciphers cms crl dgst dsa dsaparam ec ecparam enc genpkey genrsa md5 passwd \
    pkcs12 pkcs7 pkcs8 pkey pkeyutl rand req rsa rsautl sha1 sha256 sha384 sha512 smime verify version x509 zlib";

const GIT: Options = Options {
    flags: "pP",
    values: "Cc",
    long_flags: &["bare", "git-dir", "literal-pathspecs", "no-optional-locks", "no-pager", "work-tree"],
    long_values: &[],
};

const GIT_DATA: &str = "\
    am apply bundle cat-file check-attr check-ignore check-mailmap commit commit-tree diff-tree fast-import fetch-pack \
    fmt-merge-msg get-tar-commit-id hash-object index-pack interpret-trailers mailinfo mailsplit mktag mktree name-rev notes \
    pack-objects patch-id receive-pack rev-list send-pack shortlog stripspace tag unpack-objects update-index update-ref \
    upload-archive upload-pack";

const GIT_SILENT: &str = "\
    archive blame branch checkout cherry-pick clean clone config count-objects describe diff fetch for-each-ref fsck gc \
    grep help init log ls-files ls-remote ls-tree merge merge-base mv prune pull push reflog remote reset restore \
    rev-parse revert rm show stash status submodule switch symbolic-ref var version whatchanged worktree";

const DOCKER: Options = Options {
    flags: "D",
    values: "Hcl",
    long_flags: &["debug", "tls", "tlsverify"],
    long_values: &["config", "context", "host", "log-level", "tlscacert", "tlscert", "tlskey"],
};

const DOCKER_DATA: &str = "config cp import load login secret";

const DOCKER_SILENT: &str = "\
    diff events history images info inspect kill logs network pause port ps pull push rename restart rm rmi save search \
    start stats stop tag top unpause version volume wait";

const KUBECTL: Options = Options {
    flags: "",
    values: "ns",
    long_flags: &["insecure-skip-tls-verify", "warnings-as-errors"],
    long_values: &["as", "cluster", "context", "kubeconfig", "namespace", "request-timeout", "server", "token", "user"],
};

const KUBECTL_DATA: &str = "annotate apply create delete diff label patch replace set wait";

const KUBECTL_SILENT: &str = "\
    api-resources api-versions auth autoscale cluster-info cordon cp describe drain events explain expose get logs \
    port-forward rollout scale taint top uncordon version";

const SYSTEMCTL: Options = Options {
    flags: "aflqr",
    values: "HMnopst",
    long_flags: &[
        "all",
        "failed",
        "force",
        "full",
        "global",
        "no-block",
        "no-legend",
        "no-pager",
        "now",
        "plain",
        "quiet",
        "recursive",
        "runtime",
        "system",
        "user",
        "value",
    ],
    long_values: &["host", "lines", "output", "property", "signal", "state", "type"],
};

const SYSTEMCTL_SILENT: &str = "\
    cat daemon-reexec daemon-reload disable enable get-default halt is-active is-enabled is-failed is-system-running isolate \
    kill list-dependencies list-jobs list-sockets list-timers list-unit-files list-units mask poweroff reboot reenable reload \
    reload-or-restart reset-failed restart set-default show show-environment start status stop suspend try-restart unmask";
