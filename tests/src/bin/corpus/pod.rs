//! Cases without a shell: stock `kubectl exec` through the bastion into a pod of a real cluster.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result};
use config::rules::SessionMode;
use serde_json::Value;
use tests::{
    api::at,
    kube_site::{KubeSite, Kubectl},
};
use tokio::sync::Mutex;

use crate::{
    modes,
    request::to_the_end,
    verdict::{Said, events, strictest},
};

/// The name of the pod.
const POD: &str = "corpus";

/// How long a case may take. What runs on by then was let through.
const LIMIT: Duration = Duration::from_secs(20);

/// A pod behind a bastion with the rules of the corpus.
pub(crate) struct Pod {
    site: KubeSite,
    /// The numbers of the audit events of earlier cases. One case runs at a time, so what is new is of that case.
    seen: Mutex<BTreeSet<u64>>,
}

impl Pod {
    /// Starts cluster, bastion and pod, with the rules in this mode.
    ///
    /// # Errors
    /// Fails when one of them does not start, as without root.
    pub(crate) async fn start(mode: SessionMode) -> Result<Self> {
        let rules = Value::String(modes::rules(mode)?);
        let site = KubeSite::start(rules).await?;
        site.pod(POD).await?;
        Ok(Self { site, seen: Mutex::default() })
    }

    /// Runs the words; returns what the user saw, and what the audit log says.
    ///
    /// # Errors
    /// Fails when kubectl cannot be started or the audit log not be read.
    pub(crate) async fn run(&self, words: &[String], stdin: Option<&str>) -> Result<(String, Said)> {
        let mut seen = self.seen.lock().await;
        let mut arguments = vec!["exec"];
        arguments.extend(stdin.map(|_| "-i"));
        arguments.extend([POD, "--"]);
        arguments.extend(words.iter().map(String::as_str));
        let kubectl = self.site.kubectl(Kubectl::Cluster, &arguments).await?;
        let shown = to_the_end(kubectl, stdin.unwrap_or_default().as_bytes(), LIMIT).await?;
        let mut fresh = Vec::new();
        for (kind, event) in events(&self.site.bastion).await? {
            if seen.insert(at(&event, "/seq").as_u64().context("an event without a number")?) {
                fresh.push((kind, event));
            }
        }
        Ok((shown, strictest(&fresh)))
    }
}
