//! A [`Store`] in memory for this folder's tests: logins, flows, certificates, audit.

use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use config::UserName;
use jiff::Timestamp;
use recorder::SessionId;

use crate::{
    audit::{AUDIT_VERSION, AuditEvent, AuditRecord, queued::QueuedEvent},
    store::{
        AccessGrant, ApprovalChange, ApprovalFilter, ApprovalId, ApprovalRecord, AuditFilter, CertificateRecord,
        Listing, LoginFlow, LoginRate, LoginRecord, NameBinding, NameRecord, SessionEnd, SessionFilter, SessionRecord,
        Store, StoreError, TokenHash,
    },
};

#[derive(Default)]
pub(in crate::identity) struct MemoryStore(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    down: bool,
    logins: Vec<LoginRecord>,
    flows: Vec<LoginFlow>,
    names: Vec<NameRecord>,
    certificates: Vec<CertificateRecord>,
    audit: Vec<AuditEvent>,
}

impl MemoryStore {
    pub(in crate::identity) fn audited(&self) -> Vec<AuditEvent> {
        self.0.lock().unwrap().audit.clone()
    }

    pub(in crate::identity) fn take_down(&self) {
        self.0.lock().unwrap().down = true;
    }

    fn tables(&self) -> Result<MutexGuard<'_, Tables>, StoreError> {
        let tables = self.0.lock().unwrap();
        if tables.down { Err(StoreError::Unavailable(sqlx::Error::PoolClosed)) } else { Ok(tables) }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn add_login(&self, login: &LoginRecord) -> Result<(), StoreError> {
        self.tables()?.logins.push(login.clone());
        Ok(())
    }

    async fn login(&self, token: TokenHash, now: Timestamp) -> Result<Option<LoginRecord>, StoreError> {
        Ok(self.tables()?.logins.iter().find(|login| login.token == token && now < login.expires_at).cloned())
    }

    async fn remove_login(&self, token: TokenHash) -> Result<bool, StoreError> {
        let mut tables = self.tables()?;
        let before = tables.logins.len();
        tables.logins.retain(|login| login.token != token);
        Ok(tables.logins.len() < before)
    }

    async fn add_login_flow(&self, flow: &LoginFlow) -> Result<(), StoreError> {
        self.tables()?.flows.push(flow.clone());
        Ok(())
    }

    async fn take_login_flow(&self, key: TokenHash, now: Timestamp) -> Result<Option<LoginFlow>, StoreError> {
        let mut tables = self.tables()?;
        let found = tables.flows.iter().position(|flow| flow.key == key && now < flow.expires_at);
        Ok(found.map(|position| tables.flows.remove(position)))
    }

    async fn begin_login(&self, _: &str, _: LoginRate, _: Timestamp) -> Result<bool, StoreError> {
        self.tables().map(|_| true)
    }

    async fn bind_name(&self, wanted: &NameRecord, most: u32, _: &[AuditEvent]) -> Result<NameBinding, StoreError> {
        let mut tables = self.tables()?;
        match tables.names.iter().find(|record| record.name == wanted.name) {
            Some(owner) if owner.person == wanted.person => return Ok(NameBinding::Own),
            Some(_) => return Ok(NameBinding::Taken),
            None => {}
        }
        if tables.names.iter().filter(|record| record.person == wanted.person).count() >= most as usize {
            return Ok(NameBinding::TooMany);
        }
        tables.names.push(wanted.clone());
        Ok(NameBinding::Bound)
    }

    async fn name(&self, name: &UserName) -> Result<Option<NameRecord>, StoreError> {
        Ok(self.tables()?.names.iter().find(|record| record.name == *name).cloned())
    }

    async fn names(&self, _: Option<&UserName>, _: u32) -> Result<Vec<NameRecord>, StoreError> {
        Ok(self.tables()?.names.clone())
    }

    async fn release_name(
        &self,
        name: &NameRecord,
        _: Timestamp,
        events: &[AuditEvent],
    ) -> Result<Vec<(TokenHash, Timestamp)>, StoreError> {
        let mut tables = self.tables()?;
        tables.names.retain(|record| record != name);
        tables.audit.extend_from_slice(events);
        let (ended, kept) = std::mem::take(&mut tables.logins)
            .into_iter()
            .partition::<Vec<_>, _>(|login| name.person.is(&login.subject));
        tables.logins = kept;
        Ok(ended.iter().map(|login| (login.token, login.expires_at)).collect())
    }

    async fn add_certificate(&self, certificate: &CertificateRecord) -> Result<(), StoreError> {
        self.tables()?.certificates.push(certificate.clone());
        Ok(())
    }

    async fn certificate(&self, serial: u64) -> Result<Option<CertificateRecord>, StoreError> {
        Ok(self.tables()?.certificates.iter().find(|record| record.serial == serial).cloned())
    }

    async fn certificate_for_key(&self, fingerprint: &str) -> Result<Option<CertificateRecord>, StoreError> {
        Ok(self.tables()?.certificates.iter().rfind(|record| record.fingerprint == fingerprint).cloned())
    }

    async fn add_session(&self, _: &SessionRecord) -> Result<(), StoreError> {
        Ok(())
    }

    async fn start_session(&self, _: &SessionRecord, _: &[AuditEvent]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn end_session(&self, _: SessionId, _: Timestamp, _: &SessionEnd, _: u64) -> Result<(), StoreError> {
        Ok(())
    }

    async fn session(&self, _: SessionId) -> Result<Option<SessionRecord>, StoreError> {
        Ok(None)
    }

    async fn sessions(&self, _: &SessionFilter) -> Result<Listing<SessionRecord>, StoreError> {
        Ok(Listing::default())
    }

    async fn add_approval(&self, _: &ApprovalRecord, _: u32, _: &[AuditEvent]) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn change_approval(&self, _: &ApprovalChange, _: Timestamp, _: &[AuditEvent]) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn approval(&self, _: ApprovalId) -> Result<Option<ApprovalRecord>, StoreError> {
        Ok(None)
    }

    async fn approvals(&self, _: &ApprovalFilter) -> Result<Listing<ApprovalRecord>, StoreError> {
        Ok(Listing::default())
    }

    async fn standing_approvals(&self, _: &ApprovalRecord, _: Timestamp) -> Result<Vec<ApprovalRecord>, StoreError> {
        Ok(Vec::new())
    }

    async fn open_access(&self) -> Result<Vec<AccessGrant>, StoreError> {
        Ok(Vec::new())
    }

    async fn end_access(&self, _: ApprovalId, _: Timestamp, _: &[AuditEvent]) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn append_audit(&self, _: Timestamp, events: &[AuditEvent]) -> Result<(), StoreError> {
        self.tables()?.audit.extend_from_slice(events);
        Ok(())
    }

    async fn append_queued(&self, _: &str, events: &[QueuedEvent]) -> Result<(), StoreError> {
        self.tables()?.audit.extend(events.iter().map(|queued| queued.event.clone()));
        Ok(())
    }

    async fn forget_audit(&self, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn audit(&self, _: &AuditFilter) -> Result<Vec<AuditRecord>, StoreError> {
        let at = Timestamp::UNIX_EPOCH;
        let events = self.tables()?.audit.clone();
        Ok(events
            .into_iter()
            .zip(1..)
            .map(|(event, seq)| AuditRecord { seq, at, v: AUDIT_VERSION, person: None, event })
            .collect())
    }

    async fn forget_expired(&self, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn bytes(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.tables().map(|_| ())
    }
}
