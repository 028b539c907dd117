//! Host names and `HOST:PORT` addresses that a file may name.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// A DNS name or an IP address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

/// A DNS name or IP address, and a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// The host.
    pub host: HostName,
    /// The port, never 0.
    pub port: u16,
}

/// The text is not a host name or an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a host name or address")]
pub struct AddressError;

impl HostName {
    /// The name as text; an IPv6 address has no brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The IP address, if it is one and not a name.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }
}

// === impl HostName ===

impl FromStr for HostName {
    type Err = AddressError;

    /// RFC 1123 §2.1, with the underscore that many internal names have.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        };
        // A name of digits and dots is an address or a slip, never a name.
        let numeric = text.chars().all(|c| c.is_ascii_digit() || c == '.');
        let named = !numeric && text.len() <= 253 && text.split('.').all(label);
        if named || text.parse::<IpAddr>().is_ok() { Ok(Self(text.to_owned())) } else { Err(AddressError) }
    }
}

impl AsRef<str> for HostName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl HostPort ===

impl FromStr for HostPort {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => address.parse::<Ipv6Addr>().map_err(|_| AddressError)?.to_string().parse()?,
            // Without brackets the last group of an IPv6 address would be taken for a port.
            None if host.contains(':') => return Err(AddressError),
            None => host.parse()?,
        };
        if !port.chars().all(|c| c.is_ascii_digit()) {
            return Err(AddressError);
        }
        match port.parse() {
            Ok(0) | Err(_) => Err(AddressError),
            Ok(port) => Ok(Self { host, port }),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.0.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_their_form() {
        for text in ["10.0.0.5:22", "web1:2222", "web_1.example.com:22", "[::1]:22", "[2001:db8::1]:65535"] {
            assert_eq!(text.parse::<HostPort>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_host_and_port_is_refused() {
        for text in [
            "",
            "web1",
            "web1:",
            ":22",
            "web1:0",
            "web1:65536",
            "web1:+22",
            "::1:22",
            "[::1]",
            "[web1]:22",
            "a b:22",
            "user@web1:22",
            "-web1:22",
            "web1..x:22",
            "1.2.3:22",
            "1.2.3.4.5:22",
            "http://web1:22",
            "wéb:22",
        ] {
            assert!(text.parse::<HostPort>().is_err(), "{text:?}");
        }
    }
}
