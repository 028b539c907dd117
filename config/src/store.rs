//! Where logins, sessions and audit events are kept.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use url::{Host, Url};

use crate::{
    reader::{Field, Read},
    secret::{self, Secret},
    value,
};

/// The database.
#[derive(Debug, Clone)]
pub enum Store {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A database of a PostgreSQL server.
    Postgres(Postgres),
}

/// A database of a PostgreSQL server. Shown as its URL, which has no password.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// Where the server is, and how it is spoken to.
    pub host: PostgresHost,
    /// Its port.
    pub port: u16,
    /// As whom.
    pub user: String,
    /// Which of its databases.
    pub database: String,
    /// The user's password, if there is one.
    pub password: Option<Secret>,
}

/// Where a PostgreSQL server is, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostgresHost {
    /// A socket in a folder of this machine.
    Folder(PathBuf),
    /// An address of this machine, without TLS.
    Plain(String),
    /// A host, whose certificate must be for its name.
    Tls {
        /// Its name or address.
        host: String,
        /// A file with the CA of its certificate, beside the public ones.
        root: Option<PathBuf>,
    },
}

impl Store {
    /// The database in the data folder.
    pub(crate) fn in_data_dir(data_dir: &Path) -> Self {
        Self::Sqlite(data_dir.join("bastion.db"))
    }

    /// The database at a URL, which has no password in it.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the URL, without repeating it.
    pub fn from_url(url: &str) -> Result<Self, String> {
        match url.split_once("://") {
            Some(("sqlite", path)) if path.starts_with('/') && !path.ends_with('/') && !path.contains('?') => {
                Ok(Self::Sqlite(path.into()))
            }
            Some(("postgres" | "postgresql", _)) => Postgres::from_url(url).map(Self::Postgres),
            _ => Err(format!("not the URL of a store; expected {EXPECTED}")),
        }
    }

    /// The same with the password of its user.
    ///
    /// # Errors
    ///
    /// A SQLite file has no password.
    pub fn with_password(self, password: Secret) -> Result<Self, String> {
        match self {
            Self::Sqlite(_) => Err("a SQLite file has no password".to_owned()),
            Self::Postgres(postgres) => Ok(Self::Postgres(Postgres { password: Some(password), ..postgres })),
        }
    }

    pub(crate) fn read(field: &Field<'_>) -> Read<Self> {
        if !field.is_table() {
            return Self::read_url(field);
        }
        field.table(EXPECTED, |store| {
            let url = store.required("url", Self::read_url);
            let password = store.present("password", secret::read).transpose();
            match password? {
                Some(password) => url?.with_password(password).map_err(|why| store.field("password").refused(why)),
                None => url,
            }
        })
    }

    fn read_url(field: &Field<'_>) -> Read<Self> {
        let text = field.text(EXPECTED)?;
        let store = Self::from_url(text).map_err(|why| {
            // What may hold a password is not repeated.
            if text.contains('@') || text.starts_with("postgres") {
                field.refused(why)
            } else {
                field.expected(EXPECTED)
            }
        })?;
        let Self::Postgres(postgres) = store else { return Ok(store) };
        let postgres = postgres.seen_from(|path| field.resolve(path));
        if let PostgresHost::Tls { root: Some(root), .. } = &postgres.host {
            value::read_file(field, root)?;
        }
        Ok(Self::Postgres(postgres))
    }
}

impl Postgres {
    fn from_url(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("not a URL ({error}); expected {EXPECTED_POSTGRES}"))?;
        if url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password") {
            return Err(PASSWORD.to_owned());
        }
        let plain = |what: &str, text: &str| {
            let known = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
            if !text.is_empty() && text.chars().all(known) {
                return Ok(text.to_owned());
            }
            Err(format!("the {what} must be a name of letters, digits, '_', '-' and '.'; expected {EXPECTED_POSTGRES}"))
        };
        let (mut mode, mut root, mut folder) = (None, None, None);
        for (key, value) in url.query_pairs() {
            match key.as_ref() {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => root = Some(PathBuf::from(value.as_ref())),
                "host" if value.starts_with('/') => folder = Some(PathBuf::from(value.as_ref())),
                _ => return Err(format!("{PARAMETERS}, and no {key:?}")),
            }
        }
        let named = url.host_str().filter(|host| !host.is_empty()).map(|host| host.trim_matches(['[', ']']).to_owned());
        let Some(named) = named else { return Err(format!("no host; expected {EXPECTED_POSTGRES}")) };
        let host = match (folder, mode.as_deref()) {
            (Some(folder), None) if named == "localhost" && root.is_none() => PostgresHost::Folder(folder),
            (Some(_), _) => return Err(SOCKET.to_owned()),
            (None, None | Some("verify-full")) => PostgresHost::Tls { host: named, root },
            (None, Some("disable")) if is_loopback(&url) && root.is_none() => PostgresHost::Plain(named),
            (None, Some("disable")) => return Err(NO_TLS.to_owned()),
            (None, Some(_)) => return Err(UNVERIFIED.to_owned()),
        };
        Ok(Self {
            host,
            port: url.port().unwrap_or(5432),
            user: plain("user", url.username())?,
            database: plain("database", url.path().trim_start_matches('/'))?,
            password: None,
        })
    }

    /// Its files as seen from a folder.
    fn seen_from(self, resolve: impl Fn(&str) -> PathBuf) -> Self {
        let host = match self.host {
            PostgresHost::Tls { host, root: Some(root) } => {
                PostgresHost::Tls { host, root: Some(resolve(&root.to_string_lossy())) }
            }
            host @ (PostgresHost::Folder(_) | PostgresHost::Plain(_) | PostgresHost::Tls { .. }) => host,
        };
        Self { host, ..self }
    }
}

