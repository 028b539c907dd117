//! A connection that names a cluster in TLS has it at the root, and no other.

use http::{Method, StatusCode};

use super::{
    front::{Protocol, front},
    refusal, request_events, seen, values,
};

#[tokio::test]
async fn the_name_in_tls_decides_as_the_path_does() {
    let front = front().await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut user = front.connect_to("dev.kube.bastion.internal", Some("alice"), protocol).await;
        for path in ["/api/v1/namespaces/shop/pods", "/clusters/dev/api/v1/namespaces/shop/pods"] {
            let answer = user.send(Method::GET, path, &[], b"").await;
            let seen = seen(&answer);
            assert_eq!(seen["uri"], "/base/api/v1/namespaces/shop/pods", "{path}");
            assert_eq!(values(&seen, "impersonate-user"), ["alice"]);
        }
        // What the rules say of the cluster holds, by whatever name it goes.
        let answer = user.send(Method::DELETE, "/api/v1/namespaces/x", &[], b"").await;
        assert!(refusal(&answer, StatusCode::FORBIDDEN).contains("not here"));
        // One that is not there and one that alice must not know of look alike.
        for name in ["prod", "none"] {
            let mut user = front.connect_to(&format!("{name}.kube.bastion.internal"), Some("alice"), protocol).await;
            let message = refusal(&user.send(Method::GET, "/api/v1/pods", &[], b"").await, StatusCode::NOT_FOUND);
            assert!(message.contains(&format!("unknown cluster {name:?}")), "{message}");
        }
        let mut nobody = front.connect_to("dev.kube.bastion.internal", None, protocol).await;
        refusal(&nobody.send(Method::GET, "/api/v1/pods", &[], b"").await, StatusCode::UNAUTHORIZED);
    }
    let events = request_events(&front, 6).await;
    assert!(events.iter().all(|event| event.cluster.as_str() == "dev"), "{events:?}");
}

#[tokio::test]
async fn a_connection_for_one_cluster_carries_no_request_for_another() {
    let front = front().await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut user = front.connect_to("dev.kube.bastion.internal", Some("alice"), protocol).await;
        for (path, host) in [
            ("/clusters/watched/api/v1/pods", "bastion"),
            ("/clusters/prod/api/v1/pods", "bastion"),
            ("/clusters//api/v1/pods", "bastion"),
            ("/api/v1/pods", "watched.kube.bastion.internal"),
            ("/api/v1/pods", "PROD.kube.bastion.internal.:6443"),
        ] {
            let answer = user.send(Method::GET, path, &[("host", host)], b"").await;
            let message = refusal(&answer, StatusCode::MISDIRECTED_REQUEST);
            assert!(message.contains("the connection is for the cluster \"dev\""), "{message}");
        }
        let mut user = front.certificate_of("alice", protocol).await;
        let host = [("host", "watched.kube.bastion.internal")];
        let answer = user.send(Method::GET, "/clusters/dev/api/v1/pods", &host, b"").await;
        refusal(&answer, StatusCode::MISDIRECTED_REQUEST);
        let answer = user.send(Method::GET, "/api/v1/pods", &host, b"").await;
        refusal(&answer, StatusCode::NOT_FOUND);
    }
    assert_eq!(front.cluster.requests(), 0);
}
