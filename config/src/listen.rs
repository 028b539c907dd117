//! Where the fronts listen, their limits and timeouts, and the web address.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use url::Url;

use crate::{
    reader::{Field, Read},
    value,
};

/// Listeners and the limits on what comes through them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The SSH listener.
    pub ssh: SocketAddr,
    /// The HTTPS listener.
    pub web: SocketAddr,
    /// The Kubernetes listener; it listens only where there are clusters.
    pub kube: SocketAddr,
    /// How long a peer may take until it is authenticated.
    pub login_grace_time: Duration,
    /// Most SSH connections at a time.
    pub max_connections: usize,
    /// Most SSH connections at a time that are not authenticated yet.
    pub max_unauthenticated: usize,
    /// Most authentication attempts on one connection.
    pub max_auth_attempts: usize,
    /// Most channels of one connection at a time.
    pub max_channels: usize,
    /// How long an SSH connection, of a user or to a target, may be silent before a keepalive is sent.
    pub keepalive_interval: Duration,
    /// After so many keepalives without an answer the peer is taken to be gone.
    pub keepalive_max: usize,
}

/// How browsers and the command line reach the web front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// The web front's URL as users see it.
    pub url: Url,
    /// Its certificate; without one a CA in the data folder issues it.
    pub tls: Option<Tls>,
}

/// How `kubectl` reaches the Kubernetes front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kube {
    /// The front's URL as users see it; the clusters are below it, under `/clusters/NAME`.
    pub url: Url,
}

/// A certificate chain and its key, both PEM files that were readable at load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Listen {
    pub(crate) fn read(field: &Field<'_>) -> Read<Self> {
        let seconds = |from, to| value::duration(Duration::from_secs(from)..=Duration::from_secs(to));
        field.table("a mapping such as { ssh: 0.0.0.0:2222 }", |listen| {
            Ok(Self {
                ssh: listen.or("ssh", SocketAddr::from(([0, 0, 0, 0], 2222)), value::socket_address),
                web: listen.or("web", SocketAddr::from(([0, 0, 0, 0], 8443)), value::socket_address),
                kube: listen.or("kube", SocketAddr::from(([0, 0, 0, 0], 6443)), value::socket_address),
                login_grace_time: listen.or("login_grace_time", Duration::from_secs(30), seconds(1, 600)),
                max_connections: listen.or("max_connections", 10_000, |f| f.count(1_000_000)),
                max_unauthenticated: listen.or("max_unauthenticated", 100, |f| f.count(1_000_000)),
                max_auth_attempts: listen.or("max_auth_attempts", 10, |f| f.count(100)),
                max_channels: listen.or("max_channels", 64, |f| f.count(1_000)),
                keepalive_interval: listen.or("keepalive_interval", Duration::from_secs(30), seconds(1, 3600)),
                // With the interval some five minutes: a computer that sleeps for a while keeps its sessions.
                keepalive_max: listen.or("keepalive_max", 10, |f| f.count(1_000)),
            })
        })
    }
}

impl Web {
    /// `default_url` is used where the settings name none.
    pub(crate) fn read(field: &Field<'_>, default_url: impl FnOnce() -> Option<Url>) -> Read<Self> {
        field.table("a mapping such as { url: https://bastion.example.com:8443 }", |web| {
            let url = web.present("url", value::https_url).or_else(|| default_url().map(Ok));
            let tls = web.optional("tls", Tls::read);
            Ok(Self { url: url.unwrap_or_else(|| Err(web.field("url").expected("a URL")))?, tls })
        })
    }
}

impl Kube {
    /// `default_url` is used where the settings name none.
    pub(crate) fn read(field: &Field<'_>, default_url: impl FnOnce() -> Option<Url>) -> Read<Self> {
        field.table("a mapping such as { url: https://bastion.example.com:6443 }", |kube| {
            let url = kube.present("url", value::https_url).or_else(|| default_url().map(Ok));
            Ok(Self { url: url.unwrap_or_else(|| Err(kube.field("url").expected("a URL")))? })
        })
    }
}

impl Tls {
    fn read(field: &Field<'_>) -> Read<Self> {
        field.table("a mapping of certificate and key", |tls| {
            let certificate = tls.required("certificate", value::readable_file);
            let key = tls.required("key", value::readable_file);
            Ok(Self { certificate: certificate?, key: key? })
        })
    }
}
