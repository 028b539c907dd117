//! The table of the API server's own test (`requestinfo_test.go`) in our words, and what we refuse on top.

use proptest::prelude::*;

use super::*;

fn parse(method: &str, target: &str) -> Result<RequestInfo, RefusedRequest> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    RequestInfo::parse(&method.parse().unwrap(), path, query)
}

/// verb, group, version, namespace, resource, subresource, name
fn row(info: &RequestInfo) -> [&str; 7] {
    let resource = info.resource.as_ref().unwrap();
    [
        info.verb,
        &resource.group,
        &resource.version,
        &resource.namespace,
        &resource.resource,
        &resource.subresource,
        &resource.name,
    ]
}

#[test]
fn resources_are_read_as_the_api_server_reads_them() {
    let table: &[(&str, &str, [&str; 7])] = &[
        ("GET", "/api/v1/namespaces", ["list", "", "v1", "", "namespaces", "", ""]),
        ("GET", "/api/v1/namespaces/other", ["get", "", "v1", "other", "namespaces", "", "other"]),
        ("PUT", "/api/v1/namespaces/other/finalize", ["update", "", "v1", "other", "namespaces", "finalize", "other"]),
        ("GET", "/api/v1/namespaces/other/status", ["get", "", "v1", "other", "namespaces", "status", "other"]),
        ("GET", "/api/v1/namespaces/other/pods", ["list", "", "v1", "other", "pods", "", ""]),
        ("GET", "/api/v1/namespaces/other/pods/foo", ["get", "", "v1", "other", "pods", "", "foo"]),
        ("HEAD", "/api/v1/namespaces/other/pods/foo", ["get", "", "v1", "other", "pods", "", "foo"]),
        ("HEAD", "/api/v1/namespaces/other/pods", ["list", "", "v1", "other", "pods", "", ""]),
        ("GET", "/api/v1/pods", ["list", "", "v1", "", "pods", "", ""]),
        ("POST", "/api/v1/pods", ["create", "", "v1", "", "pods", "", ""]),
        ("GET", "/api/v1/nodes/one", ["get", "", "v1", "", "nodes", "", "one"]),
        ("DELETE", "/api/v1/namespaces/other/pods", ["deletecollection", "", "v1", "other", "pods", "", ""]),
        ("DELETE", "/api/v1/namespaces/other/pods/foo", ["delete", "", "v1", "other", "pods", "", "foo"]),
        ("PATCH", "/api/v1/namespaces/other/pods/foo", ["patch", "", "v1", "other", "pods", "", "foo"]),
        ("POST", "/api/v1/namespaces/other/pods", ["create", "", "v1", "other", "pods", "", ""]),
        ("GET", "/apis/apps/v1/namespaces/a/deployments/web", ["get", "apps", "v1", "a", "deployments", "", "web"]),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/a/deployments/web/scale",
            ["patch", "apps", "v1", "a", "deployments", "scale", "web"],
        ),
        (
            "GET",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
            ["get", "rbac.authorization.k8s.io", "v1", "", "clusterroles", "", "system:node"],
        ),
        // Verbs in the path, which are deprecated and still served.
        ("GET", "/api/v1/watch/pods", ["watch", "", "v1", "", "pods", "", ""]),
        ("GET", "/api/v1/watch/namespaces/other/pods", ["watch", "", "v1", "other", "pods", "", ""]),
        ("GET", "/api/v1/watch/namespaces/other/pods/foo", ["watch", "", "v1", "other", "pods", "", "foo"]),
        ("GET", "/api/v1/proxy/nodes/one/exec/a/b/c", ["proxy", "", "v1", "", "nodes", "", "one"]),
        ("GET", "/api/v1/proxy/namespaces/other/pods/foo/bar", ["proxy", "", "v1", "other", "pods", "", "foo"]),
        // It has not been a verb for years: a resource of that name, which no server has.
        ("GET", "/api/v1/redirect/pods/foo", ["get", "", "v1", "", "redirect", "foo", "pods"]),
        // Watch by parameter.
        ("GET", "/api/v1/namespaces/other/pods?watch=1", ["watch", "", "v1", "other", "pods", "", ""]),
        ("GET", "/api/v1/namespaces/other/pods?watch=true", ["watch", "", "v1", "other", "pods", "", ""]),
        ("GET", "/api/v1/namespaces/other/pods?watch", ["watch", "", "v1", "other", "pods", "", ""]),
        ("GET", "/api/v1/namespaces/other/pods?watch=no", ["watch", "", "v1", "other", "pods", "", ""]),
        ("GET", "/api/v1/namespaces/other/pods?watch=False", ["list", "", "v1", "other", "pods", "", ""]),
        ("GET", "/api/v1/namespaces/other/pods?watch=0&watch=1", ["list", "", "v1", "other", "pods", "", ""]),
        ("GET", "/api/v1/namespaces/other/pods/foo?watch=1", ["get", "", "v1", "other", "pods", "", "foo"]),
        ("POST", "/api/v1/namespaces/other/pods?watch=1", ["create", "", "v1", "other", "pods", "", ""]),
        // A name by selector.
        ("GET", "/api/v1/pods?fieldSelector=metadata.name%3Dfoo", ["list", "", "v1", "", "pods", "", "foo"]),
        ("GET", "/api/v1/pods?fieldSelector=metadata.name==foo&watch=1", ["watch", "", "v1", "", "pods", "", "foo"]),
        ("GET", "/api/v1/pods?fieldSelector=a=b,metadata.name=foo", ["list", "", "v1", "", "pods", "", "foo"]),
        ("GET", "/api/v1/pods?fieldSelector=metadata.name!=foo", ["list", "", "v1", "", "pods", "", ""]),
        ("GET", "/api/v1/pods?fieldSelector=metadata.name=a/b", ["list", "", "v1", "", "pods", "", ""]),
        ("GET", "/api/v1/pods?fieldSelector=metadata.name=..", ["list", "", "v1", "", "pods", "", ""]),
        ("GET", "/api/v1/pods?fieldSelector=metadata.name=foo,odd", ["list", "", "v1", "", "pods", "", ""]),
        ("GET", "/api/v1/pods?fieldSelector=metadata.name=foo&limit=x", ["list", "", "v1", "", "pods", "", ""]),
        ("GET", "/api/v1/pods?fieldSelector=metadata.name=f%5C%2Co", ["list", "", "v1", "", "pods", "", "f,o"]),
        ("DELETE", "/api/v1/pods?fieldSelector=metadata.name=foo", ["deletecollection", "", "v1", "", "pods", "", ""]),
        // Subresources, whatever the verb.
        ("GET", "/api/v1/namespaces/a/pods/b/exec?command=sh", ["get", "", "v1", "a", "pods", "exec", "b"]),
        ("POST", "/api/v1/namespaces/a/pods/b/exec?command=sh", ["create", "", "v1", "a", "pods", "exec", "b"]),
        ("GET", "/api/v1/namespaces/a/pods/b/log", ["get", "", "v1", "a", "pods", "log", "b"]),
        ("GET", "/api/v1/namespaces/a/services/b:80/proxy/x/y/", ["get", "", "v1", "a", "services", "proxy", "b:80"]),
        // A trailing slash changes nothing, and case is not folded.
        ("GET", "/api/v1/namespaces/other/pods/", ["list", "", "v1", "other", "pods", "", ""]),
        ("GET", "/api/v1/namespaces/a/pods/b/exec/", ["get", "", "v1", "a", "pods", "exec", "b"]),
        ("GET", "/api/v1/namespaces/a/pods/b/EXEC", ["get", "", "v1", "a", "pods", "EXEC", "b"]),
    ];
    for (method, target, expected) in table {
        let info = parse(method, target).unwrap_or_else(|error| panic!("{method} {target}: {error}"));
        assert_eq!(row(&info), *expected, "{method} {target}");
    }
}

