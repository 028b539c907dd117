//! The client against issuers that misbehave. Issuers that behave: the tests of `login` and of the demo issuer.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

const REQUEST: AuthorizationRequest<'static> = AuthorizationRequest {
    redirect_uri: "http://127.0.0.1:1/callback",
    state: "s t&a=te",
    nonce: "n",
    code_challenge: "c",
};

/// An issuer that gives the same answer to everything.
async fn issuer(
    answer: impl Fn(&str) -> axum::response::Response + Clone + Send + Sync + 'static,
) -> (String, OidcSettings) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let own = url.clone();
    let router = Router::new().fallback(move |_: Request| {
        let answer = answer(&own);
        async move { answer }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut settings = OidcSettings::new(url.parse().unwrap(), "bastion");
    settings.request_timeout = Duration::from_secs(5);
    (url, settings)
}

fn discovery(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize?tenant=1"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
    })
}

async fn refused(settings: OidcSettings) -> OidcError {
    OidcClient::new(settings).unwrap().authorization_url(&REQUEST).await.unwrap_err()
}

#[tokio::test]
async fn the_authorization_url_has_everything_the_issuer_needs() {
    let (url, settings) = issuer(|url| axum::Json(discovery(url)).into_response()).await;
    let page = OidcClient::new(settings).unwrap().authorization_url(&REQUEST).await.unwrap();
    assert!(page.as_str().starts_with(&format!("{url}/authorize?tenant=1&response_type=code&client_id=bastion")));
    let pairs: std::collections::HashMap<_, _> = page.query_pairs().collect();
    assert_eq!(pairs["state"], "s t&a=te");
    assert_eq!((&*pairs["nonce"], &*pairs["code_challenge"], &*pairs["code_challenge_method"]), ("n", "c", "S256"));
    assert_eq!((&*pairs["scope"], &*pairs["redirect_uri"]), ("openid profile email groups", REQUEST.redirect_uri));
}

#[tokio::test]
async fn an_issuer_that_is_down_fails_the_login_and_not_the_start() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let address = format!("http://127.0.0.1:{port}");
    let client = OidcClient::new(OidcSettings::new(address.parse().unwrap(), "bastion")).unwrap();
    let error = client.authorization_url(&REQUEST).await.unwrap_err();
    assert!(error.is_unavailable());
    let message = error.to_string();
    assert!(message.starts_with(&format!("the issuer {address} did not answer: ")), "{message}");
    assert!(message.ends_with("; try again or tell the operator"), "{message}");
    // It comes up, and the same client works.
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let own = address.clone();
    let router = Router::new().fallback(move || async move { axum::Json(discovery(&own)) });
    tokio::spawn(async move { axum::serve(listener, router).await });
    client.authorization_url(&REQUEST).await.unwrap();
}

#[tokio::test]
async fn an_issuer_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut settings = OidcSettings::new(url.parse().unwrap(), "bastion");
    settings.request_timeout = Duration::from_millis(200);
    let error = tokio::time::timeout(Duration::from_secs(20), refused(settings)).await.unwrap();
    assert!(matches!(&error, OidcError::Unreachable { reason, .. } if reason == "no answer in time"), "{error}");
}

#[tokio::test]
async fn the_discovery_document_is_of_this_very_issuer() {
    let (_, settings) = issuer(|url| axum::Json(discovery(&format!("{url}/"))).into_response()).await;
    assert!(matches!(refused(settings).await, OidcError::IssuerMismatch { .. }));
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let (_, settings) = issuer(|_| "x".repeat(http::MAX_ANSWER_BYTES + 1).into_response()).await;
    assert!(matches!(refused(settings).await, OidcError::TooLarge { .. }));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (_, settings) =
        issuer(|url| (StatusCode::FOUND, [(header::LOCATION, format!("{url}/x"))]).into_response()).await;
    let error = refused(settings).await;
    assert!(matches!(&error, OidcError::Unreachable { reason, .. } if reason == "HTTP status 302"), "{error}");
}

#[tokio::test]
async fn what_is_not_json_is_reported_without_its_text() {
    let (_, settings) = issuer(|_| "<html>planted-secret".into_response()).await;
    let message = refused(settings).await.to_string();
    assert!(
        message.contains("discovery document that cannot be read") && !message.contains("planted-secret"),
        "{message}"
    );
}

