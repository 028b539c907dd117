//! Rule files, and the file of revoked keys, that change while the bastion runs. New rules are compiled whole before anybody sees them;
//! a bad file changes nothing, and says so in the log and to the auditors.
//!
//! A change is found by SIGHUP or by looking at the files every second. A file that has just changed is
//! read at the next look only if it has not changed again, because an editor may be writing it: half a
//! file can be valid, and lack the rules of its other half. Where several instances share a store, one that has read its
//! files anew calls the others, and they look at theirs.

use std::{collections::BTreeMap, fs, io, os::unix::fs::MetadataExt, path::PathBuf, sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use config::{RevokedKeys, RuleDoc};
use data_encoding::HEXLOWER;
use identity::revoked_keys::{Fingerprints, fingerprints};
use ledger::{
    audit::{AuditEvent, AuditLog},
    store::SqlStore,
};
use policy::RuleSet;
use tokio::{
    signal::unix::Signal,
    sync::{Notify, watch},
    task::spawn_blocking,
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// The rule files of a running bastion.
pub struct Reloader {
    files: Vec<PathBuf>,
    rules: watch::Sender<Arc<RuleSet>>,
    log: AuditLog,
    /// What was last tried, so that a bad file is reported once.
    tried: Option<String>,
    revoked_keys: Option<RevokedKeysFile>,
    /// Other instances read theirs when this one has.
    others: Option<SqlStore>,
    /// Told when another instance has.
    called: Arc<Notify>,
}

/// The file of revoked keys.
struct RevokedKeysFile {
    file: PathBuf,
    keys: watch::Sender<Fingerprints>,
    /// As `Reloader::tried`.
    tried: Option<String>,
}

/// Rules that hold.
#[derive(Debug)]
struct Loaded {
    rules: RuleSet,
    roles: usize,
    commands: usize,
}

/// What is wrong, by file.
type Rejected = BTreeMap<String, Vec<String>>;

/// What tells that a file is another one, or has other content: device, inode, size, times of change.
type Stamp = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

impl Reloader {
    /// Watches the files of these documents; new rules go to `rules`.
    pub fn new(documents: &[RuleDoc], rules: watch::Sender<Arc<RuleSet>>, log: AuditLog) -> Self {
        let files: Vec<PathBuf> = documents.iter().map(|document| PathBuf::from(&document.file)).collect();
        let tried = read(&files).ok().map(|texts| fingerprint(&texts));
        Self { files, rules, log, tried, revoked_keys: None, others: None, called: Arc::default() }
    }

    /// Watches a file of revoked keys too; what stands in it goes to the sender.
    #[must_use]
    pub fn with_revoked_keys(self, file: Option<(PathBuf, watch::Sender<Fingerprints>)>) -> Self {
        // What was read at the start is read once more: it may have changed since.
        Self { revoked_keys: file.map(|(file, keys)| RevokedKeysFile { file, keys, tried: None }), ..self }
    }

    /// Tells the other instances on this store when something was read anew.
    #[must_use]
    pub fn with_others(self, others: SqlStore) -> Self {
        Self { others: Some(others), ..self }
    }

    /// What another instance calls by that has read its files anew.
    #[must_use]
    pub fn called(&self) -> Arc<Notify> {
        Arc::clone(&self.called)
    }

    /// Reloads at a change, and at `hangup` in any case, until `stop`.
    pub async fn run(mut self, stop: CancellationToken, mut hangup: Option<Signal>) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let called = self.called();
        // The first look finds what changed since the start.
        let (mut settled, mut seen) = (Vec::new(), Vec::new());
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = received(&mut hangup) => {
                    self.reload(true).await;
                    self.reload_revoked_keys(true).await;
                    self.tell_others().await;
                }
                () = called.notified() => {
                    // At once, where a look would wait until the file stays the same: the other one has waited for that.
                    if self.reload(false).await | self.reload_revoked_keys(false).await {
                        self.tell_others().await;
                    }
                }
                _ = ticks.tick() => {
                    let now = self.stamps().await;
                    if now != settled && now == seen {
                        if self.reload(false).await | self.reload_revoked_keys(false).await {
                            self.tell_others().await;
                        }
                        settled.clone_from(&now);
                    }
                    seen = now;
                }
            }
        }
    }

    async fn tell_others(&self) {
        if let Some(others) = &self.others
            && let Err(error) = others.announce_reload().await
        {
            warn!(%error, "other instances were not told that files were read anew; they look at theirs by themselves");
        }
    }

    /// Reads and compiles the files, and takes the new rules if all hold; says whether it did.
    async fn reload(&mut self, even_if_same: bool) -> bool {
        let files = self.files.clone();
        let (print, loaded) = match spawn_blocking(move || load(&files)).await {
            Ok(outcome) => outcome,
            Err(error) => {
                warn!(%error, "the rule files were not read");
                return false;
            }
        };
        if !even_if_same && self.tried.as_ref() == Some(&print) {
            return false;
        }
        let taken = loaded.is_ok();
        let events: Vec<AuditEvent> = match loaded {
            Ok(Loaded { rules, roles, commands }) => {
                self.rules.send_replace(Arc::new(rules));
                info!(roles, rules = commands, sha256 = print, "rules reloaded");
                let files = self.files.iter().map(|file| file.display().to_string()).collect();
                let (roles, rules) = (count(roles), count(commands));
                vec![AuditEvent::RulesReloaded { files, roles, rules, sha256: print.clone() }]
            }
            Err(rejected) => {
                for problem in rejected.values().flatten() {
                    error!(problem, "the changed rules do not hold; the rules stay as they were");
                }
                rejected.into_iter().map(|(file, errors)| AuditEvent::RulesRejected { file, errors }).collect()
            }
        };
        self.tried = Some(print);
        self.audit(events).await;
        taken
    }

    /// Reads the file of revoked keys, and takes what stands in it if all of it reads; says whether it did.
    async fn reload_revoked_keys(&mut self, even_if_same: bool) -> bool {
        let Some(revoked) = &mut self.revoked_keys else { return false };
        let file = revoked.file.clone();
        let read = spawn_blocking(move || fs::read_to_string(file)).await;
        let read = read.unwrap_or_else(|error| Err(io::Error::other(error)));
        let (print, keys) = match read {
            Ok(text) => (text.clone(), revoked_keys(&text)),
            Err(error) => (error.to_string(), Err(error.to_string())),
        };
        if !even_if_same && revoked.tried.as_ref() == Some(&print) {
            return false;
        }
        let taken = keys.is_ok();
        revoked.tried = Some(print);
        let file = revoked.file.display().to_string();
        let event = match keys {
            Ok(keys) => {
                let count = count(keys.len());
                revoked.keys.send_replace(keys);
                info!(keys = count, "revoked keys read");
                AuditEvent::RevokedKeysReloaded { file, keys: count }
            }
            Err(problem) => {
                error!(file, problem, "the changed file of revoked keys does not read; the keys stay as they were");
                AuditEvent::RevokedKeysRejected { file, error: problem }
            }
        };
        self.audit([event]).await;
        taken
    }

    async fn audit(&self, events: impl IntoIterator<Item = AuditEvent>) {
        for event in events {
            if let Err(full) = self.log.record_now(event).await {
                error!(%full, "what was read anew was not written down");
            }
        }
    }

    async fn stamps(&self) -> Vec<Stamp> {
        let mut files = self.files.clone();
        files.extend(self.revoked_keys.iter().map(|revoked| revoked.file.clone()));
        let stamps = spawn_blocking(move || files.iter().map(stamp).collect()).await;
        // The task cannot be cancelled, and does not panic.
        stamps.unwrap_or_default()
    }
}

