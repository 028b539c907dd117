use std::os::unix::fs::PermissionsExt as _;

use rustls::{
    ClientConfig, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
};
use rustls_pki_types::{ServerName, UnixTime};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

fn names() -> Vec<String> {
    ["bastion.example.com", "127.0.0.1", "::1"].map(str::to_owned).to_vec()
}

fn roots(data_dir: &Path) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let pem = fs::read(ca_path(data_dir)).unwrap();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    Arc::new(roots)
}

/// Shakes hands as a client that trusts `tls-ca.pem`, and gives the protocol that was agreed on.
async fn handshake(server: Arc<ServerConfig>, data_dir: &Path, name: &str) -> Result<Vec<u8>, io::Error> {
    let mut client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(data_dir))
        .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec()];
    let (near, far) = tokio::io::duplex(64 * 1024);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connector = TlsConnector::from(Arc::new(client));
    let accept = TlsAcceptor::from(server);
    let (client, _server) = tokio::join!(connector.connect(name, near), accept.accept(far));
    client.map(|stream| stream.get_ref().1.alpn_protocol().unwrap_or_default().to_vec())
}

#[tokio::test]
async fn who_trusts_our_ca_reaches_the_bastion_by_each_of_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let server = from_own_ca(folder.path(), &names()).unwrap().config;
    for name in names() {
        assert_eq!(handshake(Arc::clone(&server), folder.path(), &name).await.unwrap(), b"h2");
    }
    handshake(server, folder.path(), "evil.example.com").await.unwrap_err();
}

#[tokio::test]
async fn one_name_stands_for_all_clusters_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["127.0.0.1", "*.kube.bastion.internal"].map(str::to_owned);
    let server = from_own_ca(folder.path(), &names).unwrap();
    for (name, covered) in [
        ("prod.kube.bastion.internal", true),
        ("127.0.0.1", true),
        ("a.prod.kube.bastion.internal", false),
        ("kube.bastion.internal", false),
        ("bastion.internal", false),
        ("not a name", false),
    ] {
        assert_eq!(server.covers(name), covered, "{name}");
    }
    handshake(server.config, folder.path(), "prod.kube.bastion.internal").await.unwrap();
}

#[tokio::test]
async fn the_ca_survives_a_restart_and_a_lost_certificate() {
    let folder = tempfile::tempdir().unwrap();
    from_own_ca(folder.path(), &names()).unwrap();
    let first = fs::read(ca_path(folder.path())).unwrap();
    let again = from_own_ca(folder.path(), &names()).unwrap().config;
    assert_eq!(fs::read(ca_path(folder.path())).unwrap(), first);
    handshake(Arc::clone(&again), folder.path(), "127.0.0.1").await.unwrap();

    fs::remove_file(ca_path(folder.path())).unwrap();
    from_own_ca(folder.path(), &names()).unwrap();
    handshake(again, folder.path(), "127.0.0.1").await.expect("the same key, so the same authority");
}

#[test]
fn only_the_bastion_may_read_the_cas_key() {
    let folder = tempfile::tempdir().unwrap();
    from_own_ca(folder.path(), &names()).unwrap();
    let mode = fs::metadata(folder.path().join("tls-ca-key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "the key and the certificate of the CA, no more");
}

#[test]
fn the_certificate_lasts_longer_than_a_year() {
    let folder = tempfile::tempdir().unwrap();
    let ca = load_or_create_ca(folder.path()).unwrap();
    let (certificate, _key) = issue_leaf(&ca, &names()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(folder.path()), provider).build().unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let verify = |days: u64| {
        let at = UnixTime::since_unix_epoch(Duration::from_secs(UnixTime::now().as_secs() + days * 24 * 3600));
        verifier.verify_server_cert(&certificate, &[], &name, &[], at)
    };
    verify(0).unwrap();
    verify(366).unwrap();
    verify(820).unwrap_err();
}

#[tokio::test]
async fn the_operators_files_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let ca = load_or_create_ca(folder.path()).unwrap();
    let (certificate, key) = issue_leaf(&ca, &names()).unwrap();
    let (chain_path, key_path) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        data_encoding::BASE64.encode(&certificate)
    );
    fs::write(&chain_path, pem).unwrap();
    fs::write(&key_path, key.serialize_pem()).unwrap();
    let server = from_files(&chain_path, &key_path).unwrap();
    assert!(server.covers("bastion.example.com") && !server.covers("prod.kube.bastion.example.com"));
    let server = server.config;
    handshake(server, folder.path(), "bastion.example.com").await.unwrap();

    let error = from_files(&folder.path().join("missing.pem"), &key_path).unwrap_err().to_string();
    assert!(error.contains("missing.pem"), "{error}");
    let error = from_files(&key_path, &key_path).unwrap_err().to_string();
    assert!(error.contains("key.pem does not hold a PEM certificate chain"), "{error}");
    let error = from_files(&chain_path, &chain_path).unwrap_err().to_string();
    assert!(error.contains("chain.pem does not hold a PEM private key"), "{error}");
    fs::write(&key_path, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let error = from_files(&chain_path, &key_path).unwrap_err().to_string();
    assert!(error.contains("cannot be used"), "{error}");
}

#[test]
fn a_damaged_ca_key_is_an_error_and_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tls-ca-key.pem"), "half a key").unwrap();
    let error = from_own_ca(folder.path(), &names()).unwrap_err().to_string();
    assert!(error.contains("tls-ca-key.pem does not hold a PEM private key"), "{error}");
    assert_eq!(fs::read_to_string(folder.path().join("tls-ca-key.pem")).unwrap(), "half a key");
}
