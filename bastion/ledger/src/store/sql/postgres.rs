//! Connections to a PostgreSQL server: one that holds the database (`holder`), one that writes, a few that read; and one
//! that hears what other instances do (`listener`).

use std::{sync::Arc, time::Duration};

use config::{Postgres as Settings, PostgresHost};
use sqlx::{
    ConnectOptions as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};

use super::{
    LOCK_SHARE, READERS, StoreError,
    holder::{Holder, Role},
};

/// The hold on the database, what is needed to write, and the pool of those that read.
pub(super) async fn open(
    settings: &Settings,
    role: Role,
    deadline: Duration,
) -> Result<(PgConnectOptions, Arc<Holder>, PgPool), StoreError> {
    let options = options(settings)?;
    let holder = Holder::claim(options.clone(), &settings.to_string(), role).await?;
    let within = deadline.mul_f32(LOCK_SHARE);
    let options = options.options([
        ("statement_timeout", within.as_millis()),
        ("lock_timeout", within.as_millis()),
        // Of a bastion that is gone without a word.
        ("idle_in_transaction_session_timeout", deadline.saturating_mul(2).as_millis()),
    ]);
    let readers = PgPoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(within)
        .connect_lazy_with(options.clone().options([("default_transaction_read_only", "on")]));
    Ok((options, Arc::new(holder), readers))
}

fn options(settings: &Settings) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::new_without_pgpass()
        .port(settings.port)
        .username(&settings.user)
        .database(&settings.database)
        .application_name("bastion")
        // The server sees within half a minute that a machine is gone.
        .options([("tcp_keepalives_idle", 10), ("tcp_keepalives_interval", 5), ("tcp_keepalives_count", 3)])
        .disable_statement_logging();
    let options = match &settings.host {
        PostgresHost::Folder(folder) => options.socket(folder).ssl_mode(PgSslMode::Disable),
        PostgresHost::Plain(host) => options.host(host).ssl_mode(PgSslMode::Disable),
        PostgresHost::Tls { host, root: None } => options.host(host).ssl_mode(PgSslMode::VerifyFull),
        PostgresHost::Tls { host, root: Some(root) } => {
            let ca = std::fs::read(root).map_err(|source| StoreError::Open { path: root.clone(), source })?;
            options.host(host).ssl_mode(PgSslMode::VerifyFull).ssl_root_cert_from_pem(ca)
        }
    };
    Ok(match &settings.password {
        Some(password) => options.password(password.expose()),
        None => options,
    })
}