#[tokio::test]
async fn insecure_endpoints_are_not_used() {
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        let (_, settings) = issuer(move |url| {
            let mut document = discovery(url);
            document[name] = "http://id.example.com/x".into();
            axum::Json(document).into_response()
        })
        .await;
        let client = OidcClient::new(settings).unwrap();
        let error = match name {
            "authorization_endpoint" => client.authorization_url(&REQUEST).await.map(|_| ()).unwrap_err(),
            "token_endpoint" => {
                client.exchange_code("c", "r", &PkceVerifier::stored("v".to_owned())).await.map(|_| ()).unwrap_err()
            }
            _ => {
                let id_token = "eyJhbGciOiJFUzI1NiJ9.e30.AA".to_owned();
                let tokens = Tokens { id_token, access_token: None };
                client.subject(&tokens, None, Timestamp::UNIX_EPOCH).await.map(|_| ()).unwrap_err()
            }
        };
        assert!(matches!(error, OidcError::InsecureEndpoint { .. }), "{name}: {error}");
    }
}

#[tokio::test]
async fn the_discovery_document_is_kept() {
    let fetches = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&fetches);
    let (_, settings) = issuer(move |url| {
        counter.fetch_add(1, Ordering::SeqCst);
        axum::Json(discovery(url)).into_response()
    })
    .await;
    let client = OidcClient::new(settings).unwrap();
    for _ in 0..3 {
        client.authorization_url(&REQUEST).await.unwrap();
    }
    assert_eq!(fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_issuer_without_device_flow_is_named() {
    let (url, settings) = issuer(|url| axum::Json(discovery(url)).into_response()).await;
    let error = OidcClient::new(settings).unwrap().begin_device().await.map(|_| ()).unwrap_err();
    assert!(matches!(error, OidcError::NoDeviceFlow(issuer) if issuer == url));
}

/// Sends one token request as a client with or without a secret; gives what the issuer got.
async fn token_request(secret: Option<&str>, methods: Option<Value>) -> (HeaderMap, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (seen_by_issuer, mut seen) = tokio::sync::mpsc::channel(1);
    let own = url.clone();
    let router = Router::new()
        .route(
            "/token",
            axum::routing::post(move |headers: HeaderMap, body: Bytes| async move {
                seen_by_issuer.send((headers, String::from_utf8(body.to_vec()).unwrap())).await.unwrap();
                (StatusCode::BAD_REQUEST, axum::Json(json!({"error": "invalid_grant"})))
            }),
        )
        .fallback(move || async move {
            let mut document = discovery(&own);
            if let Some(methods) = methods {
                document["token_endpoint_auth_methods_supported"] = methods;
            }
            axum::Json(document)
        });
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut settings = OidcSettings::new(url.parse().unwrap(), "bastion");
    settings.client_secret = secret.map(str::to_owned);
    let client = OidcClient::new(settings).unwrap();
    let error =
        client.exchange_code("the code", "r", &PkceVerifier::stored("v".to_owned())).await.map(|_| ()).unwrap_err();
    assert!(matches!(&error, OidcError::Refused(refusal) if refusal.code == "invalid_grant"), "{error}");
    seen.recv().await.unwrap()
}

#[tokio::test]
async fn a_client_proves_itself_the_way_the_issuer_asks() {
    let (headers, body) = token_request(None, None).await;
    assert!(headers.get(header::AUTHORIZATION).is_none());
    assert_eq!(body, "grant_type=authorization_code&code=the+code&redirect_uri=r&code_verifier=v&client_id=bastion");
    let (headers, body) = token_request(Some("s3cret"), None).await;
    assert_eq!(headers[header::AUTHORIZATION], "Basic YmFzdGlvbjpzM2NyZXQ=");
    assert!(!body.contains("s3cret"));
    let (headers, body) = token_request(Some("s3cret"), Some(json!(["client_secret_post"]))).await;
    assert!(headers.get(header::AUTHORIZATION).is_none() && body.contains("client_secret=s3cret"));
}
