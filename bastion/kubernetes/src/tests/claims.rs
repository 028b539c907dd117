//! Claims over HTTP/2: whoever a request says it is of, and however it is framed, the cluster sees the user, or
//! nothing at all.

use ledger::audit::KubeRequestEvent;
use serde_json::Value;

use super::{
    frames::{Ended, ask},
    front::{Protocol, TestFront, front},
    request_events, values,
};

const PODS: &str = "/clusters/dev/api/v1/namespaces/shop/pods";

const WEBSOCKET: [(&str, &str); 3] = [
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-protocol", "base64url.bearer.authorization.k8s.io.c2VjcmV0"),
];

type Fields<'a> = &'a [(&'a str, &'a str)];

/// A whole request; these replace or follow its own fields.
fn request<'a>(pseudo: &[(&'a str, &'a str)], fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![(":method", "GET"), (":scheme", "https"), (":authority", "bastion"), (":path", PODS)];
    for (name, value) in pseudo {
        match all.iter_mut().find(|(own, _)| own == name) {
            Some(own) => own.1 = value,
            None => all.push((name, value)),
        }
    }
    [&all[..], fields].concat()
}

async fn send(front: &TestFront, name: Option<&str>, fields: Fields<'_>) -> Ended {
    ask(front.tls(name, Protocol::Http2).await, fields, b"", &[]).await
}

/// Everything by which a request to the cluster says who asks.
fn identity(seen: &Value) -> Vec<(String, String)> {
    let headers = seen["headers"].as_array().unwrap().iter();
    let pairs = headers.map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned()));
    let names = |name: &str| {
        let name = name.replace('_', "-");
        ["impersonate-", "x-remote-", "x-forwarded-", "proxy-", "sec-websocket-"]
            .iter()
            .any(|start| name.starts_with(start))
            || matches!(&*name, "authorization" | "cookie" | "connection" | "upgrade" | "te" | "trailer" | "host")
    };
    let mut found: Vec<_> = pairs.filter(|(name, _)| names(name)).collect();
    found.sort();
    found
}

