use super::*;

const STATE: &str = "the-state";

async fn listening() -> (Callback, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (Callback::serve(listener, STATE.to_owned()).unwrap(), address)
}

async fn ask(address: &str, path: &str, host: &str) -> (StatusCode, String) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = http.get(format!("http://{address}{path}")).header(HOST, host).send().await.unwrap();
    (response.status(), response.text().await.unwrap())
}

#[tokio::test]
async fn the_code_arrives_once_and_the_person_is_told() {
    let (callback, address) = listening().await;
    let path = format!("/callback?state={STATE}&code=abc");
    let (status, page) = ask(&address, &path, &address).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("You may close this tab"), "{page}");
    let (status, _) = ask(&address, "/callback?state=the-state&code=other", &address).await;
    assert_eq!(status, StatusCode::GONE);
    assert_eq!(callback.wait(PATIENCE).await.unwrap(), "abc");
}

#[tokio::test]
async fn another_host_state_or_path_is_refused_and_the_listener_goes_on() {
    let (callback, address) = listening().await;
    let good = format!("/callback?state={STATE}&code=abc");
    assert_eq!(ask(&address, &good, "evil.example").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&address, "/callback?state=wrong&code=evil", &address).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&address, "/callback?code=evil", &address).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&address, "/?state=the-state&code=evil", &address).await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(&address, &good, &address).await.0, StatusCode::OK);
    assert_eq!(callback.wait(PATIENCE).await.unwrap(), "abc");
}

#[tokio::test]
async fn a_refusal_says_what_the_issuer_said() {
    let (callback, address) = listening().await;
    let path = format!("/callback?state={STATE}&error=access_denied&error_description=not+today");
    ask(&address, &path, &address).await;
    let error = callback.wait(PATIENCE).await.unwrap_err().to_string();
    assert!(error.ends_with("not today"), "{error}");
}

#[tokio::test]
async fn nobody_coming_ends_the_wait() {
    let (callback, _) = listening().await;
    let error = callback.wait(Duration::from_millis(1)).await.unwrap_err().to_string();
    assert!(error.contains("run bastion login again"), "{error}");
}

#[test]
fn a_redirect_counts_only_for_this_login() {
    let redirect = "http://127.0.0.1:4000/callback";
    let table = [
        ("http://127.0.0.1:4000/callback?code=abc&state=s", Some("abc")),
        ("http://127.0.0.1:4000/callback?code=abc&state=other", None),
        ("http://127.0.0.1:4000/callback?code=abc", None),
        ("http://127.0.0.1:4000/callback?state=s", None),
        ("http://127.0.0.1:4000/callback?error=access_denied&code=abc&state=s", None),
        ("http://127.0.0.1:4001/callback?code=abc&state=s", None),
        ("https://127.0.0.1:4000/callback?code=abc&state=s", None),
        ("http://127.0.0.1:4000/elsewhere?code=abc&state=s", None),
    ];
    for (location, code) in table {
        let found = code_in(&Url::parse(location).unwrap(), redirect, "s");
        assert_eq!(found.ok().as_deref(), code, "{location}");
    }
}
