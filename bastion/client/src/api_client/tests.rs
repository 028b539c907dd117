use super::*;

#[test]
fn a_server_url_is_https_or_loopback() {
    let table = [
        ("https://b.example:8443", Some("https://b.example:8443")),
        ("https://b.example:8443/?x#y", Some("https://b.example:8443")),
        ("https://b.example/bastion", Some("https://b.example/bastion")),
        ("b.example:8443", Some("https://b.example:8443")),
        ("http://127.0.0.1:80", Some("http://127.0.0.1")),
        ("http://[::1]:81", Some("http://[::1]:81")),
        ("http://localhost:81", Some("http://localhost:81")),
        ("http://b.example", None),
        ("http://localhost.b.example", None),
        ("https://alice:pw@b.example", None),
        ("file:///etc/passwd", None),
        ("https://", None),
        ("", None),
    ];
    for (typed, expected) in table {
        match (ServerUrl::parse(typed), expected) {
            (Ok(url), Some(expected)) => assert_eq!(url.to_string(), expected),
            (Err(error), None) => assert_eq!(error.code(), 2, "{error}"),
            (result, _) => panic!("{typed}: {result:?}"),
        }
    }
}

#[test]
fn a_file_without_a_certificate_is_no_ca_file() {
    let server = ServerUrl::parse("https://b.example").unwrap();
    let error = ApiClient::new(&server, Some(b"nothing here")).err().unwrap();
    assert_eq!(error.code(), 2, "{error}");
}

/// A server with one bad habit per route.
async fn bad_server() -> ApiClient {
    use axum::http::StatusCode;
    use axum::response::Redirect;
    use axum::routing::get;

    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = ServerUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let router = axum::Router::new()
        .route("/api/v1/large", get(|| async { vec![b' '; MAX_ANSWER_BYTES + 1] }))
        .route("/api/v1/elsewhere", get(|| async { Redirect::temporary("/api/v1/small") }))
        .route("/api/v1/small", get(|| async { "1" }))
        .route("/api/v1/html", get(|| async { "<html>" }))
        .route("/api/v1/plain", get(|| async { (StatusCode::BAD_GATEWAY, "<html>\x1b[2J") }))
        .route(
            "/api/v1/forbidden",
            get(|| async { (StatusCode::FORBIDDEN, r#"{"title":"forbidden","detail":"ask for the role engineer"}"#) }),
        );
    tokio::spawn(axum::serve(listener, router).into_future());
    ApiClient::new(&server, None).unwrap()
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let error = bad_server().await.get::<serde_json::Value>("large", &[]).await.unwrap_err().to_string();
    assert!(error.contains("more than"), "{error}");
}

#[tokio::test]
async fn a_token_does_not_follow_a_redirect() {
    let api = bad_server().await.with_token("secret");
    assert_eq!(api.get::<u8>("small", &[]).await.unwrap(), 1);
    let error = api.get::<u8>("elsewhere", &[]).await.unwrap_err().to_string();
    assert!(error.contains("307"), "{error}");
}

#[tokio::test]
async fn answers_that_are_no_answers_name_the_server_or_give_its_reason() {
    let api = bad_server().await;
    let said = async |path| api.get::<u8>(path, &[]).await.unwrap_err();
    assert!(said("html").await.to_string().contains("does not understand"));
    assert!(said("plain").await.to_string().contains("502"));
    let forbidden = said("forbidden").await;
    assert_eq!((forbidden.code(), forbidden.to_string().as_str()), (1, "ask for the role engineer"));
}
