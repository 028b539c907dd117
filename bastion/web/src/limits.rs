//! What every request is held to: size, time, and how often logins may be begun.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use ledger::store::{LoginRate, Store};
use listener::Network;

use super::api::error::ApiError;

/// The largest request body: a public key and some names, with room to spare.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

/// How long the head of an answer may take. A recording's bytes come after it and take as long as they take.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);

/// Gives up on an answer whose head takes too long.
pub(super) async fn answer_in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER_DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::TimedOut.into_response(),
    }
}

/// Counts logins that are begun, per address: each costs a row in the store and a request at the issuer. What is counted
/// here is this instance's part of it, so that a crowd does not reach the store; the store counts for all of them.
#[derive(Debug, Default)]
pub(super) struct LoginLimiter {
    begun: Mutex<HashMap<Network, Bucket>>,
}

/// What an address has left.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl LoginLimiter {
    /// Takes one, here and in the store; an error if this address has none left.
    pub(super) async fn begin(&self, store: &dyn Store, source: IpAddr) -> Result<(), ApiError> {
        self.take(source, Instant::now())?;
        let network = Network::from(source).to_string();
        if store.begin_login(&network, RATE, Timestamp::now()).await? { Ok(()) } else { Err(ApiError::TooManyRequests) }
    }

    /// Takes one of those that this instance gives; an error if this address has none left.
    fn take(&self, source: IpAddr, now: Instant) -> Result<(), ApiError> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let source = Network::from(source);
        if begun.len() >= MAX_ADDRESSES && !begun.contains_key(&source) {
            begun.retain(|_, bucket| bucket.at(now) < f64::from(RATE.burst));
            if begun.len() >= MAX_ADDRESSES {
                return Err(ApiError::TooManyRequests);
            }
        }
        let bucket = begun.entry(source).or_insert(Bucket { left: f64::from(RATE.burst), at: now });
        let left = bucket.at(now);
        if left < 1.0 {
            return Err(ApiError::TooManyRequests);
        }
        *bucket = Bucket { left: left - 1.0, at: now };
        Ok(())
    }
}

impl Bucket {
    fn at(&self, now: Instant) -> f64 {
        let waited = now.saturating_duration_since(self.at).as_secs_f64();
        waited.mul_add(f64::from(RATE.per_second), self.left).min(f64::from(RATE.burst))
    }
}

/// Many people may stand behind one address of an office.
const RATE: LoginRate = LoginRate { burst: 120, per_second: 2 };

/// Bounds the memory: an attacker with more networks than this is met by a refusal.
const MAX_ADDRESSES: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_begins_too_many_logins_has_to_wait_and_others_do_not() {
        let limiter = LoginLimiter::default();
        let (start, busy) = (Instant::now(), IpAddr::from([192, 0, 2, 7]));
        let taken = (0..1000).filter(|_| limiter.take(busy, start).is_ok()).count();
        assert_eq!(taken, 120);
        limiter.take(IpAddr::from([192, 0, 2, 8]), start).unwrap();
        limiter.take(busy, start + Duration::from_secs(1)).unwrap();
    }

    #[test]
    fn the_memory_is_bounded_and_recovers() {
        let limiter = LoginLimiter::default();
        let start = Instant::now();
        let address = |number: u32| IpAddr::from(number.to_be_bytes());
        let taken = (0..20_000).filter(|number| limiter.take(address(*number), start).is_ok()).count();
        assert_eq!(taken, MAX_ADDRESSES);
        limiter.take(address(20_001), start + Duration::from_secs(1)).unwrap();
    }
}
