//! The Kubernetes clusters behind the bastion: name, labels, and how the bastion reaches their API server.
//!
//! The bastion uses a credential of its own there, and impersonates the user with it. TLS is always verified.

use std::{
    cell::RefCell,
    collections::{BTreeMap, btree_map::Entry},
    path::PathBuf,
};

use url::Url;

use crate::{
    name::TargetName,
    reader::{Field, Read, Table},
    secret::{self, Secret},
    target, value,
};

/// One Kubernetes cluster behind the bastion.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The name by which users reach it.
    pub name: TargetName,
    /// What rules can select it by.
    pub labels: BTreeMap<String, String>,
    /// How the bastion reaches its API server.
    pub access: ClusterAccess,
}

/// How the bastion reaches an API server, and as whom.
#[derive(Debug, Clone)]
pub enum ClusterAccess {
    /// As the service account of the pod that the bastion runs in.
    InCluster,
    /// As a kubeconfig file says, which was readable at load.
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// The context in it; the file's current one where none is named.
        context: Option<String>,
    },
    /// At this URL.
    Server {
        /// The API server's URL.
        url: Url,
        /// A PEM file of the CAs that the server's certificate must lead to; the machine's where none is named.
        ca: Option<PathBuf>,
        /// What the bastion shows there.
        credential: ClusterCredential,
    },
}

/// What the bastion shows to an API server.
#[derive(Debug, Clone)]
pub enum ClusterCredential {
    /// A client certificate.
    Certificate {
        /// The PEM file of the certificate chain; it was readable at load.
        certificate: PathBuf,
        /// Its private key, as PEM.
        key: Secret,
    },
    /// A bearer token.
    Token(Secret),
}

pub(crate) fn read_clusters(field: &Field<'_>) -> Read<Vec<Cluster>> {
    let first_lines = RefCell::new(BTreeMap::new());
    field.list("a list of clusters such as [{ name: prod, kubeconfig: { file: prod.kubeconfig } }]", |item| {
        item.table("a cluster such as { name: prod, kubeconfig: { file: prod.kubeconfig } }", |cluster| {
            let name = cluster.required("name", |field| {
                let name: TargetName = field.name("a cluster name such as prod")?;
                if matches!(name.as_str(), "." | "..") {
                    return Err(field.refused("a cluster name stands in a path, where this one means something else"));
                }
                match first_lines.borrow_mut().entry(name.clone()) {
                    Entry::Vacant(entry) => {
                        entry.insert(field.at().line);
                        Ok(name)
                    }
                    Entry::Occupied(entry) => {
                        Err(field.refused(format!("the cluster name {name:?} is already used on line {}", entry.get())))
                    }
                }
            });
            let labels = cluster.or("labels", BTreeMap::new(), target::labels);
            let access = ClusterAccess::read(item, cluster);
            Ok(Cluster { name: name?, labels, access: access? })
        })
    })
}

impl ClusterAccess {
    fn read(item: &Field<'_>, cluster: &Table<'_, '_>) -> Read<Self> {
        const EXPECTED: &str = "one of kubeconfig: { file: … }, in_cluster: true and server: https://…";
        let kubeconfig = cluster.present("kubeconfig", |field| {
            field.table("a kubeconfig such as { file: prod.kubeconfig, context: bastion }", |kubeconfig| {
                let file = kubeconfig.required("file", value::readable_file);
                let context = kubeconfig.present("context", value::line("the name of a context")).transpose();
                Ok(Self::Kubeconfig { file: file?, context: context? })
            })
        });
        let in_cluster = cluster.present("in_cluster", |field| {
            if field.boolean()? { Ok(Self::InCluster) } else { Err(field.expected("true, or leave the key out")) }
        });
        let ca = cluster.present("ca", value::readable_file).transpose();
        let token = cluster.present("token", secret::read).transpose();
        let certificate = cluster.present("client_certificate", value::readable_file).transpose();
        let key = cluster.present("client_key", secret::read_key).transpose();
        let url = cluster.present("server", value::https_url);
        let (ca, token, certificate, key) = (ca?, token?, certificate?, key?);
        if url.is_none() && (ca.is_some() || token.is_some() || certificate.is_some() || key.is_some()) {
            return Err(item.refused("ca, token, client_certificate and client_key belong to server"));
        }
        let server = url.map(|url| {
            let credential = match (token, certificate, key) {
                (Some(token), None, None) => ClusterCredential::Token(token),
                (None, Some(certificate), Some(key)) => ClusterCredential::Certificate { certificate, key },
                _ => return Err(item.refused("server needs either token, or client_certificate and client_key")),
            };
            Ok(Self::Server { url: url?, ca, credential })
        });
        let mut given = [kubeconfig, in_cluster, server].into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(access), None) => access,
            (None, _) => Err(item.refused(format!("says not how to reach it; expected {EXPECTED}"))),
            (Some(_), Some(_)) => Err(item.refused(format!("says more than one way to reach it; expected {EXPECTED}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::reader;

    fn read(text: &str) -> Result<Vec<Cluster>, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "content").unwrap();
        std::fs::write(folder.path().join("key"), "-----BEGIN PRIVATE KEY-----").unwrap();
        reader::document(text, folder.path() as &Path, "bastion.yaml", read_clusters).map_err(|error| error.to_string())
    }

    #[test]
    fn each_way_to_reach_a_cluster_is_read() {
        let clusters = read(
            "- { name: a, labels: { env: prod }, kubeconfig: { file: file, context: admin } }\n\
             - { name: b, in_cluster: true }\n\
             - { name: c, server: 'https://10.0.0.1:6443', ca: file, token: 'file:file' }\n\
             - { name: d, server: 'https://10.0.0.1:6443', client_certificate: file, client_key: 'file:key' }\n",
        )
        .unwrap();
        assert!(
            matches!(&clusters[0].access, ClusterAccess::Kubeconfig { context: Some(name), .. } if name == "admin")
        );
        assert!(matches!(&clusters[1].access, ClusterAccess::InCluster));
        let ClusterAccess::Server { credential: ClusterCredential::Token(token), ca: Some(_), .. } =
            &clusters[2].access
        else {
            panic!("{clusters:?}")
        };
        assert_eq!(token.expose(), "content");
        assert!(matches!(
            &clusters[3].access,
            ClusterAccess::Server { credential: ClusterCredential::Certificate { .. }, ca: None, .. }
        ));
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (text, expected) in [
            ("- { name: a }", "says not how to reach it"),
            ("- { name: a, in_cluster: true, kubeconfig: { file: file } }", "more than one way"),
            ("- { name: a, in_cluster: false }", "or leave the key out"),
            ("- { name: a, server: 'https://x' }", "needs either token"),
            ("- { name: a, server: 'http://example.com', token: 'file:file' }", "plain http"),
            ("- { name: a, server: 'https://x', token: secret }", "a secret must not stand in this file"),
            ("- { name: a, server: 'https://x', client_certificate: file }", "needs either token"),
            ("- { name: a, in_cluster: true, token: 'file:file' }", "belong to server"),
            ("- { name: a, in_cluster: true }\n- { name: a, in_cluster: true }", "already used on line 1"),
            ("- { name: '..', in_cluster: true }", "stands in a path"),
            ("- { name: a, server: 'https://x', insecure: true, token: 'file:file' }", "known here"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
