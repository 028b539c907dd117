//! `bastion login --renew`: what ssh runs before each connection.
//!
//! While the certificate is young this reads three files and ends, without a network and
//! without a lock. Several processes may run it at once; one of them renews.

use jiff::Timestamp;

use super::{new_key, request_certificate, save};
use crate::exit::CommandError;
use crate::home::{BastionHome, SavedLogin};
use crate::in_runtime;
use crate::key::{self, KeptKey, Validity};

/// Renews where it is time to.
///
/// # Errors
///
/// When the login ended, or the only certificate is over and no new one can be had.
pub(super) fn run(home: &BastionHome) -> Result<(), CommandError> {
    let login = home.login_at(Timestamp::now())?;
    match Step::after(&KeptKey::read(home, &login), login.expires_at, Timestamp::now()) {
        Step::Nothing => Ok(()),
        Step::NewCertificate | Step::NewKey => in_runtime(renew(home)),
    }
}

async fn renew(home: &BastionHome) -> Result<(), CommandError> {
    let lock = home.lock()?;
    // Another process may have renewed, or logged in anew, while this one waited for the lock.
    let login = home.login_at(Timestamp::now())?;
    let kept = KeptKey::read(home, &login);
    let api = home.client_of(&login)?;
    let now = Timestamp::now();
    let renewed = match (Step::after(&kept, login.expires_at, now), &kept.key) {
        (Step::Nothing, _) => return Ok(()),
        (Step::NewCertificate, Some(key)) => match request_certificate(&api, key).await {
            Ok(certificate) => key::keep_certificate(home, &lock, key, &certificate.certificate).map(drop),
            Err(error) => Err(error),
        },
        (Step::NewCertificate | Step::NewKey, _) => {
            match new_key(home, &lock, &api, &login.user.name, login.expires_at, login.key).await {
                Ok(place) => save(home, &lock, &SavedLogin { key: place, ..login }),
                Err(error) => Err(error),
            }
        }
    };
    match renewed {
        // The web front may be down while the SSH front is not: the certificate in hand will do.
        Err(CommandError::Unreachable { .. }) if kept.validity.is_some_and(|validity| now < validity.before) => Ok(()),
        other => other,
    }
}

/// What a renewal has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    NewCertificate,
    NewKey,
}

impl Step {
    fn after(kept: &KeptKey, login_ends: Timestamp, now: Timestamp) -> Self {
        match (&kept.key, kept.validity) {
            (None, _) => Self::NewKey,
            (Some(_), None) => Self::NewCertificate,
            (Some(_), Some(validity)) if is_young(validity, login_ends, now) => Self::Nothing,
            (Some(_), Some(_)) => Self::NewCertificate,
        }
    }
}

/// More than a third of its life is left, or no later one can be had.
fn is_young(validity: Validity, login_ends: Timestamp, now: Timestamp) -> bool {
    let left = validity.before.duration_since(now);
    if left.is_negative() || left.is_zero() {
        return false;
    }
    let life = validity.before.duration_since(validity.after);
    // Certificates count whole seconds, logins do not.
    left > life / 3 || login_ends.as_second() <= validity.before.as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN_ENDS: i64 = 10_000;

    /// A certificate good from 1000 to 1600, looked at at `now`.
    fn step(validity: Option<(i64, i64)>, now: i64) -> Step {
        let time = |second| Timestamp::from_second(second).unwrap();
        let private = key::generate("alice").unwrap();
        let validity = validity.map(|(after, before)| Validity { after: time(after), before: time(before) });
        Step::after(&KeptKey { key: Some(private.public_key().clone()), validity }, time(LOGIN_ENDS), time(now))
    }

    #[test]
    fn a_certificate_is_renewed_in_the_last_third_of_its_life() {
        let table = [
            (None, 1000, Step::NewCertificate),
            (Some((1000, 1600)), 1000, Step::Nothing),
            (Some((1000, 1600)), 1399, Step::Nothing),
            (Some((1000, 1600)), 1400, Step::NewCertificate),
            (Some((1000, 1600)), 1600, Step::NewCertificate),
            (Some((1000, 1600)), 9000, Step::NewCertificate),
            // The clock here is behind the server's.
            (Some((1000, 1600)), 500, Step::Nothing),
            // It lasts as long as the login: there is nothing to gain.
            (Some((9400, LOGIN_ENDS)), 9990, Step::Nothing),
            (Some((9400, LOGIN_ENDS)), LOGIN_ENDS, Step::NewCertificate),
        ];
        for (validity, now, expected) in table {
            assert_eq!(step(validity, now), expected, "{validity:?} at {now}");
        }
    }

    #[test]
    fn a_lost_private_key_is_replaced() {
        let kept = KeptKey { key: None, validity: None };
        assert_eq!(Step::after(&kept, Timestamp::MAX, Timestamp::UNIX_EPOCH), Step::NewKey);
    }
}
