//! Tables `approvals`, `approval_groups` and `approval_votes`.
//!
//! A request is changed by whoever read its last revision, and by nobody else: two votes at the same
//! time are counted one after the other.

use std::time::Duration;

use api::id::ApprovalId;
use bytes::Bytes;
use jiff::Timestamp;
use policy::approval::{Act, Needed, Person, Scope};
use serde::{Deserialize, Serialize};

use super::{
    Listing, StoreError, access,
    dialect::Dialect,
    row::{Columns, bigint, json_text, subject_text, word_text},
    statement::{Connection, Row, sql},
};
use crate::store::{
    InstanceId, Owner,
    approval::{ApprovalChange, ApprovalFilter, ApprovalKind, ApprovalRecord, DecidedRecord, Reach, VoteRecord},
};

const TABLE: &str = "approvals";

/// What `exact_form` says of an act.
const ACT: i64 = 1;

/// Adds a request; false if this person has `most` that wait already.
///
/// One for access waits at no instance: nobody waits for it.
pub(super) async fn add(
    connection: &mut Connection,
    approval: &ApprovalRecord,
    most: u32,
    instance: Option<InstanceId>,
) -> Result<bool, StoreError> {
    let instance = instance.filter(|_| approval.kind != ApprovalKind::Access);
    let waiting = sql("SELECT COUNT(*) FROM approvals WHERE state = 'pending' AND issuer = $1 AND subject_id = $2")
        .bind(&approval.requester.issuer)
        .bind(&approval.requester.id)
        .number(connection)
        .await?;
    if waiting >= i64::from(most) {
        return Ok(false);
    }
    sql(
        "INSERT INTO approvals (id, revision, kind, state, issuer, subject_id, requester, target, login, session, \
         rule, exact_text, commands, screen, reason, because, needed, lasting, source, created_at, expires_at, exact_form, \
         instance) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)",
    )
    .bind(approval.id.to_string())
    .bind(approval.revision)
    .bind(word_text(TABLE, &approval.kind)?)
    .bind(word_text(TABLE, &approval.state)?)
    .bind(&approval.requester.issuer)
    .bind(&approval.requester.id)
    .bind(subject_text(TABLE, &approval.requester)?)
    .bind(approval.target.as_str())
    .bind(approval.login.as_str())
    .bind(approval.session.map(|id| id.to_string()))
    .bind(approval.rule.as_ref().map(config::RuleName::as_str))
    .bind(approval.text.as_ref())
    .bind(json_text(TABLE, &approval.commands)?)
    .bind(&approval.screen)
    .bind(&approval.reason)
    .bind(&approval.because)
    .bind(json_text(TABLE, &StoredNeeded::from(&approval.needed))?)
    .bind(approval.lasting.map(|lasting| bigint(lasting.as_secs())))
    .bind(&approval.source)
    .bind(approval.created_at.as_millisecond())
    .bind(approval.expires_at.as_millisecond())
    .bind(approval.act.as_ref().map(|_| ACT))
    .bind(instance.map(|id| id.to_string()))
    .execute(connection)
    .await?;
    for group in &approval.needed.groups {
        sql("INSERT INTO approval_groups (approval, group_name) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(approval.id.to_string())
            .bind(group.as_str())
            .execute(connection)
            .await?;
    }
    Ok(true)
}

/// Changes a request that is pending; false if it is not, or if it was changed since it was read.
pub(super) async fn change(connection: &mut Connection, change: &ApprovalChange) -> Result<bool, StoreError> {
    let id = change.id.to_string();
    let moved =
        sql("UPDATE approvals SET revision = revision + 1 WHERE id = $1 AND revision = $2 AND state = 'pending'")
            .bind(&id)
            .bind(change.read)
            .execute(connection)
            .await?;
    if moved == 0 {
        return Ok(false);
    }
    if let Some(vote) = &change.vote {
        add_vote(connection, &id, change.read, vote).await?;
    }
    if let Some(decided) = &change.decided {
        decide(connection, &id, decided).await?;
    }
    if let Some(grant) = &change.grant {
        access::add(connection, grant).await?;
    }
    Ok(true)
}

async fn add_vote(connection: &mut Connection, id: &str, place: i64, vote: &VoteRecord) -> Result<(), StoreError> {
    sql("INSERT INTO approval_votes (approval, place, issuer, subject_id, voter, entitled, approve, scope, comment, \
         cast_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
    .bind(id)
    .bind(place)
    .bind(&vote.by.issuer)
    .bind(&vote.by.id)
    .bind(vote.name.as_str())
    .bind(vote.entitled)
    .bind(vote.approve)
    .bind(json_text("approval_votes", &StoredScope::from(vote.scope))?)
    .bind(&vote.comment)
    .bind(vote.at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

async fn decide(connection: &mut Connection, id: &str, decided: &DecidedRecord) -> Result<(), StoreError> {
    let scope = decided.reach.map(|reach| word_text(TABLE, &reach.scope)).transpose()?;
    sql("UPDATE approvals SET state = $1, decided_at = $2, scope = $3, standing_until = $4, remark = $5 WHERE id = $6")
        .bind(word_text(TABLE, &decided.state)?)
        .bind(decided.at.as_millisecond())
        .bind(scope)
        .bind(decided.reach.and_then(|reach| reach.until).map(Timestamp::as_millisecond))
        .bind(&decided.remark)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn find(connection: &mut Connection, id: ApprovalId) -> Result<Option<ApprovalRecord>, StoreError> {
    let row = sql("SELECT * FROM approvals WHERE id = $1").bind(id.to_string()).optional(connection).await?;
    match row {
        Some(row) => Ok(Some(with_votes(connection, &row).await?)),
        None => Ok(None),
    }
}

pub(super) async fn list(
    connection: &mut Connection,
    filter: &ApprovalFilter,
) -> Result<Listing<ApprovalRecord>, StoreError> {
    let mut query = sql("SELECT * FROM approvals WHERE 1 = 1");
    match filter.pending {
        Some(true) => query.push(" AND state = 'pending'"),
        Some(false) => query.push(" AND state <> 'pending'"),
        None => {}
    }
    if let Some(Person { issuer, id }) = &filter.requester {
        query.push_bind(" AND issuer = ", issuer);
        query.push_bind(" AND subject_id = ", id);
    }
    if let Some(subject) = &filter.visible_to {
        query.push_bind(" AND ((issuer = ", &subject.issuer);
        query.push_bind(" AND subject_id = ", &subject.id);
        query.push(") OR id IN (SELECT approval FROM approval_groups WHERE group_name IN (");
        // A list that is empty is not portable; no group has an empty name.
        query.push_bind("", "");
        for group in &subject.groups {
            query.push_bind(", ", group.as_str());
        }
        query.push(")))");
    }
    match (filter.owner, connection.dialect()) {
        (None, _) | (Some(Owner::Nobody), Dialect::Sqlite) => {}
        (Some(Owner::Nobody), Dialect::Postgres) => query.push(" AND instance IS NULL AND kind <> 'access'"),
        (Some(Owner::Instance(id)), _) => query.push_bind(" AND instance = ", id.to_string()),
    }
    if let Some(before) = filter.before {
        query.push_bind(" AND id < ", before.to_string());
    }
    query.push_bind(" ORDER BY id DESC LIMIT ", i64::from(filter.limit));
    let rows = query.all(connection).await?;
    let mut listing = Listing::default();
    for row in &rows {
        let read = with_votes(connection, row).await;
        Columns::of(TABLE, row).put(read, "id", &mut listing)?;
    }
    Ok(listing)
}

/// The newest approvals of this person for this text that were to count again; whether they still do is not
/// asked here.
pub(super) async fn standing(
    connection: &mut Connection,
    like: &ApprovalRecord,
    now: Timestamp,
) -> Result<Vec<ApprovalRecord>, StoreError> {
    let rows =
        sql("SELECT * FROM approvals WHERE state = 'approved' AND issuer = $1 AND subject_id = $2 AND kind = $3 \
         AND scope <> 'once' AND (standing_until IS NULL OR standing_until > $4) AND target = $5 AND login = $6 \
         AND exact_text = $7 AND exact_form = $8 ORDER BY id DESC LIMIT $9")
        .bind(&like.requester.issuer)
        .bind(&like.requester.id)
        .bind(word_text(TABLE, &like.kind)?)
        .bind(now.as_millisecond())
        .bind(like.target.as_str())
        .bind(like.login.as_str())
        .bind(like.text.as_ref())
        .bind(ACT)
        .bind(MOST_STANDING)
        .all(connection)
        .await?;
    let mut approvals = Vec::with_capacity(rows.len());
    for row in &rows {
        approvals.push(with_votes(connection, row).await?);
    }
    Ok(approvals)
}

async fn with_votes(connection: &mut Connection, row: &Row) -> Result<ApprovalRecord, StoreError> {
    let columns = Columns::of(TABLE, row);
    let id: ApprovalId = columns.parsed("id")?;
    let votes = sql("SELECT * FROM approval_votes WHERE approval = $1 ORDER BY place")
        .bind(id.to_string())
        .all(connection)
        .await?;
    let text = Bytes::from(columns.plain::<Vec<u8>>("exact_text")?);
    let act = match columns.plain::<Option<i64>>("exact_form")? {
        Some(ACT) => match Act::decode(&text) {
            Some((act, _, _)) => Some(act),
            None => return Err(StoreError::Corrupt { table: TABLE, reason: "column exact_text: no act".to_owned() }),
        },
        Some(_) | None => None,
    };
    Ok(ApprovalRecord {
        id,
        revision: columns.plain("revision")?,
        kind: columns.word("kind")?,
        state: columns.word("state")?,
        requester: columns.subject("requester")?,
        target: columns.parsed("target")?,
        login: columns.parsed("login")?,
        session: columns.optional_parsed("session")?,
        rule: columns.optional_parsed("rule")?,
        act,
        text,
        commands: columns.json("commands")?,
        screen: columns.plain("screen")?,
        reason: columns.plain("reason")?,
        because: columns.plain("because")?,
        needed: columns.json::<StoredNeeded>("needed")?.into(),
        lasting: columns.optional_seconds("lasting")?,
        source: columns.plain("source")?,
        created_at: columns.time("created_at")?,
        expires_at: columns.time("expires_at")?,
        decided_at: columns.optional_time("decided_at")?,
        reach: match columns.optional_word("scope")? {
            Some(scope) => Some(Reach { scope, until: columns.optional_time("standing_until")? }),
            None => None,
        },
        remark: columns.plain("remark")?,
        votes: votes.iter().map(vote_from).collect::<Result<_, _>>()?,
    })
}

fn vote_from(row: &Row) -> Result<VoteRecord, StoreError> {
    let columns = Columns::of("approval_votes", row);
    Ok(VoteRecord {
        by: Person { issuer: columns.plain("issuer")?, id: columns.plain("subject_id")? },
        name: columns.parsed("voter")?,
        entitled: columns.plain("entitled")?,
        approve: columns.plain("approve")?,
        scope: columns.json::<StoredScope>("scope")?.into(),
        comment: columns.plain("comment")?,
        at: columns.time("cast_at")?,
    })
}

/// The form in which a request's needs are stored. A field is only ever added, with a default.
#[derive(Serialize, Deserialize)]
struct StoredNeeded {
    groups: Vec<config::GroupName>,
    count: usize,
    expires_seconds: u64,
    reason_required: bool,
}

/// The form in which a vote's scope is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredScope {
    Once,
    Session,
    ForSeconds(u64),
}

impl From<&Needed> for StoredNeeded {
    fn from(needed: &Needed) -> Self {
        Self {
            groups: needed.groups.clone(),
            count: needed.count,
            expires_seconds: needed.expires.as_secs(),
            reason_required: needed.reason_required,
        }
    }
}

impl From<StoredNeeded> for Needed {
    fn from(stored: StoredNeeded) -> Self {
        Self {
            groups: stored.groups,
            count: stored.count,
            expires: Duration::from_secs(stored.expires_seconds),
            reason_required: stored.reason_required,
        }
    }
}

impl From<Scope> for StoredScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Once => Self::Once,
            Scope::Session => Self::Session,
            Scope::For(time) => Self::ForSeconds(time.as_secs()),
        }
    }
}

impl From<StoredScope> for Scope {
    fn from(stored: StoredScope) -> Self {
        match stored {
            StoredScope::Once => Self::Once,
            StoredScope::Session => Self::Session,
            StoredScope::ForSeconds(seconds) => Self::For(Duration::from_secs(seconds)),
        }
    }
}

/// Several approvals of one text may count at a time, for different sessions: more than one person ever has.
const MOST_STANDING: i64 = 500;
