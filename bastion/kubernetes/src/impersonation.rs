//! Which headers go on to the cluster, and as whom the cluster sees the user.
//!
//! A user's own `Impersonate-*` would be believed, because the bastion's credential may impersonate: everything that
//! names somebody is dropped, in any spelling, and then ours is set. Nothing is ever appended to what the user sent.
//! (A request that asks to be done as somebody else is refused before it comes here; this is the second lock.)

use std::{collections::HashSet, net::IpAddr};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use identity::Authenticated;
use policy::Permit;

/// As whom a cluster sees a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impersonation {
    user: HeaderValue,
    groups: Vec<HeaderValue>,
}

/// Why a cluster cannot be told who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImpersonationError {
    /// The permit is for a host.
    #[error("the permit is for no cluster")]
    NotForACluster,
    /// A name cannot stand in a header. Names were checked when they came in; this is the second lock.
    #[error("the user's name or a group cannot be told to the cluster")]
    UnsayableName,
}

impl Impersonation {
    /// The verified user, with the groups of the permit.
    ///
    /// # Errors
    ///
    /// When a name cannot stand in a header, or the permit is for no cluster.
    pub fn new(user: &Authenticated, permit: &Permit) -> Result<Self, ImpersonationError> {
        let value =
            |name: &str| HeaderValue::from_bytes(name.as_bytes()).map_err(|_| ImpersonationError::UnsayableName);
        let groups = permit.groups().ok_or(ImpersonationError::NotForACluster)?;
        Ok(Self {
            user: value(user.subject().name.as_str())?,
            groups: groups.iter().map(|group| value(group.as_str())).collect::<Result<_, _>>()?,
        })
    }

    /// The headers for the cluster: what may pass of the user's, the impersonation, and from where the user came.
    #[must_use]
    pub fn to_cluster(&self, from_user: &HeaderMap, source: IpAddr) -> HeaderMap {
        let mut headers = passed(from_user, is_for_the_bastion);
        headers.insert(IMPERSONATE_USER, self.user.clone());
        for group in &self.groups {
            headers.append(IMPERSONATE_GROUP, group.clone());
        }
        if let Ok(source) = HeaderValue::try_from(source.to_string()) {
            headers.insert(FORWARDED_FOR, source);
        }
        headers
    }
}

/// The headers of a cluster's answer that are for the user.
#[must_use]
pub fn to_user(from_cluster: &HeaderMap) -> HeaderMap {
    passed(from_cluster, is_not_for_the_user)
}

/// Whether a request asks to be done as somebody else, in any spelling (`kubectl --as`).
#[must_use]
pub fn is_as_somebody_else(from_user: &HeaderMap) -> bool {
    from_user.keys().any(|name| spelled(name).starts_with(IMPERSONATE))
}

/// All but those that `dropped` names, and those that the `Connection` header names (RFC 9110 §7.6.1: "Intermediaries
/// MUST parse a received Connection header field before a message is forwarded and, for each connection-option in
/// this field, remove any header or trailer field(s) from the message with the same name").
fn passed(headers: &HeaderMap, dropped: fn(&str) -> bool) -> HeaderMap {
    let named: HashSet<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase())
        .collect();
    let mut passed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if !named.contains(name.as_str()) && !dropped(&spelled(name)) {
            passed.append(name, value.clone());
        }
    }
    passed
}

/// Some servers take `_` for `-`.
fn spelled(name: &HeaderName) -> String {
    name.as_str().replace('_', "-")
}