/// The fingerprints of all keys in such a text.
fn revoked_keys(text: &str) -> Result<Fingerprints, String> {
    let keys = RevokedKeys::parse(text).map_err(|error| error.to_string())?;
    fingerprints(&keys).map_err(|error| error.to_string())
}

/// Waits for the signal; for ever, where there is none.
async fn received(signal: &mut Option<Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

fn stamp(file: &PathBuf) -> Stamp {
    let found = fs::metadata(file).ok()?;
    let (changed, modified) = ((found.ctime(), found.ctime_nsec()), (found.mtime(), found.mtime_nsec()));
    Some((found.dev(), found.ino(), found.size(), changed, modified))
}

/// The texts of the files with their names, or the first one that cannot be read.
fn read(files: &[PathBuf]) -> Result<Vec<(String, String)>, (String, io::Error)> {
    let text = |file: &PathBuf| {
        let name = file.display().to_string();
        match fs::read_to_string(file) {
            Ok(text) => Ok((name, text)),
            Err(error) => Err((name, error)),
        }
    };
    files.iter().map(text).collect()
}

/// SHA-256 of all files one after the other (`cat FILES | sha256sum`).
fn fingerprint(texts: &[(String, String)]) -> String {
    let all: Vec<u8> = texts.iter().flat_map(|(_, text)| text.bytes()).collect();
    HEXLOWER.encode(digest(&SHA256, &all).as_ref())
}

/// The fingerprint, and the compiled rules or everything that is wrong.
fn load(files: &[PathBuf]) -> (String, Result<Loaded, Rejected>) {
    let texts = match read(files) {
        Ok(texts) => texts,
        Err((file, error)) => {
            let problem = format!("{file}: cannot be read: {error}");
            return (problem.clone(), Err(Rejected::from([(file, vec![problem])])));
        }
    };
    let print = fingerprint(&texts);
    let mut rejected = Rejected::new();
    let mut documents = Vec::new();
    for (file, text) in &texts {
        match RuleDoc::parse(text, file) {
            Ok(document) => documents.push(document),
            Err(errors) => {
                rejected.insert(file.clone(), errors.iter().map(ToString::to_string).collect());
            }
        }
    }
    if !rejected.is_empty() {
        return (print, Err(rejected));
    }
    let roles = documents.iter().map(|document| document.roles.len()).sum();
    let commands = documents.iter().map(|document| document.rules.len()).sum();
    match RuleSet::compile(&documents) {
        Ok(rules) => (print, Ok(Loaded { rules, roles, commands })),
        Err(errors) => {
            for error in errors {
                rejected.entry(error.file.clone()).or_default().push(error.to_string());
            }
            (print, Err(rejected))
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "roles: { a: { groups: [x], console: [audit] } }\n";

    fn loaded(texts: &[&str]) -> Result<(usize, usize), Rejected> {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = (0..texts.len()).map(|index| folder.path().join(format!("{index}.yaml"))).collect();
        for (file, text) in files.iter().zip(texts) {
            fs::write(file, text).unwrap();
        }
        load(&files).1.map(|loaded| (loaded.roles, loaded.commands))
    }

    #[test]
    fn rules_are_taken_whole_or_not_at_all() {
        let more = "roles: { b: { groups: [x], console: [audit] } }\nrules:\n  - { name: r, effect: block, match: { command: { program: [rm] } } }\n";
        assert_eq!(loaded(&[GOOD, more]), Ok((2, 1)));
        let rejected = loaded(&[GOOD, "roles: { b: { groups: [x], consoel: [audit] } }\nrules: 1\n"]).unwrap_err();
        assert_eq!(rejected.len(), 1);
        let errors = rejected.values().next().unwrap();
        assert_eq!(errors.len(), 2, "every error is named: {errors:?}");
        // Each file holds, but not both together.
        let rejected = loaded(&[GOOD, GOOD]).unwrap_err();
        assert!(format!("{rejected:?}").contains("already a role of this name"), "{rejected:?}");
    }

    #[test]
    fn a_file_that_is_gone_is_an_error_with_its_name() {
        let (_, outcome) = load(&[PathBuf::from("/nonexistent/rules.yaml")]);
        let rejected = outcome.unwrap_err();
        assert!(rejected.contains_key("/nonexistent/rules.yaml"), "{rejected:?}");
    }

    #[test]
    fn a_file_that_is_replaced_by_a_rename_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let (file, new) = (folder.path().join("rules.yaml"), folder.path().join("new"));
        fs::write(&file, GOOD).unwrap();
        let before = stamp(&file);
        fs::write(&new, GOOD).unwrap();
        fs::rename(&new, &file).unwrap();
        assert!(before.is_some() && stamp(&file).is_some() && before != stamp(&file));
        fs::remove_file(&file).unwrap();
        assert_eq!(stamp(&file), None);
    }
}
