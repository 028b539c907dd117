//! Refusals, summed up: whoever is refused again and again must not fill the disk with it, and an auditor wants the
//! number and not the thousandth line. Of each kind the first ones of a person (or, where nobody is known, of a
//! source address) are written one by one; the rest of a minute becomes one [`AuditEvent::RefusalsSummed`].

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use config::UserName;
use jiff::{SignedDuration, Timestamp};

use super::{AuditEvent, bound::short};

/// What was refused to whom lately.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    tallies: HashMap<(&'static str, RefusalKey), RefusalTally>,
    /// How many were written one by one of those whom nobody knows, and since when.
    strangers: Option<(Timestamp, u32)>,
}

/// Who is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum RefusalKey {
    Person(UserName),
    Source(String),
    /// Everybody for whom there is no place in the table.
    Others,
}

#[derive(Debug)]
struct RefusalTally {
    since: Timestamp,
    written: u32,
    summed: Option<Summed>,
}

#[derive(Debug)]
struct Summed {
    count: u64,
    first: Timestamp,
    last: Timestamp,
    reason: String,
    source: String,
}

impl Refusals {
    /// Whether the event is to be written: every one that is no refusal, and the first of those that are. The others
    /// are counted.
    pub(super) fn admit(&mut self, event: &AuditEvent, at: Timestamp) -> bool {
        let Some((reason, source)) = event.refusal() else { return true };
        let who = match event.user() {
            Some(user) => RefusalKey::Person(user.clone()),
            None => RefusalKey::Source(network(source)),
        };
        let mut key = (event.kind(), who);
        let known = matches!(key.1, RefusalKey::Person(_));
        // People are as many as have a login; of addresses there is no end.
        if !known && self.tallies.len() >= MOST_TALLIES && !self.tallies.contains_key(&key) {
            key.1 = RefusalKey::Others;
        }
        let tally = self.tallies.entry(key).or_insert(RefusalTally { since: at, written: 0, summed: None });
        if tally.summed.is_none() && tally.written < ONE_BY_ONE && (known || admit_stranger(&mut self.strangers, at)) {
            tally.written += 1;
            return true;
        }
        let summed = tally.summed.get_or_insert_with(|| Summed {
            count: 0,
            first: at,
            last: at,
            reason: String::new(),
            source: String::new(),
        });
        summed.count += 1;
        summed.last = at;
        summed.reason = short(reason).into_owned();
        summed.source = short(source).into_owned();
        false
    }

    /// The sums of the minutes that are over at `now`.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<AuditEvent> {
        self.sums(|tally| now.duration_since(tally.since) >= WINDOW)
    }

    /// The sums so far: the bastion stops.
    pub(super) fn rest(&mut self) -> Vec<AuditEvent> {
        self.sums(|_| true)
    }

    fn sums(&mut self, is_over: impl Fn(&RefusalTally) -> bool) -> Vec<AuditEvent> {
        self.tallies
            .extract_if(|_, tally| is_over(tally))
            .filter_map(|((refused, who), tally)| {
                let Summed { count, first, last, reason, source } = tally.summed?;
                let user = match who {
                    RefusalKey::Person(user) => Some(user),
                    RefusalKey::Source(_) | RefusalKey::Others => None,
                };
                Some(AuditEvent::RefusalsSummed {
                    refused: refused.to_owned(),
                    user,
                    count,
                    from: first,
                    until: last,
                    reason,
                    source,
                })
            })
            .collect()
    }
}

impl AuditEvent {
    /// Why and from where, if it is about a refusal that its peer can repeat at will.
    fn refusal(&self) -> Option<(&str, &str)> {
        match self {
            Self::AccessRefused { reason, source, .. }
            | Self::ChannelRefused { reason, source, .. }
            | Self::ConnectionRefused { reason, source, .. }
            | Self::LoginFailed { reason, source } => Some((reason, source)),
            Self::KubeRequest(request) => Some((request.refused.as_deref()?, &request.source)),
            Self::PortRefused(refused) => Some((&refused.reason, &refused.port.source)),
            Self::TargetUnavailable { reason, .. } => Some((reason, "")),
            Self::AccessEnded { .. }
            | Self::AccessGranted { .. }
            | Self::ApprovalDecided { .. }
            | Self::ApprovalRequested { .. }
            | Self::ApprovalVoted { .. }
            | Self::CertificateIssued { .. }
            | Self::ChannelOpened { .. }
            | Self::CommandBlocked(_)
            | Self::CommandHeld(_)
            | Self::CommandObserved(_)
            | Self::ConnectionAuthenticated { .. }
            | Self::GateTripped { .. }
            | Self::LoggedIn { .. }
            | Self::LoggedOut { .. }
            | Self::NameBound { .. }
            | Self::NameReleased { .. }
            | Self::PortClosed(_)
            | Self::PortOpened(_)
            | Self::RecordingFailed { .. }
            | Self::RecordingViewed { .. }
            | Self::RefusalsSummed { .. }
            | Self::RevokedKeysRejected { .. }
            | Self::RevokedKeysReloaded { .. }
            | Self::RulesRejected { .. }
            | Self::RulesReloaded { .. }
            | Self::SessionEnded { .. }
            | Self::SessionStarted { .. }
            | Self::StoreRecovered { .. }
            | Self::UnreadableRow { .. } => None,
        }
    }
}

