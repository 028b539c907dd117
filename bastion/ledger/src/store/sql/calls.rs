//! The calls of a [`Store`]: which connection each takes, and what is written together.

use api::id::ApprovalId;
use async_trait::async_trait;
use config::UserName;
use jiff::Timestamp;
use recorder::SessionId;

use super::{
    SqlStore, access, approvals, audit, logins, names, sessions, starts,
    statement::{Connection, sql},
};
use crate::{
    audit::{AuditEvent, AuditRecord, queued::QueuedEvent},
    store::{
        AccessGrant, ApprovalChange, ApprovalFilter, ApprovalRecord, AuditFilter, CertificateRecord, Change, Listing,
        LoginFlow, LoginRate, LoginRecord, NameBinding, NameRecord, SessionEnd, SessionFilter, SessionRecord, Store,
        StoreError, TokenHash,
    },
};

#[async_trait]
impl Store for SqlStore {
    async fn add_login(&self, login: &LoginRecord) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            logins::add(&mut transaction, login).await?;
            transaction.commit().await
        })
        .await
    }

    async fn login(&self, token: TokenHash, now: Timestamp) -> Result<Option<LoginRecord>, StoreError> {
        self.read(async |connection| logins::find(connection, token, now).await).await
    }

    async fn remove_login(&self, token: TokenHash) -> Result<bool, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let removed = logins::remove(&mut transaction, token).await?;
            transaction.announce(Change::Logins).await?;
            transaction.commit().await?;
            Ok(removed)
        })
        .await
    }

    async fn add_login_flow(&self, flow: &LoginFlow) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            logins::add_flow(&mut transaction, flow).await?;
            transaction.commit().await
        })
        .await
    }

    async fn take_login_flow(&self, key: TokenHash, now: Timestamp) -> Result<Option<LoginFlow>, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let flow = logins::take_flow(&mut transaction, key, now).await?;
            transaction.commit().await?;
            Ok(flow)
        })
        .await
    }

    async fn begin_login(&self, network: &str, rate: LoginRate, now: Timestamp) -> Result<bool, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let taken = starts::take(&mut transaction, network, rate, now).await?;
            transaction.commit().await?;
            Ok(taken)
        })
        .await
    }

    async fn bind_name(
        &self,
        wanted: &NameRecord,
        most: u32,
        events: &[AuditEvent],
    ) -> Result<NameBinding, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let binding = names::bind(&mut transaction, wanted, most).await?;
            if binding == NameBinding::Bound {
                audit::append(&mut transaction, wanted.bound_at, events).await?;
                transaction.commit().await?;
            }
            Ok(binding)
        })
        .await
    }

    async fn name(&self, name: &UserName) -> Result<Option<NameRecord>, StoreError> {
        self.read(async |connection| names::find(connection, name.as_str()).await).await
    }

    async fn names(&self, after: Option<&UserName>, limit: u32) -> Result<Vec<NameRecord>, StoreError> {
        let after = after.map(UserName::as_str).unwrap_or_default();
        self.read(async |connection| names::list(connection, after, limit).await).await
    }

    async fn release_name(
        &self,
        name: &NameRecord,
        at: Timestamp,
        events: &[AuditEvent],
    ) -> Result<Vec<(TokenHash, Timestamp)>, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let ended = names::release(&mut transaction, name).await?;
            transaction.announce(Change::Logins).await?;
            audit::append(&mut transaction, at, events).await?;
            transaction.commit().await?;
            Ok(ended)
        })
        .await
    }

    async fn add_certificate(&self, certificate: &CertificateRecord) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            logins::add_certificate(&mut transaction, certificate).await?;
            transaction.commit().await
        })
        .await
    }

    async fn certificate(&self, serial: u64) -> Result<Option<CertificateRecord>, StoreError> {
        self.read(async |connection| logins::certificate(connection, serial).await).await
    }

    async fn certificate_for_key(&self, fingerprint: &str) -> Result<Option<CertificateRecord>, StoreError> {
        self.read(async |connection| logins::certificate_for_key(connection, fingerprint).await).await
    }

    async fn add_session(&self, session: &SessionRecord) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let instance = transaction.instance();
            sessions::add(&mut transaction, session, instance).await?;
            transaction.commit().await
        })
        .await
    }

    async fn start_session(&self, session: &SessionRecord, events: &[AuditEvent]) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let instance = transaction.instance();
            sessions::add(&mut transaction, session, instance).await?;
            audit::append(&mut transaction, session.started_at, events).await?;
            transaction.commit().await
        })
        .await
    }

    async fn end_session(
        &self,
        id: SessionId,
        at: Timestamp,
        end: &SessionEnd,
        output_bytes: u64,
    ) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            sessions::end(&mut transaction, id, at, end, output_bytes).await?;
            transaction.commit().await
        })
        .await
    }

    async fn session(&self, id: SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.read(async |connection| sessions::find(connection, id).await).await
    }

    async fn sessions(&self, filter: &SessionFilter) -> Result<Listing<SessionRecord>, StoreError> {
        self.read(async |connection| sessions::list(connection, filter).await).await
    }

    async fn add_approval(
        &self,
        approval: &ApprovalRecord,
        most_pending: u32,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let instance = transaction.instance();
            let added = approvals::add(&mut transaction, approval, most_pending, instance).await?;
            if added {
                transaction.announce(Change::Approval(approval.id)).await?;
                audit::append(&mut transaction, approval.created_at, events).await?;
                transaction.commit().await?;
            }
            Ok(added)
        })
        .await
    }

    async fn change_approval(
        &self,
        change: &ApprovalChange,
        at: Timestamp,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let changed = approvals::change(&mut transaction, change).await?;
            if changed {
                transaction.announce(Change::Approval(change.id)).await?;
                if change.grant.is_some() {
                    transaction.announce(Change::Access).await?;
                }
                audit::append(&mut transaction, at, events).await?;
                transaction.commit().await?;
            }
            Ok(changed)
        })
        .await
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<ApprovalRecord>, StoreError> {
        self.read(async |connection| approvals::find(connection, id).await).await
    }

    async fn approvals(&self, filter: &ApprovalFilter) -> Result<Listing<ApprovalRecord>, StoreError> {
        self.read(async |connection| approvals::list(connection, filter).await).await
    }

    async fn standing_approvals(
        &self,
        like: &ApprovalRecord,
        now: Timestamp,
    ) -> Result<Vec<ApprovalRecord>, StoreError> {
        self.read(async |connection| approvals::standing(connection, like, now).await).await
    }

    async fn open_access(&self) -> Result<Vec<AccessGrant>, StoreError> {
        self.read(async |connection| access::open(connection).await).await
    }

    async fn end_access(&self, id: ApprovalId, at: Timestamp, events: &[AuditEvent]) -> Result<bool, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let ended = access::end(&mut transaction, id, at).await?;
            if ended {
                transaction.announce(Change::Access).await?;
                audit::append(&mut transaction, at, events).await?;
                transaction.commit().await?;
            }
            Ok(ended)
        })
        .await
    }

    async fn append_audit(&self, at: Timestamp, events: &[AuditEvent]) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            audit::append(&mut transaction, at, events).await?;
            transaction.commit().await
        })
        .await
    }

    async fn append_queued(&self, queue: &str, events: &[QueuedEvent]) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            audit::append_queued(&mut transaction, queue, events).await?;
            transaction.commit().await
        })
        .await
    }

    async fn forget_audit(&self, end: Timestamp) -> Result<u64, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let rows = audit::forget(&mut transaction, end).await?;
            transaction.commit().await?;
            Ok(rows)
        })
        .await
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>, StoreError> {
        self.read(async |connection| audit::list(connection, filter).await).await
    }

    async fn forget_expired(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let rows = logins::forget_expired(&mut transaction, now).await?;
            let rows = rows + starts::forget(&mut transaction, now).await?;
            transaction.commit().await?;
            Ok(rows)
        })
        .await
    }

    async fn bytes(&self) -> Result<u64, StoreError> {
        let ask = async |connection: &mut Connection| sql(connection.dialect().size()).number(connection).await;
        let bytes = self.read(ask).await?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            audit::probe(&mut transaction).await?;
            transaction.commit().await
        })
        .await
    }
}
