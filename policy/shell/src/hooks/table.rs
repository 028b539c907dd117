//! The table of programs that run the value of an option.

use std::{collections::HashMap, sync::LazyLock};

use super::HookValue::{
    self, AnsibleVariables, Binding, Code, CodeAfterExec, Other, Script, Setting, SqlFile, Statements,
};
use crate::client::Client;

const EDITOR: HookValue = Statements(Client::Vim, "");

/// The rows about a program.
pub(super) fn of(name: &str) -> impl Iterator<Item = Options> {
    static BY_NAME: LazyLock<HashMap<&str, Vec<Options>>> = LazyLock::new(|| {
        let mut rows: HashMap<&str, Vec<Options>> = HashMap::new();
        for (names, options) in HOOKS {
            for name in *names {
                rows.entry(name).or_default().push(options);
            }
        }
        rows
    });
    BY_NAME.get(name).into_iter().flatten().copied()
}

/// Options, each with what its value is.
type Options = &'static [(&'static str, HookValue)];

/// Names of programs, and their options with what the value of each is.
type Hooks = (&'static [&'static str], Options);

/// Programs, and their options whose value is run.
const HOOKS: &[Hooks] = &[
    (
        &["tar", "gtar", "bsdtar"],
        &[
            ("--to-command", Code),
            ("--use-compress-program", Code),
            ("-I", Code),
            ("--checkpoint-action", CodeAfterExec),
            ("--rsh-command", Code),
            ("--rmt-command", Code),
            ("--info-script", Code),
            ("--new-volume-script", Code),
            ("-F", Code),
        ],
    ),
    (&["mapfile", "readarray", "compgen", "complete"], &[("-C", Code)]),
    (&["rsync"], &[("-e", Code), ("--rsh", Code), ("--rsync-path", Code)]),
    (&["scp", "sftp"], &[("-S", Code), ("-D", Code), ("-F", Other), ("-o", Setting)]),
    (&["sort"], &[("--compress-program", Code)]),
    (&["split"], &[("--filter", Code)]),
    (&["man"], &[("-P", Code), ("--pager", Code), ("-H", Code), ("--html", Code), ("-C", Other)]),
    (&["zip"], &[("-TT", Code), ("--unzip-command", Code)]),
    (
        &["nc", "ncat", "netcat", "nc.traditional"],
        &[("-e", Code), ("--exec", Code), ("-c", Code), ("--sh-exec", Code), ("--lua-exec", Other)],
    ),
    (&["tcpdump"], &[("-z", Code)]),
    (&["xterm", "konsole", "gnome-terminal", "alacritty"], &[("-e", Code), ("-x", Code)]),
    (
        &["emacs", "emacsclient"],
        &[
            ("--eval", Other),
            ("-f", Other),
            ("--load", Other),
            ("-l", Other),
            ("--funcall", Other),
            ("--script", Other),
        ],
    ),
    (
        &["vi", "vim", "nvim", "view", "rvim", "rview", "gvim", "vimx", "nvi", "ex", "vimdiff"],
        &[("-c", EDITOR), ("--cmd", EDITOR), ("-S", Other), ("-u", Other)],
    ),
    (
        &["dc"],
        &[
            ("-e", Statements(Client::Dc, "")),
            ("--expression", Statements(Client::Dc, "")),
            ("-f", Other),
            ("--file", Other),
        ],
    ),
    (&["gnuplot"], &[("-e", Statements(Client::Gnuplot, ""))]),
    (
        &["lftp"],
        &[
            ("-c", Statements(Client::Lftp, "")),
            ("-e", Statements(Client::Lftp, "")),
            ("-f", Other),
            ("--rcfile", Other),
        ],
    ),
    (&["smbclient"], &[("-c", Statements(Client::Ftp, "")), ("--command", Statements(Client::Ftp, ""))]),
    (&["sftp"], &[("-b", Other)]),
    (&["mongo", "mongosh"], &[("--eval", Statements(Client::Mongo, "")), ("--file", Other), ("-f", Other)]),
    (&["redis-cli", "valkey-cli"], &[("--eval", Other)]),
    (&["sqlcmd"], &[("-Q", Statements(Client::Sqlcmd, "")), ("-q", Statements(Client::Sqlcmd, "")), ("-i", Other)]),
    (
        &["cqlsh"],
        &[
            ("-e", Statements(Client::Cql, "")),
            ("--execute", Statements(Client::Cql, "")),
            ("-f", SqlFile),
            ("--file", SqlFile),
            ("--cqlshrc", Script),
        ],
    ),
    (&["beeline", "hive", "spark-sql"], &[("-e", Statements(Client::Sqlplus, "")), ("-f", Other), ("-i", Other)]),
    (&["duckdb"], &[("-c", Statements(Client::Sqlite, "")), ("-s", Statements(Client::Sqlite, "")), ("-f", Other)]),
    (&["wget"], &[("--use-askpass", Code), ("-e", Other), ("--execute", Other)]),
    (
        &["psql", "pgcli", "usql", "vsql", "ysqlsh"],
        &[
            ("-c", Statements(Client::Psql, "")),
            ("--command", Statements(Client::Psql, "")),
            ("-f", SqlFile),
            ("--file", SqlFile),
            ("-o", Statements(Client::Psql, "\\o ")),
            ("--output", Statements(Client::Psql, "\\o ")),
            ("-L", Statements(Client::Psql, "\\s ")),
            ("--log-file", Statements(Client::Psql, "\\s ")),
            ("-v", Statements(Client::Psql, "\\set ")),
            ("--set", Statements(Client::Psql, "\\set ")),
            ("--variable", Statements(Client::Psql, "\\set ")),
        ],
    ),
    (&["cockroach"], &[("-e", Statements(Client::Psql, "")), ("--execute", Statements(Client::Psql, ""))]),
    (
        &["mysql", "mariadb", "mycli"],
        &[
            ("-e", Statements(Client::Mysql, "")),
            ("--execute", Statements(Client::Mysql, "")),
            ("--init-command", Statements(Client::Mysql, "")),
            ("--pager", Code),
            ("--plugin-dir", Other),
        ],
    ),
    (
        &["sqlite3", "sqlite", "sqlcipher"],
        &[
            ("-cmd", Statements(Client::Sqlite, "")),
            ("--cmd", Statements(Client::Sqlite, "")),
            ("-init", Other),
            ("--init", Other),
        ],
    ),
    (&["env", "nmap"], &[("--script", Other)]),
    (&["vim", "vi", "nvim", "view"], &[("--remote-send", Other), ("--remote-expr", Other), ("-U", Other)]),
    (&["nvim"], &[("-l", Other)]),
    (
        &["emacs"],
        &[
            ("-x", Other),
            ("--execute", Other),
            ("-eval", Other),
            ("-execute", Other),
            ("-funcall", Other),
            ("-load", Other),
            ("-script", Other),
        ],
    ),
    (&["emacsclient"], &[("-e", Other), ("-a", Code), ("--alternate-editor", Code)]),
    (&["docker", "podman", "nerdctl"], &[("--health-cmd", Code)]),
    (&["kubectl", "oc", "k"], &[("--exec-command", Code)]),
    (&["nm", "ar", "ranlib", "ld"], &[("--plugin", Other), ("-plugin", Other)]),
    (&["mysqldump", "mysqladmin", "mysqlimport"], &[("--plugin-dir", Other)]),
    (&["pgbench"], &[("-f", Other), ("--file", Other)]),
    (
        &["clickhouse", "clickhouse-client"],
        &[
            ("-q", Statements(Client::Clickhouse, "")),
            ("--query", Statements(Client::Clickhouse, "")),
            ("--queries-file", Other),
        ],
    ),
    (&["apt", "apt-cache", "apt-get", "aptitude"], &[("-c", Other), ("--config-file", Other)]),
    (&["ninja", "samu"], &[("-f", Script)]),
    (&["ant"], &[("-f", Script), ("-file", Script), ("-buildfile", Script)]),
    (&["gradle", "gradlew"], &[("-I", Script), ("-b", Script), ("--init-script", Script), ("--build-file", Script)]),
    (&["curl"], &[("-K", Script), ("--config", Script)]),
    (&["dnsmasq"], &[("--dhcp-script", Other), ("--conf-script", Code)]),
    (&["dhclient"], &[("-sf", Other)]),
    (&["ifup", "ifdown"], &[("-i", Script), ("--interfaces", Script)]),
    (&["code", "codium"], &[("--install-extension", Script)]),
    (&["nginx"], &[("-c", Script), ("-g", Other)]),
    (&["vault"], &[("-exec", Code)]),
    (&["go"], &[("-exec", Code), ("-toolexec", Code), ("-vettool", Code)]),
    (&["cargo"], &[("--config", Other)]),
    (&["aws"], &[("--command", Code)]),
    (&["az"], &[("--scripts", Code), ("--command", Code), ("--exec-command", Code), ("--command-to-execute", Code)]),
    (&["gcloud"], &[("--command", Code)]),
    (&["fly", "flyctl"], &[("-C", Code), ("--command", Code)]),
    (&["cf"], &[("-c", Code), ("--command", Code)]),
    (&["doppler", "infisical"], &[("--command", Code)]),
    (&["nix-shell"], &[("--run", Code), ("--command", Code)]),
    (&["dpkg"], &[("--pre-invoke", Code), ("--post-invoke", Code)]),
    (
        &["fzf", "sk"],
        &[("--preview", Code), ("--bind", Binding), ("--with-shell", Code), ("--execute", Code), ("--become", Code)],
    ),
    (&["bat", "batcat", "delta", "ag", "ack", "difft"], &[("--pager", Code)]),
    (&["rg"], &[("--pre", Code), ("--hostname-bin", Code), ("--pager", Code)]),
    (
        &["svn"],
        &[
            ("--config-option", Other),
            ("--config-dir", Other),
            ("--diff-cmd", Code),
            ("--diff3-cmd", Code),
            ("--editor-cmd", Code),
        ],
    ),
    (&["hg"], &[("--config", Other)]),
    (&["install"], &[("--strip-program", Code)]),
    (&["cpio"], &[("--rsh-command", Code)]),
    (&["nano", "pico"], &[("-s", Code), ("--speller", Code), ("-f", Other), ("--rcfile", Other)]),
    (&["less"], &[("--lesskey-src", Other), ("--lesskey-content", Other), ("--lesskey-file", Other), ("-k", Other)]),
    (
        &["gpg", "gpg2"],
        &[
            ("--photo-viewer", Code),
            ("--agent-program", Code),
            ("--dirmngr-program", Code),
            ("--keyboxd-program", Code),
            ("--gpgconf-program", Code),
            ("--options", Other),
            ("--exec-path", Other),
        ],
    ),
    (&["ssh-keygen"], &[("-D", Other), ("-w", Other)]),
    (&["ssh-add"], &[("-s", Other), ("-S", Other)]),
    (&["ssh-copy-id"], &[("-o", Setting), ("-F", Other)]),
    (&["openssl"], &[("-engine", Other), ("-provider-path", Other), ("-pre", Other), ("-config", Script)]),
    (&["iptables", "ip6tables", "iptables-nft", "iptables-legacy"], &[("--modprobe", Code), ("-M", Code)]),
    (&["tshark", "wireshark"], &[("-X", Other)]),
    (&["mutt", "neomutt"], &[("-e", Other), ("-F", Other)]),
    (&["dnf", "yum", "pacman"], &[("-c", Other), ("--config", Other), ("--hookdir", Other)]),
    (&["kustomize"], &[("--exec-path", Code)]),
    (&["logrotate"], &[("-m", Code), ("--mail", Code)]),
    (&["journalctl", "systemctl"], &[]),
    (&["make", "gmake"], &[("--eval", Other), ("-E", Other)]),
    (&["iptables-restore"], &[("--modprobe", Code)]),
    (&["mount"], &[]),
    // The libraries of every program are looked for where it says.
    (&["ldconfig"], &[("-f", Script), ("-C", Script), ("-r", Script)]),
    (
        &["ansible", "ansible-playbook"],
        &[("-e", AnsibleVariables), ("--extra-vars", AnsibleVariables), ("-M", Script), ("--module-path", Script)],
    ),
];