fn admit_stranger(strangers: &mut Option<(Timestamp, u32)>, at: Timestamp) -> bool {
    match strangers {
        Some((since, written)) if at.duration_since(*since) < WINDOW => {
            *written = written.saturating_add(1);
            *written <= MOST_STRANGERS
        }
        Some(_) | None => {
            *strangers = Some((at, 1));
            true
        }
    }
}

/// What one party holds: an address, and of IPv6 the /64.
fn network(source: &str) -> String {
    let address = source.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| source.parse::<IpAddr>());
    match address.map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => {
            let network = Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64));
            format!("{network}/64")
        }
        Err(_) => source.to_owned(),
    }
}

/// How many of a kind are written one by one: one a second, more than a person makes by hand.
const ONE_BY_ONE: u32 = 60;

/// How long a sum is added up.
const WINDOW: SignedDuration = SignedDuration::from_mins(1);

/// Kinds times addresses at a time; a tally takes some 300 bytes, and 2 KiB if its peer wants it to.
const MOST_TALLIES: usize = 4096;

/// The same for everybody together whom nobody knows: addresses cost nothing.
const MOST_STRANGERS: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn by_person(user: &str, reason: &str) -> AuditEvent {
        AuditEvent::AccessRefused {
            user: user.parse().unwrap(),
            what: "x".into(),
            reason: reason.into(),
            source: "192.0.2.7:5".into(),
        }
    }

    fn by_stranger(source: &str) -> AuditEvent {
        AuditEvent::ConnectionRefused { key_id: None, reason: "expired".into(), source: source.into() }
    }

    #[test]
    fn the_first_are_written_and_the_rest_is_a_sum_at_the_end_of_the_minute() {
        let mut refusals = Refusals::default();
        let written = (0..500).filter(|n| refusals.admit(&by_person("alice", &n.to_string()), at(n / 10))).count();
        assert_eq!(written, 60);
        assert!(refusals.admit(&by_person("bob", "another person"), at(50)));
        assert!(refusals.admit(&AuditEvent::LoginFailed { reason: "no".into(), source: "::1".into() }, at(50)));
        assert_eq!(refusals.due(at(59)), []);
        assert_eq!(
            refusals.due(at(60)),
            [AuditEvent::RefusalsSummed {
                refused: "access_refused".into(),
                user: Some("alice".parse().unwrap()),
                count: 440,
                from: at(6),
                until: at(49),
                reason: "499".into(),
                source: "192.0.2.7:5".into(),
            }]
        );
        assert!(refusals.admit(&by_person("alice", "a new minute"), at(61)));
        assert_eq!(refusals.rest(), []);
    }

    #[test]
    fn an_address_counts_without_its_port_and_a_v6_network_as_one() {
        let mut refusals = Refusals::default();
        let written = |refusals: &mut Refusals, source: &dyn Fn(u32) -> String| {
            (1..=200).filter(|n| refusals.admit(&by_stranger(&source(*n)), at(0))).count()
        };
        assert_eq!(written(&mut refusals, &|n| format!("192.0.2.7:{n}")), 60);
        assert_eq!(written(&mut refusals, &|n| format!("[2001:db8::{n:x}]:9")), 60);
        assert_eq!(written(&mut refusals, &|n| format!("[2001:db8:0:{n:x}::1]:9")), 200);
    }

    #[test]
    fn a_flood_from_everywhere_is_bounded_and_every_refusal_is_counted() {
        const ALL: u64 = 20_000;
        let mut refusals = Refusals::default();
        let source = |n: u64| format!("10.{}.{}.{}:1", n >> 16 & 255, n >> 8 & 255, n & 255);
        let written = (0..ALL).filter(|n| refusals.admit(&by_stranger(&source(*n)), at(0))).count();
        assert_eq!(written, 1000);
        assert!(refusals.tallies.len() <= MOST_TALLIES + 1);
        assert!(refusals.admit(&by_person("alice", "is known"), at(1)), "others' noise hides nobody who is known");
        let summed: u64 = refusals
            .rest()
            .iter()
            .map(|event| {
                let AuditEvent::RefusalsSummed { count, .. } = event else { panic!("{event:?}") };
                *count
            })
            .sum();
        assert_eq!(summed + 1000, ALL);
    }

    #[test]
    fn what_is_no_refusal_is_always_written() {
        let mut refusals = Refusals::default();
        let event = AuditEvent::LoggedOut { user: "alice".parse().unwrap(), source: "::1".into() };
        assert!((0..1000).all(|_| refusals.admit(&event, at(0))));
    }
}
