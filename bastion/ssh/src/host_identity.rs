//! Which host certificate the bastion shows to whom.
//!
//! The bastion has one host key. To a user who connects to the bastion it shows
//! a certificate for its own names; inside a jump (`ssh -J bastion login@target`)
//! it answers as the target and shows a certificate for the target's name. A
//! stock client with one `@cert-authority` line sees no prompt in either case.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use config::TargetName;
use identity::ssh_ca::{HostCa, IssueError};
use jiff::Timestamp;
use russh::{
    MethodKind, MethodSet,
    keys::{Certificate, PrivateKey},
    server,
};
use ssh_client::algorithms::{Keepalive, PACKET_BYTES, WINDOW_BYTES, identification, user_leg};

/// How long a host certificate is good.
const LIFETIME: Duration = Duration::from_hours(24);

/// A certificate is made anew when it is this old, so that nobody is shown one that is about to end.
const RENEW_AFTER: Duration = Duration::from_hours(12);

/// Settings of the SSH front that are the same for every connection.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Failed attempts before the connection is closed.
    pub max_auth_attempts: usize,
    /// How a client that is gone is noticed.
    pub keepalive: Keepalive,
}

/// Server settings with a certificate, and when it was made.
type Made = (Timestamp, Arc<server::Config>);

/// The bastion's host key, and certificates for it.
pub struct HostIdentity {
    ca: HostCa,
    key: PrivateKey,
    own_names: Vec<String>,
    settings: ServerSettings,
    configs: Mutex<HashMap<Option<TargetName>, Made>>,
}

impl HostIdentity {
    /// The host key `key`, certified by `ca`, for a bastion that is reached as `own_names`.
    #[must_use]
    pub fn new(ca: HostCa, key: PrivateKey, own_names: Vec<String>, settings: ServerSettings) -> Self {
        Self { ca, key, own_names, settings, configs: Mutex::default() }
    }

    /// The server settings with a certificate for the bastion itself (`None`) or for a target.
    ///
    /// Only configured targets are asked for, so the table has at most one entry for each.
    ///
    /// # Errors
    ///
    /// When the certificate cannot be made.
    pub fn server_config(
        &self,
        target: Option<&TargetName>,
        now: Timestamp,
    ) -> Result<Arc<server::Config>, IssueError> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, config)) = configs.get(&target.cloned())
            && now.duration_since(*made).unsigned_abs() < RENEW_AFTER
        {
            return Ok(Arc::clone(config));
        }
        let names: Vec<&str> = match target {
            Some(target) => vec![target.as_str()],
            None => self.own_names.iter().map(String::as_str).collect(),
        };
        let certificate = self.ca.issue(self.key.public_key(), &names, LIFETIME, now)?;
        let config = Arc::new(self.config(certificate));
        configs.insert(target.cloned(), (now, Arc::clone(&config)));
        Ok(config)
    }

    fn config(&self, certificate: Certificate) -> server::Config {
        server::Config {
            methods: MethodSet::from(&[MethodKind::PublicKey, MethodKind::KeyboardInteractive][..]),
            // Rejections depend on the certificate alone, which the client knows; there is no timing to hide,
            // and OpenSSH's first attempt ("none") must not cost a second.
            auth_rejection_time: Duration::ZERO,
            auth_rejection_time_initial: Some(Duration::ZERO),
            keys: vec![self.key.clone()],
            certificates: vec![certificate],
            window_size: WINDOW_BYTES,
            maximum_packet_size: PACKET_BYTES,
            preferred: user_leg(),
            max_auth_attempts: self.settings.max_auth_attempts,
            inactivity_timeout: None,
            keepalive_interval: Some(self.settings.keepalive.interval),
            keepalive_max: self.settings.keepalive.most_unanswered,
            nodelay: true,
            consumption_window: true,
            application_channels: true,
            server_id: identification(),
            ..server::Config::default()
        }
    }
}
