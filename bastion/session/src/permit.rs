//! [`LivePermit`]: a permit that is still good now. A change of the rules ends a session that they no
//! longer allow, or no longer allow in this way.

use std::{net::IpAddr, sync::Arc, time::SystemTime};

use api::refusal::{ReasonCode, Refusal};
use identity::login::LiveLogin;
use policy::{
    Access, Action, Approved, CommandInput, Context, Decision, Judging, Permit, Resource, RuleEffect, RuleSet, Subject,
    Verdict,
};
use tokio::sync::watch;

/// A permit, and what is needed to ask for it again.
#[derive(Debug, Clone)]
pub struct LivePermit {
    /// The rules as they are now.
    pub rules: watch::Receiver<Arc<RuleSet>>,
    /// Who.
    pub user: Subject,
    /// On what, and for what.
    pub access: Access,
    /// From where.
    pub source: IpAddr,
    /// The permit that was given.
    pub permit: Permit,
    /// What other people approved, and until when it counts.
    pub approved: Vec<Approved>,
    /// The login under which it was asked for, where its end ends the session too.
    pub login: Option<LiveLogin>,
}

impl LivePermit {
    /// Why the permit no longer holds, if it does not.
    #[must_use]
    pub fn lost_now(&mut self) -> Option<Refusal> {
        #[cfg(test)]
        DECISIONS.set(DECISIONS.get() + 1);
        if self.login.as_ref().is_some_and(LiveLogin::is_unheld) {
            return Some(Refusal::new(ReasonCode::AuditUnavailable, UNHELD));
        }
        if self.login_has_ended() {
            return Some(Refusal::new(ReasonCode::LoginEnded, "your login has ended; run \"bastion login\""));
        }
        let (what, action) = (self.access.resource(), self.access.action());
        if !self.permit.is_for(what) {
            return Some(Refusal::new(ReasonCode::NotAllowed, "the permit is for something else"));
        }
        let changed = |message: String| Some(Refusal::new(ReasonCode::RulesChanged, message));
        let rules = Arc::clone(&self.rules.borrow_and_update());
        let context = Context { now: SystemTime::now(), source: self.source, approved: &self.approved };
        if let Action::Request(request) = action {
            let verdict = rules.judge_request(&self.user, what, &request, context.now);
            if verdict.effect == RuleEffect::Block {
                return changed(format!("the rules have changed: {}", verdict.message));
            }
        }
        let permit = match rules.decide(&self.user, what, action, &context) {
            Decision::Allow(permit) => permit,
            Decision::Deny(denial) => return changed(format!("the rules have changed: {}", denial.reason)),
            Decision::Hold(hold) => {
                let held = match what {
                    Resource::Cluster(_) => "",
                    Resource::Host { .. } => " for this session",
                };
                return changed(format!("the role {} needs an approval{held} now", hold.role));
            }
        };
        // A session cannot become stricter on its way.
        let (before, now) = (self.permit.obligations(), permit.obligations());
        let is_stricter = now.mode > before.mode || now.recording > before.recording;
        let more = || format!("the rules have changed and ask for more now (mode {}); open a new session", now.mode);
        if is_stricter { changed(more()) } else { None }
    }

    /// Whether the login has ended.
    #[must_use]
    pub fn login_has_ended(&self) -> bool {
        self.login.as_ref().is_some_and(LiveLogin::has_ended)
    }

    /// What `rules` say to a command there.
    pub fn judge(&self, rules: &RuleSet, input: CommandInput<'_>, judging: &Judging) -> Verdict {
        rules.judge(&self.user, self.access.resource(), input, judging)
    }

    /// Resolves with the reason when the permit no longer holds. Cancel-safe.
    pub async fn lost(&mut self) -> String {
        self.lost_since(&mut None).await
    }

    /// The same, with the time at which it held last: only where something has changed since is it decided anew.
    pub(super) async fn lost_since(&mut self, held: &mut Option<SystemTime>) -> String {
        loop {
            let at = match *held {
                Some(at) => at,
                None => {
                    let now = SystemTime::now();
                    if let Some(lost) = self.lost_now() {
                        return lost.message;
                    }
                    *held = Some(now);
                    now
                }
            };
            self.changed(at).await;
            *held = None;
        }
    }

