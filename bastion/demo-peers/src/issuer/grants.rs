//! What waits between a page and a token: codes and device logins. Each is used once.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    people::DemoPerson,
    secret::{challenge, random_text},
};

/// A code that was handed out.
pub(super) struct PendingCode {
    pub(super) person: &'static DemoPerson,
    pub(super) redirect_uri: String,
    pub(super) code_challenge: String,
    pub(super) nonce: Option<String>,
}

impl PendingCode {
    /// Whether the one who brings the code is the one who asked for it (RFC 6749 §4.1.3, RFC 7636 §4.6).
    pub(super) fn accepts(&self, redirect_uri: &str, verifier: &str) -> bool {
        self.redirect_uri == redirect_uri && self.code_challenge == challenge(verifier)
    }
}

/// How far a device login is.
pub(super) enum DeviceState {
    Confirmed(&'static DemoPerson),
    Pending,
    Unknown,
}

#[derive(Default)]
pub(super) struct Grants(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    codes: HashMap<String, (Instant, PendingCode)>,
    devices: HashMap<String, Device>,
}

struct Device {
    until: Instant,
    user_code: String,
    person: Option<&'static DemoPerson>,
}

impl Grants {
    /// `None` when too many wait already.
    pub(super) fn add_code(&self, waiting: PendingCode) -> Option<String> {
        let code = random_text()?;
        let mut tables = self.tables();
        (tables.codes.len() < MAX_WAITING).then(|| {
            tables.codes.insert(code.clone(), (Instant::now() + CODE_LIFETIME, waiting));
            code
        })
    }

    pub(super) fn take_code(&self, code: &str) -> Option<PendingCode> {
        self.tables().codes.remove(code).map(|(_, waiting)| waiting)
    }

    /// The device code and the code to type.
    pub(super) fn add_device(&self) -> Option<(String, String)> {
        let device_code = random_text()?;
        // Consonants only, so that no word comes out.
        let random = random_text()?;
        let letters: String =
            random.chars().filter(|c| "BCDFGHJKLMNPQRSTVWXZ".contains(c.to_ascii_uppercase())).collect();
        let letters = letters.to_ascii_uppercase();
        let user_code = format!("{}-{}", letters.get(..4)?, letters.get(4..8)?);
        let mut tables = self.tables();
        (tables.devices.len() < MAX_WAITING).then(|| {
            let device = Device { until: Instant::now() + DEVICE_LIFETIME, user_code: user_code.clone(), person: None };
            tables.devices.insert(device_code.clone(), device);
            (device_code, user_code)
        })
    }

    /// Whether there was such a code to confirm.
    pub(super) fn confirm_device(&self, user_code: &str, person: &'static DemoPerson) -> bool {
        let mut tables = self.tables();
        let device = tables.devices.values_mut().find(|device| device.user_code.eq_ignore_ascii_case(user_code));
        match device {
            Some(device) if device.person.is_none() => {
                device.person = Some(person);
                true
            }
            Some(_) | None => false,
        }
    }

    pub(super) fn poll_device(&self, device_code: &str) -> DeviceState {
        let mut tables = self.tables();
        match tables.devices.get(device_code).map(|device| device.person) {
            None => DeviceState::Unknown,
            Some(None) => DeviceState::Pending,
            Some(Some(person)) => {
                tables.devices.remove(device_code);
                DeviceState::Confirmed(person)
            }
        }
    }

    /// The tables without what is too old.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        tables.codes.retain(|_, (until, _)| now < *until);
        tables.devices.retain(|_, device| now < device.until);
        tables
    }
}

/// A browser brings the code back within a second.
const CODE_LIFETIME: Duration = Duration::from_secs(60);

/// How long a person may take to confirm a device login.
pub(super) const DEVICE_LIFETIME: Duration = Duration::from_secs(300);

/// A demo has one person in front of it; a test some hundred.
const MAX_WAITING: usize = 1000;
