//! The `source-address` critical option: "Comma-separated list of source addresses from which
//! this certificate is accepted for authentication. Addresses are specified in CIDR-format"
//! (OpenSSH `PROTOCOL.certkeys`).

use std::{fmt, net::IpAddr, str::FromStr};

/// Networks from which a certificate may be used; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceAddresses(Vec<SourceNetwork>);

/// The list of networks cannot be read; what cannot be read permits nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a comma-separated list of addresses or networks (as 192.0.2.0/24)")]
pub struct UnreadableSourceAddresses(String);

impl SourceAddresses {
    /// Whether a connection from `source` is in one of the networks. IPv4 mapped into IPv6 counts as IPv4.
    #[must_use]
    pub fn contain(&self, source: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(source.to_canonical()))
    }
}

impl From<IpAddr> for SourceAddresses {
    fn from(address: IpAddr) -> Self {
        Self(vec![SourceNetwork::host(address.to_canonical())])
    }
}

impl FromStr for SourceAddresses {
    type Err = UnreadableSourceAddresses;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let networks: Option<Vec<_>> = text.split(',').take(MAX_NETWORKS + 1).map(SourceNetwork::parse).collect();
        match networks {
            Some(networks) if networks.len() <= MAX_NETWORKS => Ok(Self(networks)),
            Some(_) | None => Err(UnreadableSourceAddresses(text.chars().take(200).collect())),
        }
    }
}

impl fmt::Display for SourceAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, network) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}/{}", network.address, network.prefix)?;
        }
        Ok(())
    }
}

// === Network ===

/// Invariants: `address` is canonical (not IPv4 mapped into IPv6), and `prefix` fits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SourceNetwork {
    address: IpAddr,
    prefix: u8,
}

impl SourceNetwork {
    fn host(address: IpAddr) -> Self {
        Self { address, prefix: width(address) }
    }

    fn parse(text: &str) -> Option<Self> {
        let Some((address, prefix)) = text.split_once('/') else {
            return Some(Self::host(text.parse::<IpAddr>().ok()?.to_canonical()));
        };
        let address: IpAddr = address.parse().ok()?;
        if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let prefix = prefix.parse::<u8>().ok().filter(|prefix| *prefix <= width(address))?;
        let canonical = address.to_canonical();
        // `::ffff:192.0.2.0/120` is 192.0.2.0/24; a mapped network wider than /96 names more than IPv4.
        let prefix = prefix.checked_sub(width(address) - width(canonical))?;
        let network = Self { address: canonical, prefix };
        // As in sshd, bits below the mask are an error and not ignored.
        (bits(canonical) == bits(canonical) & network.mask()).then_some(network)
    }

    fn contains(self, address: IpAddr) -> bool {
        width(self.address) == width(address) && bits(address) & self.mask() == bits(self.address)
    }

    fn mask(self) -> u128 {
        let host_bits = u32::from(width(self.address) - self.prefix);
        u128::MAX.checked_shl(host_bits).unwrap_or(0)
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// More networks than anybody writes by hand; bounds the work of one certificate.
const MAX_NETWORKS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_inside_its_network_and_no_other() {
        for (list, source, inside) in [
            ("192.0.2.0/24", "192.0.2.200", true),
            ("192.0.2.0/24", "192.0.3.1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("10.0.0.0/8,2001:db8::/32", "2001:db8:1::1", true),
            ("10.0.0.0/8,2001:db8::/32", "2001:db9::1", false),
            ("192.0.2.0/24", "::ffff:192.0.2.9", true),
            ("::ffff:192.0.2.0/120", "192.0.2.9", true),
            ("::ffff:192.0.2.0/120", "192.0.3.9", false),
            ("0.0.0.0/0", "203.0.113.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "203.0.113.1", false),
            ("::1/128", "::1", true),
        ] {
            let addresses: SourceAddresses = list.parse().unwrap();
            assert_eq!(addresses.contain(source.parse().unwrap()), inside, "{source} in {list}");
        }
    }

    #[test]
    fn a_list_that_cannot_be_read_is_refused_whole() {
        for list in [
            "",
            ",",
            "192.0.2.1,",
            "192.0.2.0/33",
            "192.0.2.0/-1",
            "192.0.2.0/+8",
            "192.0.2.1/24",
            "*",
            "!192.0.2.1",
            "192.0.2.0/",
            "::ffff:0.0.0.0/64",
            "192.0.2.1, 192.0.2.2",
        ] {
            assert!(list.parse::<SourceAddresses>().is_err(), "{list:?}");
        }
        assert!(vec!["192.0.2.1"; 257].join(",").parse::<SourceAddresses>().is_err());
    }

    #[test]
    fn what_is_written_is_read_back() {
        for list in ["192.0.2.0/24", "10.0.0.0/8,2001:db8::/32"] {
            assert_eq!(list.parse::<SourceAddresses>().unwrap().to_string(), list);
        }
        assert_eq!(SourceAddresses::from("::ffff:192.0.2.1".parse::<IpAddr>().unwrap()).to_string(), "192.0.2.1/32");
    }
}