#[test]
fn other_paths_are_no_resources() {
    for (method, target, verb) in [
        ("GET", "/", "get"),
        ("GET", "/api", "get"),
        ("GET", "/api/v1", "get"),
        ("GET", "/api/v1/", "get"),
        ("GET", "/apis", "get"),
        ("GET", "/apis/apps", "get"),
        ("GET", "/apis/apps/v1", "get"),
        ("HEAD", "/healthz", "head"),
        ("POST", "/apis/apps/v1", "post"),
        ("GET", "/version", "get"),
        ("GET", "/openapi/v3/apis/apps/v1", "get"),
        ("GET", "/API/v1/namespaces/a/pods/b/exec", "get"),
    ] {
        let info = parse(method, target).unwrap();
        assert_eq!((info.verb, info.resource), (verb, None), "{method} {target}");
        assert_eq!(info.path, target);
    }
}

#[test]
fn what_two_readers_may_split_differently_is_refused() {
    use RefusedRequest::*;
    for (method, target, refusal) in [
        ("GET", "", NotAbsolute),
        ("OPTIONS", "*", NotAbsolute),
        ("GET", "api/v1/pods", NotAbsolute),
        ("GET", "//", EmptySegment),
        ("GET", "//api/v1/pods", EmptySegment),
        ("GET", "/api//v1/pods", EmptySegment),
        ("GET", "/api/v1/pods//", EmptySegment),
        ("GET", "/api/v1/namespaces//pods", EmptySegment),
        ("GET", "/api/v1/namespaces/a/pods/b/../c/exec", DotSegment),
        ("GET", "/api/v1/namespaces/a/pods/./exec", DotSegment),
        ("GET", "/api/v1/namespaces/a/pods/%2e%2E/exec", DotSegment),
        ("GET", "/api/v1/namespaces/a/pods/.%2e", DotSegment),
        ("GET", "/..", DotSegment),
        ("GET", "/api/v1/namespaces/a/pods/b%2fexec", EncodedDelimiter),
        ("GET", "/api/v1/namespaces/a/pods/b%2Fexec", EncodedDelimiter),
        ("GET", "/api/v1/namespaces/a%5Cb/pods", EncodedDelimiter),
        ("GET", "/api/v1/namespaces/a\\b/pods", EncodedDelimiter),
        ("GET", "/api/v1/namespaces/a/pods/b%252fexec", EncodedDelimiter),
        ("GET", "/api/v1/namespaces/a/pods/b%00", ControlCharacter),
        ("GET", "/api/v1/namespaces/a/pods/b%0d%0aX: y", ControlCharacter),
        ("GET", "/api/v1/namespaces/a/pods/b%7f", ControlCharacter),
        ("GET", "/api/v1/namespaces/a/pods/b%c2%85", ControlCharacter),
        ("GET", "/api/v1/namespaces/a/pods/b%ff", NotUtf8),
        ("GET", "/api/v1/namespaces/a/pods/b%", MalformedEncoding),
        ("GET", "/api/v1/namespaces/a/pods/b%4", MalformedEncoding),
        ("GET", "/api/v1/namespaces/a/pods/b%+1", MalformedEncoding),
        ("GET", "/api/v1/pods?watch=%zz", MalformedEncoding),
        ("GET", "/api/v1/namespaces/a/pods/b/exec?command=%ff", NotUtf8),
        ("GET", "/api/v1/watch", NoResource),
        ("GET", "/api/v1/watch/", NoResource),
        ("GET", "/apis/apps/v1/proxy", NoResource),
        ("TRACE", "/api/v1/pods", Method),
        ("CONNECT", "/api/v1/pods", Method),
        ("get", "/api/v1/pods", Method),
        ("BREW", "/healthz", Method),
    ] {
        assert_eq!(parse(method, target), Err(refusal), "{method} {target}");
    }
}