/// Headers that are about one connection (RFC 9110 §7.6.1, and those that proxies agree on besides).
fn is_hop_by_hop(name: &str) -> bool {
    matches!(name, "connection" | "http2-settings" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade")
        || name.starts_with("proxy-")
}

/// Headers of an answer that would change what a browser does with the whole origin. All clusters share one, with the
/// web applications behind `services/NAME/proxy`, and by its host with the bastion's own console: a cookie of one would
/// be shown to all. So none comes from there, as none goes there ([`is_for_the_bastion`]).
fn is_not_for_the_user(name: &str) -> bool {
    is_hop_by_hop(name)
        || matches!(
            name,
            "alt-svc"
                | "clear-site-data"
                | "service-worker-allowed"
                | "set-cookie"
                | "set-cookie2"
                | "strict-transport-security"
        )
}

/// Headers that say who somebody is or whence they come, and those that our own connection sets.
fn is_for_the_bastion(name: &str) -> bool {
    is_hop_by_hop(name)
        || matches!(
            name,
            "audit-id"
                | "authorization"
                | "content-length"
                | "cookie"
                | "cookie2"
                | "expect"
                | "forwarded"
                | "host"
                | "x-real-ip"
        )
        // Over WebSocket the API server takes a bearer token from Sec-WebSocket-Protocol.
        || [IMPERSONATE, "sec-websocket-", "x-forwarded-", "x-remote-"].iter().any(|start| name.starts_with(start))
}

/// What the names of the headers begin with that name somebody.
const IMPERSONATE: &str = "impersonate-";

const IMPERSONATE_USER: HeaderName = HeaderName::from_static("impersonate-user");
const IMPERSONATE_GROUP: HeaderName = HeaderName::from_static("impersonate-group");

/// The API server writes it into its audit log as the source.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> Impersonation {
        let value = HeaderValue::from_static;
        Impersonation { user: value("alice"), groups: vec![value("engineering"), value("sre")] }
    }

    fn to_cluster(lines: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static(value));
        }
        let sent = alice().to_cluster(&headers, "192.0.2.7".parse().unwrap());
        let mut lines: Vec<_> =
            sent.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        lines
    }

    const OURS: [&str; 4] = [
        "impersonate-group: engineering",
        "impersonate-group: sre",
        "impersonate-user: alice",
        "x-forwarded-for: 192.0.2.7",
    ];

    #[test]
    fn whoever_the_user_claims_to_be_the_cluster_sees_the_user() {
        let attacks: [&[(&str, &str)]; 12] = [
            &[],
            &[("Impersonate-User", "root")],
            &[("impersonate-user", "root"), ("IMPERSONATE-USER", "bob"), ("Impersonate-Group", "system:masters")],
            &[("Impersonate-Uid", "0"), ("Impersonate-Extra-Scopes", "all"), ("Impersonate-Extra-%2f", "x")],
            &[("Impersonate_User", "root"), ("Impersonate_Group", "system:masters"), ("X_Remote_User", "root")],
            &[("X-Remote-User", "root"), ("X-Remote-Group", "system:masters"), ("X-Remote-Extra-A", "b")],
            &[("Authorization", "Bearer secret"), ("Proxy-Authorization", "Basic eA=="), ("Cookie", "a=b")],
            // Ours are set after what the user's Connection header names was removed.
            &[("Connection", "Impersonate-User, impersonate-group"), ("Impersonate-User", "root")],
            &[("Connection", "close"), ("Connection", "X-Forwarded-For,Impersonate-User"), ("Keep-Alive", "1")],
            &[
                ("X-Forwarded-For", "10.0.0.1"),
                ("X-Forwarded-Proto", "http"),
                ("Forwarded", "for=x"),
                ("X-Real-Ip", "1"),
            ],
            &[("Transfer-Encoding", "chunked"), ("Content-Length", "5"), ("TE", "trailers"), ("Trailer", "x")],
            &[
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Protocol", "base64url.bearer.authorization.k8s.io.c2VjcmV0"),
                ("Host", "other"),
                ("Expect", "100-continue"),
                ("Audit-ID", "x"),
            ],
        ];
        for attack in attacks {
            assert_eq!(to_cluster(attack), OURS, "{attack:?}");
        }
    }

    #[test]
    fn who_asks_as_somebody_else_is_noticed_in_any_spelling() {
        for (name, expected) in [
            ("Impersonate-User", true),
            ("impersonate-group", true),
            ("IMPERSONATE-UID", true),
            ("Impersonate-Extra-Scopes", true),
            ("Impersonate_User", true),
            ("X-Impersonate-User", false),
            ("X-Remote-User", false),
        ] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static("x"))]);
            assert_eq!(is_as_somebody_else(&headers), expected, "{name}");
        }
    }

    #[test]
    fn what_the_connection_header_names_goes_no_further() {
        let sent = to_cluster(&[("Connection", " X-Secret ,close"), ("X-Secret", "1"), ("X-Other", "2")]);
        assert!(sent.contains(&"x-other: 2".to_owned()));
        assert!(!sent.iter().any(|line| line.starts_with("x-secret")));
    }

    #[test]
    fn what_is_for_the_api_server_passes_unchanged_and_in_order() {
        let sent = to_cluster(&[
            ("Accept", "application/vnd.kubernetes.protobuf"),
            ("Accept", "application/json"),
            ("Content-Type", "application/apply-patch+yaml"),
            ("User-Agent", "kubectl/v1.34"),
            ("Kubectl-Command", "kubectl get"),
            ("If-None-Match", "\"x\""),
        ]);
        assert_eq!(sent.len(), OURS.len() + 6);
        assert!(sent.contains(&"content-type: application/apply-patch+yaml".to_owned()));
    }

    #[test]
    fn an_answer_loses_what_is_about_the_other_connection_or_the_whole_origin() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-internal, close"),
            ("x-internal", "1"),
            ("transfer-encoding", "chunked"),
            ("keep-alive", "timeout=5"),
            ("content-type", "application/json"),
            ("warning", "299 - \"deprecated\""),
            ("x-kubernetes-pf-flowschema-uid", "u"),
            // What is about the whole origin.
            ("set-cookie", "session=1"),
            ("set-cookie", "other=2; Path=/"),
            ("Set-Cookie2", "x=3"),
            ("set_cookie", "y=4"),
            ("clear-site-data", "\"cookies\""),
            ("strict-transport-security", "max-age=1; includeSubDomains"),
            ("alt-svc", "h2=\"elsewhere:443\""),
            ("service-worker-allowed", "/"),
        ] {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static(value));
        }
        let names: Vec<_> = to_user(&headers).keys().map(ToString::to_string).collect();
        assert_eq!(names.len(), 3, "{names:?}");
    }
}
