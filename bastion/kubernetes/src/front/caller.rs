//! Who asks, and whether the cluster is one that they may know of.

use std::sync::Arc;

use api::refusal::{self, ReasonCode};
use config::{TargetName, UserName};
use http::{HeaderMap, StatusCode, header};
use identity::{kube_credential::CredentialError, login::Login};
use jiff::Timestamp;
use ledger::audit::AuditEvent;
use policy::Site;
use rustls_pki_types::CertificateDer;

use super::{Front, KubeCluster, Peer, entry::shown};
use crate::status::Refusal;

/// What a request shows of its user.
#[derive(Debug)]
pub(super) struct ShownCredential {
    /// The certificate that the peer has proved to hold.
    certificate: Option<CertificateDer<'static>>,
    /// The bearer token.
    token: Option<String>,
    /// Why, in the user's own words: for those who approve.
    pub(super) reason: Option<String>,
}

impl ShownCredential {
    pub(super) fn of(peer: &Peer, headers: &HeaderMap) -> Self {
        let (token, reason) = bearer(headers).map(api::reason::without_reason).unwrap_or_default();
        Self { certificate: peer.certificate.clone(), token, reason }
    }
}

impl Front {
    /// A client certificate, or else a bearer token.
    pub(super) async fn authenticate(&self, shown: &ShownCredential) -> Result<Login, Refusal> {
        let now = Timestamp::now();
        let found = match (&shown.certificate, &shown.token) {
            (Some(certificate), _) => self.credentials.by_certificate(certificate, now).await,
            (None, Some(token)) => self.credentials.by_token(token, now).await,
            (None, None) => {
                let message =
                    "show a client certificate or a token of this bastion; \"bastion kubeconfig\" sets kubectl up";
                return Err(Refusal::new(StatusCode::UNAUTHORIZED, message));
            }
        };
        found.map_err(|error| {
            tracing::info!(%error, "credential refused");
            match &error {
                CredentialError::Store(_) => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
                CredentialError::Ended
                | CredentialError::LoginEnded
                | CredentialError::Malformed
                | CredentialError::Unknown => refusal::Refusal::new(ReasonCode::LoginEnded, error.to_string()).into(),
            }
        })
    }

    /// The cluster of this name, if the user may know of it.
    pub(super) async fn known_cluster(&self, login: &Login, peer: &Peer, name: &str) -> Result<&KubeCluster, Refusal> {
        let rules = Arc::clone(&self.rules.borrow());
        let cluster = name.parse::<TargetName>().ok().and_then(|name| self.clusters.get(&name));
        match cluster.filter(|cluster| rules.knows(login.subject(), Site::Cluster(&cluster.settings))) {
            Some(cluster) => Ok(cluster),
            None => Err(self.unknown_cluster(login.subject().name.clone(), peer.address.to_string(), name).await),
        }
    }

    /// The same answer for a cluster that does not exist and for one that the user must not know of.
    async fn unknown_cluster(&self, user: UserName, source: String, name: &str) -> Refusal {
        let name = shown(name);
        let denial = policy::Denial::unknown_cluster(&name);
        let event = AuditEvent::AccessRefused {
            user,
            what: format!("cluster {name:?}"),
            reason: denial.reason.clone(),
            source,
        };
        // What finds no room is counted: it is a refusal.
        let _ = self.log.record_now(event).await;
        Refusal::new(StatusCode::NOT_FOUND, denial.reason).for_reason(ReasonCode::NotAllowed)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(authorization), None) = (shown.next(), shown.next()) else { return None };
    let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_from_one_header_only() {
        let headers = |values: &[&'static str]| {
            values
                .iter()
                .map(|value| (header::AUTHORIZATION, http::HeaderValue::from_static(value)))
                .collect::<HeaderMap>()
        };
        assert_eq!(bearer(&headers(&["Bearer abc"])), Some("abc"));
        assert_eq!(bearer(&headers(&["bearer  abc"])), Some("abc"));
        for values in [&["Basic abc"][..], &["abc"], &[], &["Bearer a", "Bearer b"], &["Basic a", "Bearer b"]] {
            assert_eq!(bearer(&headers(values)), None, "{values:?}");
        }
    }
}