#[test]
fn every_road_to_a_program_is_seen_whatever_the_verb() {
    use StreamRequest::*;
    for (target, expected) in [
        ("/api/v1/namespaces/a/pods/b/exec", Some(Exec)),
        ("/api/v1/namespaces/a/pods/b/exec/", Some(Exec)),
        ("/api/v1/namespaces/a/pods/b/attach", Some(Attach)),
        ("/api/v1/namespaces/a/pods/b/portforward", Some(PortForward)),
        ("/api/v1/namespaces/a/pods/b/proxy", Some(Proxy)),
        ("/api/v1/namespaces/a/services/b/proxy/x", Some(Proxy)),
        ("/api/v1/nodes/n/proxy/run/a/b/c", Some(Proxy)),
        ("/api/v1/proxy/nodes/n/run/a/b/c", Some(Proxy)),
        ("/api/v1/namespaces/a/pods/b/log", None),
        ("/api/v1/namespaces/a/pods/b", None),
        ("/apis/example.org/v1/namespaces/a/pods/b/exec", None),
        ("/version", None),
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            assert_eq!(parse(method, target).unwrap().stream(), expected, "{method} {target}");
        }
    }
}

#[test]
fn every_command_argument_is_kept_in_order() {
    let info = parse(
        "GET",
        "/api/v1/namespaces/a/pods/b/exec?command=sh&command=-c&tty=true&command=echo+a%20%26%26+b&command=",
    )
    .unwrap();
    assert_eq!(info.query.all("command").collect::<Vec<_>>(), ["sh", "-c", "echo a && b", ""]);
    assert!(info.query.is_set("tty"));
    assert!(!info.query.is_set("stdin"));
    assert_eq!(info.query.first("container"), None);
}

#[test]
fn a_pair_that_go_drops_says_nothing() {
    let info = parse("GET", "/api/v1/pods?watch=1;x&&limit=3").unwrap();
    assert_eq!(info.verb, "list");
    assert_eq!(info.query.first("limit"), Some("3"));
}

#[test]
fn what_follows_the_subresource_is_kept() {
    let info = parse("GET", "/api/v1/nodes/n/proxy/exec/a/b/c").unwrap();
    assert_eq!(info.resource.unwrap().rest, ["exec", "a", "b", "c"]);
}

proptest! {
    #[test]
    fn any_path_is_read_or_refused(path in "[/a-z.%0-9A-F\\\\]{0,60}", query in proptest::option::of("[a-z=&;%+0-9]{0,40}")) {
        if let Ok(info) = RequestInfo::parse(&Method::GET, &path, query.as_deref()) {
            prop_assert!(info.path.starts_with('/'));
            prop_assert!(!info.path.contains("//"));
            prop_assert!(!info.path.split('/').any(|segment| segment == "." || segment == ".."));
            // Reading what was read changes nothing: there is nothing left to decode.
            let again = RequestInfo::parse(&Method::GET, &info.path, query.as_deref());
            prop_assert_eq!(again, Ok(info));
        }
    }

    #[test]
    fn a_trailing_slash_is_neutral(segments in proptest::collection::vec("[a-z]{1,8}", 1..8)) {
        let path = format!("/api/v1/{}", segments.join("/"));
        let plain = RequestInfo::parse(&Method::GET, &path, None);
        let slash = RequestInfo::parse(&Method::GET, &format!("{path}/"), None);
        prop_assert_eq!(plain.map(|info| (info.verb, info.resource)), slash.map(|info| (info.verb, info.resource)));
    }
}
