//! Which cluster a request is for: the one that the connection named in TLS (`prod.kube.bastion.example.com`, RFC 6066
//! §3), whose API server is at the root then, or else the one in the path (`/clusters/prod/…`).
//!
//! One of them decides, and whatever else names a cluster must name the same: a connection for one cluster carries no
//! request for another, also where a client reuses it because the certificate would cover both names (RFC 9110
//! §15.5.20, "421 (Misdirected Request)"). `Host` and `:authority` never decide; mostly they have the bastion's address.

use config::HostName;
use http::{HeaderMap, StatusCode, Uri, header, uri::Authority};

use super::status::Refusal;

/// A cluster's name as it was asked for, and the path below it; both raw.
#[derive(Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// The cluster; whether there is one of that name is not known yet.
    pub cluster: String,
    /// What is asked of it.
    pub path: &'a str,
}

impl<'a> Route<'a> {
    /// Finds the cluster. `server_name` is what the connection named in TLS, `domain` what clusters' names stand below.
    ///
    /// # Errors
    ///
    /// When nothing names one, or two things name different ones.
    pub fn of(
        server_name: Option<&str>,
        domain: Option<&HostName>,
        uri: &'a Uri,
        headers: &HeaderMap,
    ) -> Result<Self, Refusal> {
        let below = |host: &str| domain.and_then(|domain| label_below(host, domain));
        let by_path = split(uri.path());
        let route = match (server_name.and_then(below), by_path) {
            (None, by_path) => by_path?,
            (Some(cluster), Err(_)) => Self { cluster, path: uri.path() },
            (Some(cluster), Ok(by_path)) if by_path.cluster == cluster => by_path,
            (Some(cluster), Ok(by_path)) => return Err(misdirected(&cluster, &by_path.cluster)),
        };
        let hosts = headers.get_all(header::HOST).iter().filter_map(|host| host.to_str().ok()?.parse().ok());
        let hosts = uri.authority().cloned().into_iter().chain(hosts);
        match hosts.filter_map(|host: Authority| below(host.host())).find(|other| *other != route.cluster) {
            Some(other) => Err(misdirected(&route.cluster, &other)),
            None => Ok(route),
        }
    }
}

/// `/clusters/NAME/rest` -> name and rest.
fn split(path: &str) -> Result<Route<'_>, Refusal> {
    let below = path.strip_prefix("/clusters/").filter(|below| !below.is_empty());
    let below = below.ok_or_else(|| {
        let message = "clusters are under /clusters/NAME; \"bastion kubeconfig NAME\" sets kubectl up";
        Refusal::new(StatusCode::NOT_FOUND, message)
    })?;
    let (cluster, path) = below.find('/').map_or((below, "/"), |at| below.split_at(at));
    Ok(Route { cluster: cluster.to_owned(), path })
}

/// The one label before the domain.
fn label_below(host: &str, domain: &HostName) -> Option<String> {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let (label, parent) = host.split_once('.')?;
    (parent == domain.as_str() && !label.is_empty()).then(|| label.to_owned())
}

fn misdirected(one: &str, other: &str) -> Refusal {
    let shown = |name: &str| name.chars().take(MAX_SHOWN_CHARS).collect::<String>();
    let (one, other) = (shown(one), shown(other));
    let message = format!("the connection is for the cluster {one:?} and the request for {other:?}; connect anew");
    Refusal::new(StatusCode::MISDIRECTED_REQUEST, message)
}

/// A label of a domain name has at most 63.
const MAX_SHOWN_CHARS: usize = 63;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn route(server_name: Option<&str>, uri: &str, hosts: &[&str]) -> Result<(String, String), StatusCode> {
        let domain: HostName = "kube.b.example".parse().unwrap();
        let hosts = hosts.iter().map(|host| (header::HOST, HeaderValue::from_str(host).unwrap())).collect();
        let uri: Uri = uri.parse().unwrap();
        let route = Route::of(server_name, Some(&domain), &uri, &hosts).map_err(|refusal| refusal.status)?;
        Ok((route.cluster, route.path.to_owned()))
    }

    fn found(cluster: &str, path: &str) -> Result<(String, String), StatusCode> {
        Ok((cluster.to_owned(), path.to_owned()))
    }

    #[test]
    fn the_path_is_split_and_not_changed() {
        for (path, cluster, below) in [
            ("/clusters/a", "a", "/"),
            ("/clusters/a/", "a", "/"),
            ("/clusters/a/api/v1", "a", "/api/v1"),
            ("/clusters/a//api", "a", "//api"),
            ("/clusters/a/../b/api", "a", "/../b/api"),
            ("/clusters/%61/api", "%61", "/api"),
            ("/clusters/../x", "..", "/x"),
            ("/clusters//api", "", "/api"),
        ] {
            assert_eq!(split(path), Ok(Route { cluster: cluster.to_owned(), path: below }));
        }
        for path in ["/", "/api", "/clusters", "/clusters/", "/Clusters/a", "//clusters/a", "/x/../clusters/a", "*"] {
            assert_eq!(split(path).unwrap_err().status, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn a_connection_that_names_a_cluster_has_it_at_the_root() {
        let name = Some("a.kube.b.example");
        assert_eq!(route(name, "/api/v1/pods?x=y", &["127.0.0.1:6443"]), found("a", "/api/v1/pods"));
        assert_eq!(route(name, "/", &[]), found("a", "/"));
        assert_eq!(route(name, "/api", &["A.kube.b.example.:6443"]), found("a", "/api"));
        assert_eq!(route(name, "https://a.kube.b.example/api", &[]), found("a", "/api"));
        // The path form says the same.
        assert_eq!(route(name, "/clusters/a/api", &["b.example"]), found("a", "/api"));
    }

    #[test]
    fn a_connection_that_names_none_goes_by_the_path() {
        for name in
            [None, Some("b.example"), Some("kube.b.example"), Some("x.a.kube.b.example"), Some("a.kube.c.example")]
        {
            assert_eq!(route(name, "/clusters/a/api", &["b.example:6443"]), found("a", "/api"), "{name:?}");
            assert_eq!(route(name, "/api", &["b.example:6443"]), Err(StatusCode::NOT_FOUND), "{name:?}");
        }
        assert_eq!(route(None, "/api", &["a.kube.b.example"]), Err(StatusCode::NOT_FOUND), "a host decides nothing");
    }

    #[test]
    fn what_names_two_clusters_reaches_neither() {
        let a = Some("a.kube.b.example");
        for (name, uri, hosts) in [
            (a, "/clusters/b/api", &[][..]),
            (a, "/clusters//api", &[]),
            (a, "/clusters/%61/api", &[]),
            (a, "/clusters/A/api", &[]),
            (a, "/api", &["b.kube.b.example"]),
            (a, "/api", &["B.KUBE.B.EXAMPLE.:6443"]),
            (a, "/api", &["a.kube.b.example", "b.kube.b.example"]),
            (a, "https://b.kube.b.example/api", &[]),
            (a, "https://b.kube.b.example/api", &["a.kube.b.example"]),
            (a, "/clusters/a/api", &["b.kube.b.example"]),
            (None, "/clusters/a/api", &["b.kube.b.example"]),
            (None, "https://b.kube.b.example/clusters/a/api", &["b.example"]),
        ] {
            assert_eq!(route(name, uri, hosts), Err(StatusCode::MISDIRECTED_REQUEST), "{name:?} {uri} {hosts:?}");
        }
    }
}
