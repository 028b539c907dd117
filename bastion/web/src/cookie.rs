//! The two cookies: the login, and the login that is under way.
//!
//! `__Host-` makes browsers accept them only over TLS, for this host alone and
//! the whole path (draft-ietf-httpbis-rfc6265bis §4.1.3.2). `Lax` lets the
//! redirect back from the issuer carry them and nothing that another site posts.

use std::time::Duration;

use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, header};

/// Holds the login of the console.
pub(super) const LOGIN: &str = "__Host-bastion";

/// Binds a login that is under way to the browser that began it.
pub(super) const LOGIN_UNDER_WAY: &str = "__Host-bastion-login";

/// The value of the cookie with this name.
pub(super) fn read(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(Cookie::split_parse)
        .flatten()
        .find(|cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned())
}

/// Sets a cookie for this long.
pub(super) fn set(name: &'static str, value: &str, lifetime: Duration) -> Option<HeaderValue> {
    header_value(name, value, lifetime.as_secs())
}

/// Removes a cookie.
pub(super) fn clear(name: &'static str) -> Option<HeaderValue> {
    header_value(name, "", 0)
}

fn header_value(name: &'static str, value: &str, seconds: u64) -> Option<HeaderValue> {
    let cookie = Cookie::build((name, value)).path("/").secure(true).http_only(true).same_site(SameSite::Lax);
    HeaderValue::try_from(format!("{cookie}; Max-Age={seconds}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_closed_to_scripts_other_hosts_and_plain_http() {
        let value = set(LOGIN, "abc", Duration::from_secs(60)).unwrap();
        assert_eq!(value, "__Host-bastion=abc; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60");
        assert_eq!(clear(LOGIN).unwrap(), "__Host-bastion=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0");
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; __Host-bastion-login=x; __Host-bastion=y"));
        assert_eq!(read(&headers, LOGIN).as_deref(), Some("y"));
        assert_eq!(read(&headers, LOGIN_UNDER_WAY).as_deref(), Some("x"));
        assert_eq!(read(&headers, "b"), None);
    }
}
