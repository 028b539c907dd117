//! What the operator says about the issuer.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use url::{Host, Url};

/// The issuer's identifier: an `https` URL, or `http` on a loopback address. Kept as it was
/// written, because `iss` is compared as text.
#[derive(Clone, PartialEq, Eq)]
pub struct Issuer(String);

/// Why a text is not an issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// It is not a URL.
    #[error("the issuer {0:?} is not a URL")]
    NotAUrl(String),
    /// Anybody on the way could speak for it.
    #[error("the issuer {0:?} must be an https URL (http is accepted on loopback addresses only)")]
    NotSecure(String),
    /// "with no query or fragment components" (OpenID Connect Discovery §2).
    #[error("the issuer {0:?} must have no user name, query or fragment")]
    Parts(String),
}

impl Issuer {
    /// The issuer as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it describes itself: "concatenating the string /.well-known/openid-configuration to the
    /// Issuer", without a terminating slash (OpenID Connect Discovery §4.1).
    pub(super) fn configuration_url(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.0.trim_end_matches('/'))
    }

    /// Whether it is on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| is_loopback(&url))
    }
}

impl FromStr for Issuer {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, IssuerError> {
        let url = Url::parse(text).map_err(|_| IssuerError::NotAUrl(text.to_owned()))?;
        if !is_secure(&url) {
            return Err(IssuerError::NotSecure(text.to_owned()));
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(IssuerError::Parts(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// How to reach the issuer and read its tokens.
#[derive(Clone)]
pub struct OidcSettings {
    /// The issuer.
    pub issuer: Issuer,
    /// The bastion's client identifier there.
    pub client_id: String,
    /// The client secret, for a confidential client.
    pub client_secret: Option<String>,
    /// The scopes to ask for; `openid` is added if it is missing.
    pub scopes: Vec<String>,
    /// The claim with the user name.
    pub username_claim: String,
    /// Whether the issuer vouches for it: an address in it counts as a verified one.
    pub username_is_verified: bool,
    /// The claim with the groups.
    pub groups_claim: String,
    /// More certificate authorities to trust for the issuer's TLS, PEM.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// How long one request to the issuer may take.
    pub request_timeout: Duration,
}

impl OidcSettings {
    /// The usual settings for a public client.
    #[must_use]
    pub fn new(issuer: Issuer, client_id: impl Into<String>) -> Self {
        Self {
            issuer,
            client_id: client_id.into(),
            client_secret: None,
            scopes: ["openid", "profile", "email", "groups"].map(str::to_owned).to_vec(),
            username_claim: "preferred_username".to_owned(),
            username_is_verified: false,
            groups_claim: "groups".to_owned(),
            extra_ca_pem: None,
            request_timeout: Duration::from_secs(10),
        }
    }

    /// The `scope` parameter.
    pub(super) fn scope(&self) -> String {
        let openid = (!self.scopes.iter().any(|scope| scope == "openid")).then_some("openid");
        openid.into_iter().chain(self.scopes.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Debug for OidcSettings {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcSettings")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Whether nobody on the way can read or change what goes to this URL.
pub(super) fn is_secure(url: &Url) -> bool {
    url.has_host() && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).to_canonical().is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only() {
        for good in [
            "https://id.example.com",
            "https://id.example.com/realms/x/",
            "http://127.0.0.1:8080",
            "http://[::1]:1/a",
            "http://localhost:3000",
        ] {
            assert!(good.parse::<Issuer>().is_ok(), "{good}");
        }
        for bad in [
            "http://id.example.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "ftp://127.0.0.1",
            "https://",
            "id.example.com",
            "http://10.0.0.1",
        ] {
            assert!(bad.parse::<Issuer>().is_err(), "{bad}");
        }
        for parts in ["https://a@id.example.com", "https://id.example.com?x=1", "https://id.example.com#x"] {
            assert!(matches!(parts.parse::<Issuer>(), Err(IssuerError::Parts(_))), "{parts}");
        }
    }

    #[test]
    fn the_issuer_stays_as_it_was_written() {
        assert_eq!("https://id.example.com".parse::<Issuer>().unwrap().as_str(), "https://id.example.com");
        let slash = "https://id.example.com/".parse::<Issuer>().unwrap();
        assert_eq!(slash.as_str(), "https://id.example.com/");
        assert_eq!(slash.configuration_url(), "https://id.example.com/.well-known/openid-configuration");
    }

    #[test]
    fn openid_is_always_asked_for_and_the_secret_is_never_shown() {
        let mut settings = OidcSettings::new("https://id.example.com".parse().unwrap(), "bastion");
        settings.scopes = vec!["email".to_owned()];
        settings.client_secret = Some("planted-secret".to_owned());
        assert_eq!(settings.scope(), "openid email");
        assert!(!format!("{settings:?}").contains("planted-secret"));
    }
}
