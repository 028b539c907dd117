//! Tables `logins`, `login_flows` and `certificates`.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    CertificateRecord, LoginFlow, LoginRecord, StoreError, TokenHash,
    row::{Columns, bigint, hash_text, subject_text, word_text},
    statement::{Connection, Row, sql},
};

pub(super) async fn add(connection: &mut Connection, login: &LoginRecord) -> Result<(), StoreError> {
    sql("INSERT INTO logins (token, kind, subject, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(hash_text(login.token))
        .bind(word_text("logins", &login.kind)?)
        .bind(subject_text("logins", &login.subject)?)
        .bind(login.created_at.as_millisecond())
        .bind(login.expires_at.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn find(
    connection: &mut Connection,
    token: TokenHash,
    now: Timestamp,
) -> Result<Option<LoginRecord>, StoreError> {
    sql("SELECT * FROM logins WHERE token = $1 AND expires_at > $2")
        .bind(hash_text(token))
        .bind(now.as_millisecond())
        .optional(connection)
        .await?
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

pub(super) async fn remove(connection: &mut Connection, token: TokenHash) -> Result<bool, StoreError> {
    let removed = sql("DELETE FROM logins WHERE token = $1").bind(hash_text(token)).execute(connection).await?;
    Ok(removed > 0)
}

/// Which of these are not there.
pub(super) async fn ended_among(
    connection: &mut Connection,
    logins: &[TokenHash],
) -> Result<Vec<TokenHash>, StoreError> {
    let mut standing = BTreeSet::new();
    for some in logins.chunks(AT_ONCE) {
        let mut query = sql("SELECT token FROM logins WHERE token IN (");
        for (place, token) in some.iter().enumerate() {
            query.push_bind(if place == 0 { "" } else { ", " }, hash_text(*token));
        }
        query.push(")");
        for row in query.once().all(connection).await? {
            standing.insert(Columns::of("logins", &row).hash("token")?.0);
        }
    }
    Ok(logins.iter().copied().filter(|token| !standing.contains(&token.0)).collect())
}

pub(super) async fn add_flow(connection: &mut Connection, flow: &LoginFlow) -> Result<(), StoreError> {
    sql("INSERT INTO login_flows (flow, nonce, secret, redirect_uri, kind, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)")
    .bind(hash_text(flow.key))
    .bind(&flow.nonce)
    .bind(&flow.secret)
    .bind(&flow.redirect_uri)
    .bind(word_text("login_flows", &flow.kind)?)
    .bind(flow.expires_at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// One statement takes the row out and gives it to one caller only.
pub(super) async fn take_flow(
    connection: &mut Connection,
    key: TokenHash,
    now: Timestamp,
) -> Result<Option<LoginFlow>, StoreError> {
    let row =
        sql("DELETE FROM login_flows WHERE flow = $1 RETURNING *").bind(hash_text(key)).optional(connection).await?;
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
    connection: &mut Connection,
    certificate: &CertificateRecord,
) -> Result<(), StoreError> {
    sql("INSERT INTO certificates (serial, fingerprint, subject, login, issued_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)")
    .bind(bigint(certificate.serial))
    .bind(&certificate.fingerprint)
    .bind(subject_text("certificates", &certificate.subject)?)
    .bind(certificate.login.map(hash_text))
    .bind(certificate.issued_at.as_millisecond())
    .bind(certificate.expires_at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn certificate(
    connection: &mut Connection,
    serial: u64,
) -> Result<Option<CertificateRecord>, StoreError> {
    // A number above the column's range was never given out.
    let Ok(serial) = i64::try_from(serial) else { return Ok(None) };
    sql("SELECT * FROM certificates WHERE serial = $1")
        .bind(serial)
        .optional(connection)
        .await?
        .map(|row| certificate_from(&row))
        .transpose()
}

pub(super) async fn certificate_for_key(
    connection: &mut Connection,
    fingerprint: &str,
) -> Result<Option<CertificateRecord>, StoreError> {
    sql("SELECT * FROM certificates WHERE fingerprint = $1 ORDER BY issued_at DESC, serial LIMIT 1")
        .bind(fingerprint)
        .optional(connection)
        .await?
        .map(|row| certificate_from(&row))
        .transpose()
}

/// Tokens in one statement.
const AT_ONCE: usize = 500;

pub(super) async fn forget_expired(connection: &mut Connection, now: Timestamp) -> Result<u64, StoreError> {
    let mut rows = 0;
    for statement in [
        "DELETE FROM logins WHERE expires_at <= $1",
        "DELETE FROM login_flows WHERE expires_at <= $1",
        "DELETE FROM certificates WHERE expires_at <= $1",
    ] {
        let done = sql(statement).bind(now.as_millisecond()).execute(connection).await;
        rows += done?;
    }
    Ok(rows)
}

fn certificate_from(row: &Row) -> Result<CertificateRecord, StoreError> {
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