#[tokio::test]
async fn whatever_is_claimed_over_http2_the_cluster_sees_alice() {
    let front = front().await;
    let expected: Vec<(String, String)> = [
        ("authorization", "Bearer of-the-bastion"),
        ("host", &front.cluster.address.to_string()),
        ("impersonate-group", "engineering"),
        ("impersonate-user", "alice"),
        ("x-forwarded-for", "127.0.0.1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let neutral: [(Fields<'_>, Fields<'_>); 13] = [
        (&[], &[]),
        (&[], &[("x_remote_user", "root"), ("x-impersonate-user", "root")]),
        (&[], &[("x-remote-user", "root"), ("x-remote-group", "system:masters"), ("x-remote-extra-scopes", "all")]),
        (&[], &[("authorization", "Bearer a"), ("authorization", "Bearer b")]),
        (&[], &[("authorization", "Basic cm9vdDpyb290"), ("proxy-authorization", "Basic cm9vdDpyb290")]),
        (&[], &[("cookie", "a=b"), ("cookie", "c=d"), ("x-forwarded-for", "192.0.2.1"), ("x-forwarded-user", "root")]),
        (&[], &[("host", "elsewhere.example"), ("te", "trailers"), ("trailer", "impersonate-user")]),
        (&[], &WEBSOCKET),
        (&[(":authority", "elsewhere.example:1")], &[("host", "bastion")]),
        (&[(":authority", "127.0.0.1")], &[]),
        (&[(":scheme", "http")], &[]),
        (&[(":path", "/clusters/dev/api/v1/namespaces/shop/pods/")], &[]),
        (&[(":path", "/clusters/dev/api/v1/namespaces/shop/%70ods?x=/../y")], &[]),
    ];
    for (pseudo, fields) in neutral {
        let Ended::Answered(body) = send(&front, Some("alice"), &request(pseudo, fields)).await else {
            panic!("{pseudo:?} {fields:?} is not answered")
        };
        let seen: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(identity(&seen), expected, "{pseudo:?} {fields:?}");
        let path = pseudo.iter().find(|(name, _)| *name == ":path").map_or(PODS, |(_, path)| path);
        assert_eq!(seen["uri"], path.replacen("/clusters/dev", "/base", 1));
    }
    assert_eq!(front.cluster.requests(), neutral.len());
    let of_alice = |event: &KubeRequestEvent| event.user.as_str() == "alice" && event.resource == "pods";
    assert!(request_events(&front, neutral.len()).await.iter().all(of_alice));
}

#[tokio::test]
async fn who_asks_as_somebody_else_is_told_that_it_is_not_done_and_no_cluster_is_asked() {
    let front = front().await;
    let claims: [Fields<'_>; 7] = [
        &[("impersonate-user", "root")],
        &[("impersonate-user", "alice"), ("impersonate-user", "root"), ("impersonate-user", "")],
        &[("impersonate-group", "system:masters"), ("impersonate-group", "engineering")],
        &[("impersonate-uid", "0")],
        &[("impersonate-extra-scopes", "all"), ("impersonate-extra-a%2fb", "c")],
        &[("impersonate_user", "root"), ("impersonate_group", "system:masters")],
        // As oneself too: with other groups it would not be oneself.
        &[("impersonate-user", "alice")],
    ];
    for fields in claims {
        let Ended::Answered(body) = send(&front, Some("alice"), &request(&[], fields)).await else {
            panic!("{fields:?} is not answered")
        };
        let said: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((said["kind"].as_str(), said["code"].as_u64()), (Some("Status"), Some(403)), "{fields:?}: {said}");
        assert!(said["message"].as_str().unwrap().starts_with("bastion: --as"), "{said}");
    }
    assert_eq!(front.cluster.requests(), 0);
    let refused = |event: &KubeRequestEvent| event.refused.as_ref().is_some_and(|why| why.contains("--as"));
    assert!(request_events(&front, claims.len()).await.iter().all(refused));
}

#[tokio::test]
async fn what_is_no_request_of_http2_reaches_no_cluster() {
    let front = front().await;
    let path = |path: &'static str| {
        request(&[], &[]).into_iter().map(
            move |(name, value)| {
                if name == ":path" { (name, path) } else { (name, value) }
            },
        )
    };
    let exec = "/clusters/dev/api/v1/namespaces/x/pods/p/exec?command=id&stdout=true";
    let mut requests: Vec<Vec<(&str, &str)>> = [
        "/clusters/dev//api/v1/pods",
        "//clusters/dev/api/v1/pods",
        "/clusters/dev/api/v1/pods//",
        "/clusters/dev/api/v1/namespaces%2fshop/pods",
        "/clusters/dev/api/v1/namespaces%2Fshop%252fpods",
        "/clusters/dev/api/v1/../v1/pods",
        "/clusters/dev/api/v1/%2e%2E/pods",
        "/clusters/dev/../prod/api/v1/pods",
        "/clusters/dev/api/v1/./pods",
        "/clusters/dev\\api/v1/pods",
        "/clusters/prod/api/v1/pods",
        "clusters/dev/api/v1/pods",
        "https://bastion/clusters/dev/api/v1/../pods",
        "/clusters/dev/api/v1/pods HTTP/1.1\r\nImpersonate-User: root\r\n\r\n",
        "*",
        "",
    ]
    .into_iter()
    .map(|target| path(target).collect())
    .collect();
    let fields: [Fields<'_>; 12] = [
        // RFC 9113 §8.2.2: "An endpoint MUST NOT generate an HTTP/2 message containing connection-specific header
        // fields."
        &[("connection", "impersonate-user"), ("impersonate-user", "root")],
        &[("connection", "upgrade"), ("upgrade", "websocket")],
        &[("upgrade", "h2c")],
        &[("transfer-encoding", "chunked")],
        &[("keep-alive", "1")],
        &[("proxy-connection", "impersonate-group")],
        &[("te", "trailers, chunked")],
        // RFC 9113 §8.2.1: names in lower case, and nothing in a value that ends it elsewhere.
        &[("Impersonate-User", "root")],
        &[("x-bare", "a\r\nimpersonate-user: root")],
        &[("x-nul", "a\0b")],
        &[("impersonate-user: root\r\nx", "y")],
        // RFC 9113 §8.3: pseudo-header fields come first, and are known.
        &[(":path", "/clusters/prod/api/v1/pods")],
    ];
    requests.extend(fields.iter().map(|fields| request(&[], fields)));
    requests.push(request(&[(":impersonate-user", "root")], &[]));
    requests.push([&[(":path", PODS)], &request(&[], &[])[..]].concat());
    requests.push(request(&[], &[("content-length", "5")]));
    // RFC 8441 is not spoken here, and a tunnel least of all; without it headers of WebSocket say nothing.
    requests.push(request(&[(":method", "CONNECT"), (":protocol", "websocket"), (":path", exec)], &WEBSOCKET));
    requests.push(request(&[(":method", "CONNECT"), (":protocol", "websocket")], &WEBSOCKET));
    requests.push(request(&[(":path", exec)], &WEBSOCKET));
    requests.push(vec![(":method", "CONNECT"), (":authority", "127.0.0.1:6443")]);
    requests.push(request(&[(":method", "CONNECT")], &[]));
    requests
        .push(request(&[(":path", exec), (":method", "POST")], &[("x-stream-protocol-version", "v4.channel.k8s.io")]));
    for request in &requests {
        if let Ended::Answered(body) = send(&front, Some("alice"), request).await {
            // Nothing but a refusal; one by the protocol itself has no words.
            let said: Value = serde_json::from_slice(&body).unwrap_or_default();
            let code = said["code"].as_u64();
            assert!(body.is_empty() || code.is_some_and(|code| (400..500).contains(&code)), "{request:?}: {said}");
        }
    }
    let reached = front.cluster.heads();
    assert!(reached.is_empty(), "{reached:#?}");
}

