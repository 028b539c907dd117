//! Where a connection comes from, and the networks that people have logged in from.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What counts as one source: an IPv4 address, or the /64 that one customer of an IPv6 provider has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        })
    }
}

/// The networks that people have logged in from lately: those that come back find places kept for them.
#[derive(Debug, Default)]
pub struct KnownNetworks(Mutex<HashMap<Network, Instant>>);

impl KnownNetworks {
    /// Somebody has logged in from there at this time.
    pub fn remember(&self, network: Network, at: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_NETWORKS && !known.contains_key(&network) {
            known.retain(|_, last| at.saturating_duration_since(*last) < REMEMBERED);
            if known.len() >= MAX_NETWORKS
                && let Some(oldest) = known.iter().min_by_key(|(_, at)| **at).map(|(network, _)| *network)
            {
                known.remove(&oldest);
            }
        }
        let last = known.entry(network).or_insert(at);
        *last = at.max(*last);
    }

    /// Whether somebody has logged in from there in the month before `now`.
    #[must_use]
    pub fn contains(&self, network: Network, now: Instant) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&network).is_some_and(|at| now.saturating_duration_since(*at) < REMEMBERED)
    }
}

/// A month: who was on holiday is still known.
const REMEMBERED: Duration = Duration::from_hours(30 * 24);

/// Bounds the memory; only logins add to it.
const MAX_NETWORKS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_together() {
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }

    #[test]
    fn who_logged_in_is_known_for_a_month() {
        let (known, start) = (KnownNetworks::default(), Instant::now());
        known.remember(network("192.0.2.1"), start);
        assert!(known.contains(network("192.0.2.1"), start + REMEMBERED - Duration::from_secs(1)));
        assert!(!known.contains(network("192.0.2.1"), start + REMEMBERED));
        assert!(!known.contains(network("192.0.2.2"), start));
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_the_oldest() {
        let (known, start) = (KnownNetworks::default(), Instant::now());
        let address = |number: u32| Network::from(IpAddr::from(number.to_be_bytes()));
        let most = u32::try_from(MAX_NETWORKS).unwrap();
        for number in 0..=most {
            known.remember(address(number), start + Duration::from_millis(number.into()));
        }
        let end = start + Duration::from_mins(1);
        assert!(!known.contains(address(0), end));
        assert!(known.contains(address(1), end) && known.contains(address(most), end));
        assert_eq!(known.0.lock().unwrap().len(), MAX_NETWORKS);
    }
}
