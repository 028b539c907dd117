//! What the demo issuer refuses. What it grants: the tests of `identity::login`.

use axum::http::header::{HOST, LOCATION};
use reqwest::{Client, Response, redirect};

use super::{secret::challenge, *};

const CALLBACK: &str = "http://127.0.0.1:49152/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

struct Browser {
    issuer: DemoIssuer,
    http: Client,
}

async fn browser() -> Browser {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    let issuer = DemoIssuer::start(Url::parse("https://bastion.example.com/login/callback").unwrap()).await.unwrap();
    let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().tls_certs_only([]).build().unwrap();
    Browser { issuer, http }
}

impl Browser {
    async fn authorize(&self, changes: &[(&str, &str)]) -> Response {
        let challenge = challenge(VERIFIER);
        let mut query: HashMap<&str, &str> = HashMap::from([
            ("response_type", "code"),
            ("client_id", CLIENT_ID),
            ("redirect_uri", CALLBACK),
            ("state", "s"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("demo_user", "alice"),
        ]);
        query.extend(changes.iter().copied());
        query.retain(|_, value| !value.is_empty());
        self.http.get(format!("{}/authorize", self.issuer.url())).query(&query).send().await.unwrap()
    }

    async fn code(&self) -> String {
        value(&self.authorize(&[]).await, "code").unwrap()
    }

    async fn exchange(&self, code: &str, changes: &[(&str, &str)]) -> (StatusCode, Value) {
        let mut form = HashMap::from([
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT_ID),
            ("redirect_uri", CALLBACK),
            ("code", code),
            ("code_verifier", VERIFIER),
        ]);
        form.extend(changes.iter().copied());
        let answer = self.http.post(format!("{}/token", self.issuer.url())).form(&form).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }
}

fn value(answer: &Response, name: &str) -> Option<String> {
    let location = Url::parse(answer.headers().get(LOCATION)?.to_str().unwrap()).unwrap();
    location.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn a_code_is_good_once_and_for_its_own_request_only() {
    let browser = browser().await;
    for (name, wrong) in [
        ("code_verifier", "another"),
        ("code_verifier", ""),
        ("redirect_uri", "http://127.0.0.1:49153/callback"),
        ("client_id", "another"),
        ("grant_type", "password"),
    ] {
        let (status, _) = browser.exchange(&browser.code().await, &[(name, wrong)]).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name}");
    }
    let code = browser.code().await;
    assert_eq!(browser.exchange(&code, &[]).await.0, StatusCode::OK);
    let (status, body) = browser.exchange(&code, &[]).await;
    assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
}

#[tokio::test]
async fn codes_go_to_registered_places_only() {
    let browser = browser().await;
    for wrong in ["https://evil.example/callback", "http://127.0.0.1:1/other", "http://localhost:1/callback", "x"] {
        let answer = browser.authorize(&[("redirect_uri", wrong)]).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
        assert!(answer.headers().get(LOCATION).is_none(), "{wrong}");
    }
    let console = browser.authorize(&[("redirect_uri", "https://bastion.example.com/login/callback")]).await;
    assert!(value(&console, "code").is_some());
    assert_eq!(browser.authorize(&[("client_id", "another")]).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn without_pkce_there_is_no_code() {
    let browser = browser().await;
    for changes in [[("code_challenge", "")], [("code_challenge_method", "plain")], [("response_type", "token")]] {
        let answer = browser.authorize(&changes).await;
        assert_eq!(value(&answer, "error").as_deref(), Some("invalid_request"));
        assert_eq!(value(&answer, "state").as_deref(), Some("s"));
        assert!(value(&answer, "code").is_none());
    }
    assert_eq!(value(&browser.authorize(&[("demo_user", "mallory")]).await, "error").as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn the_page_shows_four_people_and_warns_and_escapes() {
    let browser = browser().await;
    let page = browser.authorize(&[("demo_user", ""), ("state", "\"><script>")]).await.text().await.unwrap();
    assert_eq!(page.matches("class=\"button\"").count(), 4);
    assert!(page.contains("Demo issuer.") && page.contains("&amp;demo_user=alice"));
    assert!(!page.contains("<script"));
    // The link of a button ends at the callback.
    let link = page.split("href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    let answer = browser.http.get(format!("{}{link}", browser.issuer.url())).send().await.unwrap();
    assert!(value(&answer, "code").is_some());
    assert_eq!(value(&answer, "state").as_deref(), Some("\"><script>"));
}

#[tokio::test]
async fn a_device_code_is_confirmed_once_by_the_code_on_the_screen() {
    let browser = browser().await;
    let url = browser.issuer.url();
    let form = [("client_id", CLIENT_ID)];
    let begun = browser.http.post(format!("{url}/device_authorization")).form(&form).send().await.unwrap();
    let begun: Value = begun.json().await.unwrap();
    let poll = [("grant_type", DEVICE_GRANT), ("device_code", begun["device_code"].as_str().unwrap())];
    assert_eq!(browser.exchange("", &poll).await.1["error"], "authorization_pending");
    let confirm = async |code: &str| {
        let query = [("user_code", code), ("demo_user", "carol")];
        browser.http.get(format!("{url}/device")).query(&query).send().await.unwrap().status()
    };
    assert_eq!(confirm("XXXX-XXXX").await, StatusCode::BAD_REQUEST);
    assert_eq!(confirm(begun["user_code"].as_str().unwrap()).await, StatusCode::OK);
    assert_eq!(confirm(begun["user_code"].as_str().unwrap()).await, StatusCode::BAD_REQUEST);
    assert_eq!(browser.exchange("", &poll).await.0, StatusCode::OK);
    assert_eq!(browser.exchange("", &poll).await.1["error"], "expired_token");
}

#[tokio::test]
async fn a_foreign_host_name_is_not_answered() {
    let browser = browser().await;
    let url = format!("{}/jwks", browser.issuer.url());
    let answer = browser.http.get(&url).header(HOST, "evil.example").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(browser.http.get(&url).send().await.unwrap().status(), StatusCode::OK);
}
