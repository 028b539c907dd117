//! Tables `logins`, `login_flows` and `certificates`.

use jiff::Timestamp;
use sqlx::{SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{
    CertificateRecord, LoginFlow, LoginRecord, StoreError, TokenHash,
    row::{Columns, bigint, hash_text, subject_text, word_text},
};

pub(super) async fn add(connection: &mut SqliteConnection, login: &LoginRecord) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO logins (token, kind, subject, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(hash_text(login.token))
        .bind(word_text("logins", &login.kind)?)
        .bind(subject_text("logins", &login.subject)?)
        .bind(login.created_at.as_millisecond())
        .bind(login.expires_at.as_millisecond())
        .execute(&mut *connection)
        .await
        .map_err(StoreError::Unavailable)?;
    Ok(())
}

pub(super) async fn find(
    pool: &SqlitePool,
    token: TokenHash,
    now: Timestamp,
) -> Result<Option<LoginRecord>, StoreError> {
    sqlx::query("SELECT * FROM logins WHERE token = $1 AND expires_at > $2")
        .bind(hash_text(token))
        .bind(now.as_millisecond())
        .fetch_optional(pool)
        .await
        .map_err(StoreError::Unavailable)?
        .map(|row| {
            let columns = Columns::of("logins", &row);
            Ok(LoginRecord {
                token: columns.hash("token")?,
                kind: columns.word("kind")?,
                subject: columns.subject("subject")?,
                created_at: columns.time("created_at")?,
                expires_at: columns.time("expires_at")?,
            })
        })
        .transpose()
}

pub(super) async fn remove(connection: &mut SqliteConnection, token: TokenHash) -> Result<bool, StoreError> {
    let removed = sqlx::query("DELETE FROM logins WHERE token = $1")
        .bind(hash_text(token))
        .execute(&mut *connection)
        .await
        .map_err(StoreError::Unavailable)?;
    Ok(removed.rows_affected() > 0)
}

pub(super) async fn add_flow(connection: &mut SqliteConnection, flow: &LoginFlow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO login_flows (flow, nonce, secret, redirect_uri, kind, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(hash_text(flow.key))
    .bind(&flow.nonce)
    .bind(&flow.secret)
    .bind(&flow.redirect_uri)
    .bind(word_text("login_flows", &flow.kind)?)
    .bind(flow.expires_at.as_millisecond())
    .execute(&mut *connection)
    .await
    .map_err(StoreError::Unavailable)?;
    Ok(())
}

/// One statement takes the row out and gives it to one caller only.
pub(super) async fn take_flow(
    connection: &mut SqliteConnection,
    key: TokenHash,
    now: Timestamp,
) -> Result<Option<LoginFlow>, StoreError> {
    let row = sqlx::query("DELETE FROM login_flows WHERE flow = $1 RETURNING *")
        .bind(hash_text(key))
        .fetch_optional(&mut *connection)
        .await
        .map_err(StoreError::Unavailable)?;
    let Some(row) = row else { return Ok(None) };
    let columns = Columns::of("login_flows", &row);
    let flow = LoginFlow {
        key: columns.hash("flow")?,
        nonce: columns.plain("nonce")?,
        secret: columns.plain("secret")?,
        redirect_uri: columns.plain("redirect_uri")?,
        kind: columns.word("kind")?,
        expires_at: columns.time("expires_at")?,
    };
    Ok((flow.expires_at > now).then_some(flow))
}

pub(super) async fn add_certificate(
    connection: &mut SqliteConnection,
    certificate: &CertificateRecord,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO certificates (serial, fingerprint, subject, login, issued_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(bigint(certificate.serial))
    .bind(&certificate.fingerprint)
    .bind(subject_text("certificates", &certificate.subject)?)
    .bind(certificate.login.map(hash_text))
    .bind(certificate.issued_at.as_millisecond())
    .bind(certificate.expires_at.as_millisecond())
    .execute(&mut *connection)
    .await
    .map_err(StoreError::Unavailable)?;
    Ok(())
}

pub(super) async fn certificate(pool: &SqlitePool, serial: u64) -> Result<Option<CertificateRecord>, StoreError> {
    // A number above the column's range was never given out.
    let Ok(serial) = i64::try_from(serial) else { return Ok(None) };
    sqlx::query("SELECT * FROM certificates WHERE serial = $1")
        .bind(serial)
        .fetch_optional(pool)
        .await
        .map_err(StoreError::Unavailable)?
        .map(|row| certificate_from(&row))
        .transpose()
}

pub(super) async fn certificate_for_key(
    pool: &SqlitePool,
    fingerprint: &str,
) -> Result<Option<CertificateRecord>, StoreError> {
    sqlx::query("SELECT * FROM certificates WHERE fingerprint = $1 ORDER BY issued_at DESC, serial LIMIT 1")
        .bind(fingerprint)
        .fetch_optional(pool)
        .await
        .map_err(StoreError::Unavailable)?
        .map(|row| certificate_from(&row))
        .transpose()
}

pub(super) async fn forget_expired(connection: &mut SqliteConnection, now: Timestamp) -> Result<u64, StoreError> {
    let mut rows = 0;
    for statement in [
        "DELETE FROM logins WHERE expires_at <= $1",
        "DELETE FROM login_flows WHERE expires_at <= $1",
        "DELETE FROM certificates WHERE expires_at <= $1",
    ] {
        let done = sqlx::query(statement).bind(now.as_millisecond()).execute(&mut *connection).await;
        rows += done.map_err(StoreError::Unavailable)?.rows_affected();
    }
    Ok(rows)
}

fn certificate_from(row: &SqliteRow) -> Result<CertificateRecord, StoreError> {
    let columns = Columns::of("certificates", row);
    Ok(CertificateRecord {
        serial: columns.unsigned("serial")?,
        fingerprint: columns.plain("fingerprint")?,
        subject: columns.subject("subject")?,
        login: columns.optional_hash("login")?,
        issued_at: columns.time("issued_at")?,
        expires_at: columns.time("expires_at")?,
    })
}
