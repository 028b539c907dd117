//! What [`SqlStore`] does for several instances: who is dead, what they left, what the others have changed.
//!
//! In a SQLite file nobody is ever dead, and nothing is heard.

use jiff::Timestamp;
use recorder::SessionId;
use sqlx::postgres::PgConnectOptions;

use super::{
    Readers, SqlStore, audit, instances,
    listener::Listening,
    logins,
    row::json_text,
    sessions,
    statement::sql,
    writer::{Transaction, Writer},
};
use crate::{
    audit::AuditEvent,
    store::{Change, DeadInstance, InstanceId, SessionEnd, SessionRecord, StoreError, TokenHash},
};

impl SqlStore {
    /// The instance that this process is now, where there may be several.
    #[must_use]
    pub fn instance(&self) -> Option<InstanceId> {
        match &self.readers {
            Readers::Sqlite(_) => None,
            Readers::Postgres(_, holder) => holder.instance(),
        }
    }

    /// Begins to hear what the others change; nothing where there are no others.
    #[must_use]
    pub fn listen(&self) -> Option<Listening> {
        match (&self.writer, &self.readers) {
            (Writer::Postgres { options, .. }, Readers::Postgres(_, holder)) => {
                // It waits for long, and that is no call.
                let options = PgConnectOptions::clone(options).options([("statement_timeout", 0)]);
                Some(Listening::start(options, holder.follow_instance(), holder.silence()?))
            }
            _ => None,
        }
    }

    /// The instances whose leases have run out, and which are this one's to clear up after: no other one has them.
    /// Those that it has not yet [forgotten](Self::forget_instance) are given again. `ended` is one that came before in
    /// the same data folder, and is dead for sure.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or this instance is dead itself.
    pub async fn claim_dead(&self, ended: Option<InstanceId>) -> Result<Vec<DeadInstance>, StoreError> {
        self.as_instance(async |transaction, own| {
            let dead = instances::claim_dead(transaction, own, ended).await?;
            Ok(dead)
        })
        .await
        .map(Option::unwrap_or_default)
    }

    /// An instance was cleared up after.
    ///
    /// # Errors
    ///
    /// As above.
    pub async fn forget_instance(&self, dead: InstanceId) -> Result<(), StoreError> {
        self.as_instance(async |transaction, _| {
            instances::forget(transaction, dead).await?;
            transaction.announce(Change::Instances).await
        })
        .await
        .map(Option::unwrap_or_default)
    }

    /// Says that this instance takes nothing new any more.
    ///
    /// # Errors
    ///
    /// As above.
    pub async fn drain(&self) -> Result<(), StoreError> {
        self.as_instance(async |transaction, own| instances::drain(transaction, own).await)
            .await
            .map(Option::unwrap_or_default)
    }

    /// How many other instances there are that somebody can be sent to.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn others(&self) -> Result<u64, StoreError> {
        match self.instance() {
            Some(own) => self.read(async |connection| instances::others(connection, own).await).await,
            None => Ok(0),
        }
    }

    /// Completes the row of a session whose bastion is gone, with its audit event; false if it was complete.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn cut_off(&self, session: &SessionRecord, at: Timestamp) -> Result<bool, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let (id, output_bytes) = (session.id, session.output_bytes);
            let cut_off = sessions::end(&mut transaction, id, at, &SessionEnd::CutOff, output_bytes).await? > 0;
            if cut_off {
                let event = AuditEvent::SessionEnded { session: id, end: SessionEnd::CutOff, output_bytes };
                audit::append_ended(&mut transaction, Timestamp::now(), &event).await?;
                transaction.commit().await?;
            }
            Ok(cut_off)
        })
        .await
    }

    /// The sessions of an instance that it did not end, whether somebody has written that down or not: their recordings
    /// may have to be completed.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn unended_of(&self, instance: InstanceId) -> Result<Vec<SessionId>, StoreError> {
        let cut_off = json_text("sessions", &SessionEnd::CutOff)?;
        self.read(async |connection| sessions::unended_of(connection, instance, &cut_off).await).await
    }

    /// Which of these logins stand no more.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn ended_among(&self, logins: &[TokenHash]) -> Result<Vec<TokenHash>, StoreError> {
        if logins.is_empty() {
            return Ok(Vec::new());
        }
        self.read(async |connection| logins::ended_among(connection, logins).await).await
    }

    /// Tells the others that rules or revoked keys were read anew; they read theirs.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn announce_reload(&self) -> Result<(), StoreError> {
        self.as_instance(async |transaction, _| {
            audit::count_reload(transaction).await?;
            transaction.announce(Change::Reload).await
        })
        .await
        .map(Option::unwrap_or_default)
    }

    /// How often that was told.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn reloads(&self) -> Result<i64, StoreError> {
        let count = "SELECT COALESCE(MAX(value), 0) FROM audit_counter WHERE name = 'reload'";
        self.read(async |connection| sql(count).number(connection).await).await
    }

    /// A transaction of this instance; nothing where there are no others.
    async fn as_instance<T>(
        &self,
        work: impl AsyncFnOnce(&mut Transaction, InstanceId) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if self.instance().is_none() {
            return Ok(None);
        }
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let Some(own) = transaction.instance() else { return Ok(None) };
            let done = work(&mut transaction, own).await?;
            transaction.commit().await?;
            Ok(Some(done))
        })
        .await
    }
}
