//! What must be there after the storm.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{
    scene::Scene,
    strangers::Refused,
    typist::{KEY, Witness},
};
use crate::{
    api::{Api, at, text},
    patience::{SOON, until},
};

/// What the bastion tells of the storm.
pub(super) struct Aftermath {
    sessions: Vec<Value>,
    events: Vec<Value>,
    logins: usize,
    witnesses: Vec<u8>,
    refused: Refused,
}

impl Aftermath {
    /// Ends what still runs, and looks. The bastion is stopped at last: then it writes the sums of refusals that
    /// belong to a minute which is not over.
    pub(super) async fn of(mut scene: Scene, refused: Refused) -> Result<Self> {
        let typed = scene.typist.end().await?;
        let api = scene.site.api().await?;
        let sessions = api.ended_sessions("target", 1).await?;
        // The typist's was the first.
        let first = sessions.last().context("a session")?;
        let echoed = recorded(&api, first).await?.matches(KEY).count();
        ensure!(echoed == typed, "{typed} keys were typed and {echoed} echoes recorded");
        for session in &sessions {
            if let Some(code) = scene.witnesses.iter().find(|code| at(session, "/end/status") == **code) {
                let recorded = recorded(&api, session).await?;
                ensure!(recorded.contains(&Witness::word(*code)), "the recording of {code} has no end: {recorded:?}");
            }
        }

        scene.site.bastion.terminate(SOON).await?;
        scene.site.bastion.restart().await?;
        let events = until("the audit log is read", SOON, async || {
            let auditor = scene.site.bastion.api("carol").await?;
            Ok(Some(auditor.items("/audit?limit=200").await?))
        })
        .await?;
        let (logins, witnesses) = (scene.logins.get(), scene.witnesses.clone());
        Ok(Self { sessions, events, logins, witnesses, refused })
    }

    /// # Errors
    /// Fails with what is missing.
    pub(super) fn is_complete(&self) -> Result<()> {
        let Self { sessions, events, logins, witnesses, refused } = self;
        let ended_with = |status: u8| {
            sessions
                .iter()
                .filter(|session| at(session, "/end/how") == "exited" && at(session, "/end/status") == status)
                .count()
        };
        ensure!(ended_with(0) == *logins, "{logins} sessions ran, and {} are said to have", ended_with(0));
        for code in witnesses {
            ensure!(ended_with(*code) == 1, "the session that ended with {code} is not there, or not its end");
        }
        let cut_off: Vec<_> = sessions.iter().filter(|session| at(session, "/end/how") == "cut_off").collect();
        ensure!(cut_off.is_empty(), "{cut_off:?}");

        let (started, ended) = (self.count("session_started"), self.count("session_ended"));
        ensure!(
            started == sessions.len() && ended == started,
            "{started} began and {ended} ended of {}",
            sessions.len()
        );
        let recoveries: Vec<_> = events.iter().filter(|event| at(event, "/kind") == "store_recovered").collect();
        ensure!(!recoveries.is_empty() && recoveries.iter().all(|event| at(event, "/lost") == 0), "{recoveries:?}");

        let bobs = |event: &&Value| at(event, "/user") == "bob";
        let one_by_one = events.iter().filter(bobs).filter(|event| at(event, "/kind") == "channel_refused").count();
        let sums = events.iter().filter(bobs).filter(|event| at(event, "/refused") == "channel_refused");
        let summed: u64 = sums.filter_map(|event| at(event, "/count").as_u64()).sum();
        let told = u64::try_from(one_by_one)? + summed;
        ensure!(
            told == u64::try_from(refused.channels)?,
            "{} channels were refused, and {told} in the log",
            refused.channels
        );
        eprintln!(
            "storm: complete: {started} sessions, all with their ends; {told} refused channels, {summed} of them summed up; \
             {} times the store took no events, none was lost",
            recoveries.len()
        );
        Ok(())
    }

    fn count(&self, kind: &str) -> usize {
        self.events.iter().filter(|event| at(event, "/kind") == kind).count()
    }
}

/// What a session showed.
async fn recorded(api: &Api, session: &Value) -> Result<String> {
    Ok(api.cast(&text(session, "id")?).await?.joined("o"))
}
