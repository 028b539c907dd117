//! [`Server`]: Debian's PostgreSQL for tests, reached by a socket in a folder of its own. It ends with the test process,
//! however that ends: a shell waits for the end of its input, and stops it then.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use config::{Postgres, PostgresHost};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

/// A running server whose superuser is `postgres`.
pub(super) struct Server {
    folder: PathBuf,
    port: u16,
    programs: PathBuf,
    databases: AtomicU32,
    shell: Child,
}

/// The account that the Debian package makes; the server refuses to run as root.
const ACCOUNT: &str = "postgres";

/// Makes the files, starts the server, says so, and stops it when there is no more input.
const SCRIPT: &str = r#"
"$1/initdb" -A trust --auth-host=scram-sha-256 -N -U postgres -D "$2/data" >"$2/log" &&
printf '%s\n' "listen_addresses = '$3'" "port = $4" "unix_socket_directories = '$2'" \
    "fsync = off" "max_connections = 200" >>"$2/data/postgresql.conf" &&
if [ -e "$2/server.pem" ]; then
    printf '%s\n' "ssl = on" "ssl_cert_file = '$2/server.pem'" "ssl_key_file = '$2/server.key'" \
        >>"$2/data/postgresql.conf"
fi &&
"$1/pg_ctl" -D "$2/data" -l "$2/log" -w start >/dev/null && echo ready
read -r _
"$1/pg_ctl" -D "$2/data" -m immediate -w stop >/dev/null
rm -rf "$2"
"#;

impl Server {
    /// The one that the tests of this process share, each with a database of its own. Where PostgreSQL is not
    /// installed there is none, and `test` is left out by name; in CI that is a failure.
    pub(super) async fn shared(test: &str) -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Server>> = OnceLock::new();
        let server = tokio::task::spawn_blocking(|| SHARED.get_or_init(|| Self::start("", None)).as_ref());
        let server = server.await.unwrap();
        if server.is_none() {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL is missing: install the Debian package postgresql");
            eprintln!("skipped on PostgreSQL, which is not installed (Debian package postgresql): {test}");
        }
        server
    }

    /// One of its own, which listens on this address too, with the certificate and key in these texts.
    pub(super) fn start(address: &str, tls: Option<(&str, &str)>) -> Option<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("pg").tempdir().unwrap().keep();
        if let Some((certificate, key)) = tls {
            std::fs::write(folder.join("server.pem"), certificate).unwrap();
            std::fs::write(folder.join("server.key"), key).unwrap();
            let private = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
            std::fs::set_permissions(folder.join("server.key"), private).unwrap();
        }
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut shell = as_account(&folder, "sh")
            .args(["-c", SCRIPT, "sh"])
            .args([&programs, &folder])
            .args([address, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert_eq!(line, "ready\n", "PostgreSQL did not start: {}", log());
        Some(Self { folder, port, programs, databases: AtomicU32::new(0), shell })
    }

    /// A new database, empty, whose owner is the user `bastion`.
    pub(super) async fn database(&self) -> config::Store {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let mut connection = self.superuser("postgres").await;
        let role = "DO $$ BEGIN PERFORM pg_advisory_xact_lock(1); IF NOT EXISTS (SELECT FROM pg_roles WHERE \
                    rolname = 'bastion') THEN CREATE ROLE bastion LOGIN; END IF; END $$";
        sqlx::query(role).execute(&mut connection).await.unwrap();
        // The order of texts is that of a language here, as on most servers.
        let create = format!("CREATE DATABASE t{number} OWNER bastion TEMPLATE template0 LOCALE 'C.UTF-8'");
        sqlx::query(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        config::Store::Postgres(Postgres {
            host: PostgresHost::Folder(self.folder.clone()),
            port: self.port,
            user: "bastion".to_owned(),
            database: format!("t{number}"),
            password: None,
        })
    }

    /// A connection to a database for the test itself.
    pub(super) async fn superuser(&self, database: &str) -> PgConnection {
        let options = PgConnectOptions::new_without_pgpass().socket(&self.folder).port(self.port);
        PgConnection::connect_with(&options.username(ACCOUNT).database(database)).await.unwrap()
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Runs `pg_ctl` and waits for it.
    pub(super) fn control(&self, arguments: &[&str]) {
        let mut command = as_account(&self.folder, self.programs.join("pg_ctl"));
        command.arg("-D").arg(self.folder.join("data")).arg("-l").arg(self.folder.join("log"));
        let status = command.args(["-w", "-s"]).args(arguments).status().unwrap();
        assert!(status.success(), "{arguments:?}: {status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
        let _ = std::fs::remove_dir(&self.folder);
    }
}

/// A program of the server's package, as the account that may run it, to which the folder is given.
fn as_account(folder: &Path, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = if rustix::process::getuid().is_root() {
        let given = Command::new("chown").arg("-R").arg(ACCOUNT).arg(folder).status().unwrap();
        assert!(given.success(), "chown: {given}");
        let mut command = Command::new("setpriv");
        command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    command
}

/// Debian keeps the server's programs outside of `PATH`, by version.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    versions.map(|version| version.path().join("bin")).filter(|folder| folder.join("initdb").is_file()).max()
}