impl fmt::Display for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, user, database, password: _ } = self;
        match host {
            PostgresHost::Folder(folder) => {
                write!(f, "postgres://{user}@localhost:{port}/{database}?host={}", folder.display())
            }
            PostgresHost::Plain(host) | PostgresHost::Tls { host, .. } if host.contains(':') => {
                write!(f, "postgres://{user}@[{host}]:{port}/{database}")
            }
            PostgresHost::Plain(host) | PostgresHost::Tls { host, .. } => {
                write!(f, "postgres://{user}@{host}:{port}/{database}")
            }
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(postgres) => postgres.fmt(f),
        }
    }
}

/// The host of a URL whose scheme is none that browsers know is not parsed.
fn is_loopback(url: &Url) -> bool {
    match url.host_str().map(Host::parse) {
        Some(Ok(Host::Domain(name))) => name == "localhost",
        Some(Ok(Host::Ipv4(address))) => address.is_loopback(),
        Some(Ok(Host::Ipv6(address))) => address.is_loopback(),
        Some(Err(_)) | None => false,
    }
}

const EXPECTED: &str =
    "sqlite:///PATH such as sqlite:///var/lib/bastion/bastion.db, or postgres://USER@HOST:PORT/DATABASE";
const EXPECTED_POSTGRES: &str =
    "postgres://USER@HOST:PORT/DATABASE such as postgres://bastion@db.example.com:5432/bastion";
const PASSWORD: &str = "a password must not stand in the URL; give a reference beside it: \
     {url: postgres://USER@HOST:PORT/DATABASE, password: file:/run/secrets/NAME or env:NAME}";
const PARAMETERS: &str = "the URL may have the parameters sslmode, sslrootcert and host=/FOLDER";
const SOCKET: &str = "host=/FOLDER is a socket of this machine, where there is no TLS: \
     the host before the port must be localhost, without sslmode and sslrootcert";
const NO_TLS: &str = "without TLS everybody on the way reads what is stored: \
     sslmode=disable is accepted on the loopback interface only, and without sslrootcert; use sslmode=verify-full";
const UNVERIFIED: &str = "only with sslmode=verify-full is it known who answers; use that, with sslrootcert=FILE \
     where the server's CA is not a public one";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Postgres {
        match Store::from_url(url) {
            Ok(Store::Postgres(postgres)) => postgres,
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn a_url_says_where_the_database_is_and_how_it_is_spoken_to() {
        let tls = |host: &str, root: Option<&str>| PostgresHost::Tls { host: host.into(), root: root.map(Into::into) };
        for (url, host, shown) in [
            ("postgres://b@db.example.com/c", tls("db.example.com", None), "postgres://b@db.example.com:5432/c"),
            (
                "postgresql://b@db:7/c?sslmode=verify-full&sslrootcert=/etc/ca.pem",
                tls("db", Some("/etc/ca.pem")),
                "postgres://b@db:7/c",
            ),
            ("postgres://b@[2001:db8::1]:7/c", tls("2001:db8::1", None), "postgres://b@[2001:db8::1]:7/c"),
            (
                "postgres://b@127.0.0.1:7/c?sslmode=disable",
                PostgresHost::Plain("127.0.0.1".into()),
                "postgres://b@127.0.0.1:7/c",
            ),
            (
                "postgres://b@localhost/c?host=/run/pg",
                PostgresHost::Folder("/run/pg".into()),
                "postgres://b@localhost:5432/c?host=/run/pg",
            ),
        ] {
            let postgres = of(url);
            assert_eq!((&postgres.host, postgres.to_string().as_str()), (&host, shown), "{url}");
            assert_eq!((postgres.user.as_str(), postgres.database.as_str()), ("b", "c"));
        }
        assert!(matches!(Store::from_url("sqlite:///a/b.db"), Ok(Store::Sqlite(path)) if path == Path::new("/a/b.db")));
    }

    #[test]
    fn what_is_not_safe_or_not_known_is_refused_and_a_password_is_not_repeated() {
        for (url, words) in [
            ("postgres://b:hidden@db/c", "a password must not stand in the URL"),
            ("postgres://b@db/c?password=hidden", "a password must not stand in the URL"),
            ("postgres://b:hid/den@db/c", "expected postgres://USER@HOST:PORT/DATABASE"),
            ("postgre://b:hidden@db/c", "expected sqlite:///PATH"),
            ("postgres://b@db/c?sslmode=require", "use that, with sslrootcert=FILE"),
            ("postgres://b@db/c?sslmode=disable", "on the loopback interface only"),
            ("postgres://b@db/c?host=/run/pg", "must be localhost"),
            ("postgres://b@localhost/c?host=/run/pg&sslmode=verify-full", "without sslmode"),
            ("postgres://b@db/c?sslcert=hidden", "and no \"sslcert\""),
            ("postgres://db/c", "the user must be a name"),
            ("postgres://b@db", "the database must be a name"),
            ("postgres:///c", "no host"),
            ("sqlite://relative.db", "expected sqlite:///PATH"),
        ] {
            let why = Store::from_url(url).unwrap_err();
            assert!(why.contains(words) && !why.contains("hid"), "{url}: {why}");
        }
        let file = Store::from_url("sqlite:///a.db").unwrap();
        assert_eq!(file.with_password(Secret::new("x".into())).unwrap_err(), "a SQLite file has no password");
    }
}
