//! Where the fronts listen, their limits and timeouts, and the web address.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use url::Url;

use crate::{
    address::HostName,
    name::TargetName,
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
    /// How long a peer may take until it is authenticated (SSH), or has made its first request (HTTP).
    pub login_grace_time: Duration,
    /// How long an HTTP connection may be without a request.
    pub http_idle_time: Duration,
    /// Most connections of one listener at a time.
    pub max_connections: usize,
    /// Most of them at a time on which nobody has logged in yet.
    pub max_unauthenticated: usize,
    /// Most of these from one IPv4 address or IPv6 /64 that nobody has logged in from lately.
    pub max_unauthenticated_per_source: usize,
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
    /// Below it each cluster has a TLS server name. None where something before the bastion ends TLS, which a path in
    /// the URL tells.
    pub domain: Option<HostName>,
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
                http_idle_time: listen.or("http_idle_time", Duration::from_secs(90), seconds(1, 3600)),
                // Each that comes when there is no place left is compared with all of them.
                max_unauthenticated: listen.or("max_unauthenticated", 1_000, |f| f.count(10_000)),
                max_unauthenticated_per_source: listen.or("max_unauthenticated_per_source", 200, |f| f.count(10_000)),
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
            let domain = kube.present("domain", |field| {
                field.parse("a domain such as kube.bastion.example.com", |text| {
                    let domain: HostName = text.to_ascii_lowercase().parse().ok()?;
                    domain.ip().is_none().then_some(domain)
                })
            });
            let domain = domain.transpose();
            Ok(Self { url: url.unwrap_or_else(|| Err(kube.field("url").expected("a URL")))?, domain: domain? })
        })
    }

    /// Fills in the domain where the settings name none: `kube.` before the front's own name. Nobody looks names up that
    /// are only said in TLS, so a front that has an address only can have some too.
    pub(crate) fn with_default_domain(mut self, is_free: impl Fn(&HostName) -> bool) -> Self {
        let host = self.url.host_str().filter(|_| self.url.path() == "/");
        let host = host.and_then(|host| host.trim_matches(['[', ']']).parse::<HostName>().ok());
        let default = host.and_then(|host| {
            let domain = if host.ip().is_some() { NAMELESS_DOMAIN.to_owned() } else { format!("kube.{host}") };
            domain.to_ascii_lowercase().parse().ok().filter(is_free)
        });
        self.domain = self.domain.or(default);
        self
    }

    /// What a cluster is called in TLS; none where its name is no label of a domain name.
    #[must_use]
    pub fn server_name(&self, cluster: &TargetName) -> Option<String> {
        let name = cluster.as_str();
        let is_label = name.len() <= 63
            && !name.starts_with('-')
            && !name.ends_with('-')
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        self.domain.as_ref().filter(|_| is_label).map(|domain| format!("{name}.{domain}"))
    }

    /// The certificate's name for all clusters.
    #[must_use]
    pub fn certificate_name(&self) -> Option<String> {
        self.domain.as_ref().map(|domain| format!("*.{domain}"))
    }
}

/// `internal` is for private use.
const NAMELESS_DOMAIN: &str = "kube.bastion.internal";

impl Tls {
    fn read(field: &Field<'_>) -> Read<Self> {
        field.table("a mapping of certificate and key", |tls| {
            let certificate = tls.required("certificate", value::readable_file);
            let key = tls.required("key", value::readable_file);
            Ok(Self { certificate: certificate?, key: key? })
        })
    }
}
