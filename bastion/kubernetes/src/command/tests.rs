//! What a request for exec says.

use http::Method;

use super::*;

fn read(query: &str) -> Result<Command, String> {
    let path = "/api/v1/namespaces/shop/pods/web-0/exec";
    let info = RequestInfo::parse(&Method::GET, path, Some(query)).unwrap();
    Command::read(&info, StreamRequest::Exec).map_err(|refusal| refusal.message)
}

#[test]
fn a_command_is_all_its_words_in_their_order() {
    let command = read("command=sh&command=-c&command=a%20%26%20b&container=c&stdin=true&tty=true&stderr=1").unwrap();
    assert_eq!(command.words, ["sh", "-c", "a & b"]);
    assert_eq!((command.pod.as_str(), command.container.as_deref()), ("web-0.shop", Some("c")));
    assert!(command.streams.tty && !command.streams.stderr, "with a terminal there is no stderr");
    // The cluster is asked for exactly this, and nothing else that the query said.
    assert_eq!(command.query(), "command=sh&command=-c&command=a+%26+b&container=c&stdin=true&tty=true");
}

#[test]
fn what_could_not_run_is_refused() {
    for (query, expected) in [
        ("stdout=true", "at least one command"),
        ("command=a%00b&stdout=true", "NUL"),
        ("command=a", "at least 1 of stdin"),
    ] {
        assert!(read(query).unwrap_err().contains(expected), "{query}");
    }
}

#[test]
fn what_is_approved_says_where_each_word_ends_and_what_is_input() {
    let bytes = |query: &str, stdin: Option<&[u8]>| {
        read(query).unwrap().act(stdin).encode(&"prod".parse().unwrap(), &"web-0.shop".parse().unwrap())
    };
    let acts = [
        bytes("command=sh&command=-c&command=a&command=b&stdout=1", None),
        bytes("command=sh&command=-c&command=a%20b&stdout=1", None),
        bytes("command=sh&command=-c&command=%27a%20b%27&stdout=1", None),
        bytes("command=sh&command=-c&command=a%20b&stdout=1&container=c", None),
        bytes("command=sh&command=-c&command=a%20b&stdout=1&tty=1", None),
        bytes("command=sh&stdout=1&stdin=1", None),
        bytes("command=sh&stdout=1&stdin=1", Some(b"")),
        bytes("command=sh&stdout=1&stdin=1", Some(b"a b\n")),
        bytes("command=sh%0Aa%20b%0A&stdout=1&stdin=1", Some(b"")),
    ];
    assert_eq!(acts.iter().collect::<std::collections::BTreeSet<_>>().len(), acts.len());
}