#[tokio::test]
async fn nothing_but_one_token_or_a_certificate_is_a_credential() {
    let front = front().await;
    let token = format!("Bearer {}", front.token_of("alice").await);
    let strangers: [Fields<'_>; 6] = [
        &[("impersonate-user", "alice"), ("x-remote-user", "alice")],
        &[("authorization", &token), ("authorization", "Bearer x")],
        &[("authorization", "Bearer x"), ("authorization", &token)],
        &[("authorization", &token), ("authorization", &token)],
        &[("proxy-authorization", &token)],
        &[("cookie", "authorization=x"), ("x-forwarded-client-cert", "Subject=\"CN=alice\"")],
    ];
    for fields in strangers {
        let Ended::Answered(body) = send(&front, None, &request(&[], fields)).await else { panic!("{fields:?}") };
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["code"], 401, "{fields:?}");
    }
    assert_eq!(front.cluster.requests(), 0);
    let one = request(&[], &[("authorization", &token)]);
    assert!(matches!(send(&front, None, &one).await, Ended::Answered(body) if !body.is_empty()));
    let heads = front.cluster.heads();
    assert_eq!(values(&heads[0], "authorization"), ["Bearer of-the-bastion"]);
}

#[tokio::test]
async fn what_comes_after_a_body_is_no_header() {
    let front = front().await;
    let path = format!("{PODS}?trailers");
    let fields = request(&[(":method", "POST"), (":path", &path)], &[("trailer", "impersonate-user")]);
    let trailers = [("impersonate-user", "root"), ("authorization", "Bearer mine")];
    let stream = front.tls(Some("alice"), Protocol::Http2).await;
    let Ended::Answered(body) = ask(stream, &fields, b"{}", &trailers).await else { panic!("no answer") };
    let seen: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(seen["trailers"], 0);
    assert_eq!(values(&seen["head"], "impersonate-user"), ["alice"]);
    assert_eq!(values(&seen["head"], "authorization"), ["Bearer of-the-bastion"]);
}
