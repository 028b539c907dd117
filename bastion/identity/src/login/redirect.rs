//! Where a login may come back to: a list of two places, compared whole.

use ledger::store::LoginKind;
use url::{Host, Url};

use super::LoginError;

/// The CLI's callback is `http://127.0.0.1:PORT/callback` or `http://[::1]:PORT/callback` (RFC 8252 §7.3: a loopback
/// address, not `localhost`, and any port); the console's is its own URL. An authorization code never goes elsewhere.
pub(super) fn check(redirect_uri: &str, kind: LoginKind, console: &Url) -> Result<(), LoginError> {
    let allowed = match kind {
        LoginKind::Cli => is_loopback_callback(redirect_uri),
        LoginKind::Web => redirect_uri == console.as_str(),
    };
    if allowed { Ok(()) } else { Err(LoginError::RedirectUri(redirect_uri.chars().take(200).collect())) }
}

fn is_loopback_callback(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let Some(port) = url.port().filter(|port| *port != 0) else { return false };
    // What is compared is the text, so that nothing that the parser forgave gets through.
    match url.host() {
        Some(Host::Ipv4(_)) => text == format!("http://127.0.0.1:{port}/callback"),
        Some(Host::Ipv6(_)) => text == format!("http://[::1]:{port}/callback"),
        Some(Host::Domain(_)) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_go_to_loopback_or_to_the_console_and_nowhere_else() {
        let console = Url::parse("https://bastion.example.com:8443/login/callback").unwrap();
        for good in ["http://127.0.0.1:49152/callback", "http://[::1]:1/callback"] {
            assert!(check(good, LoginKind::Cli, &console).is_ok(), "{good}");
            assert!(check(good, LoginKind::Web, &console).is_err(), "{good}");
        }
        assert!(check(console.as_str(), LoginKind::Web, &console).is_ok());
        for bad in [
            "https://bastion.example.com:8443/login/callback",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:80/callback",
            "http://localhost:49152/callback",
            "http://127.0.0.2:49152/callback",
            "http://10.0.0.1:49152/callback",
            "http://127.0.0.1:49152/other",
            "http://127.0.0.1:49152/callback?next=https://evil.example",
            "http://127.0.0.1:49152/callback#x",
            "http://127.0.0.1:49152/x/../callback",
            "http://user@127.0.0.1:49152/callback",
            "http://127.0.0.1:49152@evil.example/callback",
            "http://evil.example#@127.0.0.1:49152/callback",
            "HTTP://127.0.0.1:49152/callback",
            "http://2130706433:49152/callback",
            "http:\\\\127.0.0.1:49152\\callback",
            "https://127.0.0.1:49152/callback",
            "javascript:alert(1)",
            "",
        ] {
            assert!(check(bad, LoginKind::Cli, &console).is_err(), "{bad}");
        }
        for bad in ["https://bastion.example.com:8443/login/callback/", "https://bastion.example.com/login/callback"] {
            assert!(check(bad, LoginKind::Web, &console).is_err(), "{bad}");
        }
    }
}