    /// Resolves when something has changed `since` then on which the permit depends. Cancel-safe.
    async fn changed(&mut self, since: SystemTime) {
        let login_ends = self.login.as_ref().map(LiveLogin::ends);
        let ends = self.approved.iter().filter_map(|approved| approved.until).chain(login_ends);
        let next = ends.filter(|end| *end > since).min();
        let left = next.map(|end| end.duration_since(SystemTime::now()).unwrap_or_default());
        tokio::select! {
            Ok(()) = self.rules.changed() => {}
            Some(()) = cut(self.login.as_mut()), if self.login.is_some() => {}
            () = tokio::time::sleep(left.unwrap_or_default()), if left.is_some() => {}
            // The rules cannot change any more, and nothing runs out.
            else => std::future::pending().await,
        }
    }
}

async fn cut(login: Option<&mut LiveLogin>) -> Option<()> {
    login?.cut().await;
    Some(())
}

/// What a user reads whose bastion may be taken for dead by others on the same database.
pub(super) const UNHELD: &str = "this bastion has lost touch with its database, and ends what runs here; connect again";

#[cfg(test)]
thread_local! {
    /// How often the rules were asked on this thread.
    pub(super) static DECISIONS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        collections::BTreeSet, future::Future as _, net::Ipv4Addr, path::Path, pin::pin, task::Poll, time::Duration,
    };

    use config::{Cluster, ClusterAccess, RuleDoc, target::parse_targets};
    use identity::{
        login::{EndedLogins, Login},
        token::Token,
    };
    use jiff::{SignedDuration, Timestamp};
    use ledger::store::{LoginKind, LoginRecord, SqlStore, Store};
    use policy::{ApprovedKind, Capability, KubeRequest};

    use super::*;

    pub(crate) fn rules(allow: &str) -> Arc<RuleSet> {
        let text = format!(
            "roles: {{ r: {{ users: [alice], allow: [{{ targets: {{ names: [web1] }}, logins: [root], {allow} }}] }} }}"
        );
        Arc::new(RuleSet::compile(&[RuleDoc::parse(&text, "rules.yaml").unwrap()]).unwrap())
    }

    /// A permit for a shell, where no rule on commands stands.
    pub(crate) fn of_test() -> LivePermit {
        permit(&watch::Sender::new(rules("capabilities: [pty, shell]")))
    }

    pub(crate) fn permit(rules: &watch::Sender<Arc<RuleSet>>) -> LivePermit {
        permit_with(rules, Vec::new())
    }

    fn permit_with(rules: &watch::Sender<Arc<RuleSet>>, approved: Vec<Approved>) -> LivePermit {
        let decision = decided(rules, approved);
        decision.unwrap_or_else(|decision| panic!("{decision:?}"))
    }

    fn user() -> Subject {
        Subject {
            issuer: "https://issuer.example".into(),
            id: "1".into(),
            name: "alice".parse().unwrap(),
            email: None,
            groups: BTreeSet::new(),
        }
    }

    /// The permit of alice for root on web1, or what the rules say instead.
    pub(crate) fn decided(
        rules: &watch::Sender<Arc<RuleSet>>,
        approved: Vec<Approved>,
    ) -> Result<LivePermit, Decision> {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";
        let targets = format!("- {{ name: web1, address: \"192.0.2.1:22\", host_keys: [\"{key}\"] }}");
        let target = parse_targets(&targets, Path::new("."), "targets.yaml").unwrap().remove(0);
        let user = user();
        let (capabilities, source) = (vec![Capability::Pty, Capability::Shell], IpAddr::from(Ipv4Addr::LOCALHOST));
        let login = "root".parse().unwrap();
        let context = Context { now: SystemTime::UNIX_EPOCH, source, approved: &approved };
        let access = Access::Host { target: Box::new(target), login, capabilities };
        let decision = rules.borrow().decide(&user, access.resource(), access.action(), &context);
        let Decision::Allow(permit) = decision else { return Err(decision) };
        Ok(LivePermit { rules: rules.subscribe(), user, access, source, permit, approved, login: None })
    }

    #[test]
    fn a_permit_for_a_host_is_none_for_a_cluster_nor_the_other_way_round() {
        // Of one name, and the role allows both.
        let text = "roles: { r: { users: [alice], allow: [\
            { targets: { names: [web1] }, logins: [root], capabilities: [pty, shell] }, \
            { clusters: { names: [web1] }, capabilities: [api] }] } }";
        let rules = RuleSet::compile(&[RuleDoc::parse(text, "rules.yaml").unwrap()]).unwrap();
        let sender = watch::Sender::new(Arc::new(rules));
        let mut host = permit(&sender);
        let cluster = Cluster { name: "web1".parse().unwrap(), labels: [].into(), access: ClusterAccess::InCluster };
        let request = KubeRequest::new("get", None).into();
        let access = Access::Cluster { cluster: Box::new(cluster), request };
        let context = Context { now: SystemTime::UNIX_EPOCH, source: host.source, approved: &[] };
        let decision = sender.borrow().decide(&host.user, access.resource(), access.action(), &context);
        let Decision::Allow(permit) = decision else { panic!("{decision:?}") };
        let mut cluster = LivePermit { permit, access, ..host.clone() };
        assert_eq!((host.lost_now(), cluster.lost_now()), (None, None));
        std::mem::swap(&mut host.permit, &mut cluster.permit);
        for mut swapped in [host, cluster] {
            assert_eq!(swapped.lost_now().map(|lost| lost.reason), Some(ReasonCode::NotAllowed));
        }
    }

    /// A login that ends by itself only.
    pub(crate) async fn login_until(expires_at: Timestamp) -> LiveLogin {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::in_file(&folder.path().join("bastion.db")).await.unwrap();
        EndedLogins::default().follow(&login(&store, expires_at).await)
    }

    /// A login that is in the store from now on.
    pub(crate) async fn login(store: &dyn Store, expires_at: Timestamp) -> Login {
        let token = Token::random().unwrap();
        let record = LoginRecord {
            token: token.hash(),
            kind: LoginKind::Cli,
            subject: user(),
            created_at: Timestamp::UNIX_EPOCH,
            expires_at,
        };
        store.add_login(&record).await.unwrap();
        Login::by_token(store, token.as_str(), Timestamp::UNIX_EPOCH).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_login_that_ends_takes_along_what_hangs_on_it() {
        let sender = watch::Sender::new(rules("capabilities: [pty, shell]"));
        let mut permit = permit(&sender);
        permit.login = Some(login_until(Timestamp::now() + SignedDuration::from_secs(1)).await);
        // Also when the rules cannot change any more.
        drop(sender);
        assert_eq!(permit.lost_now(), None);
        let lost = tokio::time::timeout(Duration::from_secs(20), permit.lost()).await.unwrap();
        assert!(lost.contains("your login has ended") && permit.login_has_ended(), "{lost}");
    }

    #[test]
    fn an_approved_session_lasts_until_the_time_that_was_given_if_one_was() {
        let sender = watch::Sender::new(rules("capabilities: [pty, shell], approval: { groups: [sre] }"));
        let approved = |until| Approved {
            what: ApprovedKind::Session,
            target: "web1".parse().unwrap(),
            login: "root".parse().unwrap(),
            until,
        };
        assert_eq!(permit_with(&sender, vec![approved(None)]).lost_now(), None);
        let lost =
            permit_with(&sender, vec![approved(Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1)))]).lost_now();
        assert!(lost.as_ref().is_some_and(|lost| lost.message.contains("needs an approval")), "{lost:?}");
    }

    #[tokio::test]
    async fn a_change_of_the_rules_ends_what_they_no_longer_allow() {
        for (allow, expected) in [
            ("capabilities: [pty, shell]", None),
            ("capabilities: [pty, shell], mode: observe", None),
            ("capabilities: [exec]", Some("no role of yours allows \"pty\"")),
            ("capabilities: [pty, shell], mode: exec-only", Some("exec-only")),
            ("capabilities: [pty, shell], mode: strict", Some("mode strict")),
        ] {
            let sender = watch::Sender::new(rules("capabilities: [pty, shell]"));
            let mut permit = permit(&sender);
            {
                let mut lost = pin!(permit.lost());
                let polled = std::future::poll_fn(|cx| Poll::Ready(lost.as_mut().poll(cx))).await;
                assert!(polled.is_pending(), "{polled:?}");
                sender.send_replace(rules(allow));
                let polled = std::future::poll_fn(|cx| Poll::Ready(lost.as_mut().poll(cx))).await;
                match (polled, expected) {
                    (Poll::Ready(reason), Some(words)) => assert!(reason.contains(words), "{allow}: {reason}"),
                    (Poll::Pending, None) => {}
                    (polled, _) => panic!("{allow}: {polled:?}"),
                }
            }
            assert_eq!(permit.lost_now().is_some(), expected.is_some());
        }
    }
}
