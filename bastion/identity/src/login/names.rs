//! Under which name somebody goes here.
//!
//! An issuer may let people change what it calls them, and give the same name twice. So a name is bound to the first
//! person (issuer and subject) who logs in with it: rights that rules give to it, the account of the same name, and
//! what a cluster allows it stay theirs. Whoever comes later with a bound name goes by one that is theirs alone, the
//! name with a part of a hash of who they are; whoever is renamed keeps the names that they had, so that nobody else
//! gets them. An operator can release a name.

use std::net::IpAddr;

use config::UserName;
use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use ledger::{
    audit::AuditEvent,
    store::{NameBinding, NameRecord},
};
use policy::{Subject, approval::Person};

use super::{Login, LoginError, LoginService};
use crate::token::sha256;

impl LoginService {
    /// Gives the subject the name that it goes by. Returns what the issuer calls it, where that is somebody else's.
    pub(super) async fn name(
        &self,
        subject: &mut Subject,
        source: IpAddr,
        now: Timestamp,
    ) -> Result<Option<UserName>, LoginError> {
        let person = Person::of(subject);
        let hash = hash(&person);
        let others = DIGITS.iter().filter_map(|digits| own_name(&subject.name, hash.get(..*digits)?));
        let names: Vec<UserName> = [subject.name.clone()].into_iter().chain(others).collect();
        for name in names {
            if self.binds(&name, &person, source, now).await? {
                let claimed = std::mem::replace(&mut subject.name, name);
                return Ok(Some(claimed).filter(|claimed| *claimed != subject.name));
            }
        }
        Err(LoginError::NoName(subject.name.clone()))
    }

    /// Whether the name is this person's, now at the latest.
    async fn binds(
        &self,
        name: &UserName,
        person: &Person,
        source: IpAddr,
        now: Timestamp,
    ) -> Result<bool, LoginError> {
        let wanted = NameRecord { name: name.clone(), person: person.clone(), bound_at: now };
        let event = AuditEvent::NameBound {
            user: name.clone(),
            issuer: person.issuer.clone(),
            subject: person.id.clone(),
            source: source.to_string(),
        };
        match self.store.bind_name(&wanted, MOST_NAMES, &[event]).await? {
            NameBinding::Bound | NameBinding::Own => Ok(true),
            NameBinding::Taken => Ok(false),
            NameBinding::TooMany => Err(LoginError::TooManyNames { limit: MOST_NAMES }),
        }
    }

    /// Makes a name nobody's: it will be that of the next who logs in with it. The logins of whoever had it end.
    /// `None` if it was nobody's.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn release_name(
        &self,
        name: &UserName,
        by: &Login,
        source: IpAddr,
        now: Timestamp,
    ) -> Result<Option<NameRecord>, LoginError> {
        let Some(record) = self.store.name(name).await? else { return Ok(None) };
        let event = AuditEvent::NameReleased {
            user: by.subject().name.clone(),
            name: name.clone(),
            issuer: record.person.issuer.clone(),
            subject: record.person.id.clone(),
            source: source.to_string(),
        };
        let ended = self.store.release_name(&record, now, &[event]).await?;
        for (token, ends) in ended {
            self.ended.add(token, ends, now);
        }
        Ok(Some(record))
    }
}

/// Letters and digits that stand for a person.
fn hash(person: &Person) -> String {
    // The length keeps what belongs to the issuer apart from what belongs to the subject.
    let text = format!("{} {}{}", person.issuer.len(), person.issuer, person.id);
    BASE32_NOPAD.encode(&sha256(text.as_bytes())).to_ascii_lowercase()
}

/// `bob+2xk4q7mz`: no account of a host can have it, and no name of a certificate can be taken for another.
fn own_name(claimed: &UserName, digits: &str) -> Option<UserName> {
    let head = claimed.as_str().get(..claimed.as_str().len().min(MAX_HEAD_BYTES))?;
    format!("{head}+{digits}").parse().ok()
}

/// How many digits of the hash a name takes: 40 bits, and all of them if somebody else has that name.
const DIGITS: [usize; 2] = [8, 52];

/// What fits before the digits: a name has at most 253 bytes.
const MAX_HEAD_BYTES: usize = 200;

/// People marry and companies merge; who changes their name more often than this takes names from others.
const MOST_NAMES: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_ones_own_depends_on_issuer_and_subject() {
        let person = |issuer: &str, id: &str| Person { issuer: issuer.into(), id: id.into() };
        let one = hash(&person("https://a", "bc"));
        assert_eq!(one.len(), 52);
        for other in
            [person("https://ab", "c"), person("https://a", "bd"), person("https://", "abc"), person("https://b", "bc")]
        {
            assert_ne!(hash(&other), one, "{other:?}");
        }
        let name = own_name(&"bob".parse().unwrap(), one.get(..8).unwrap()).unwrap();
        assert!(name.as_str().starts_with("bob+") && name.as_str().parse::<config::Login>().is_err(), "{name}");
        let long: UserName = "b".repeat(253).parse().unwrap();
        assert!(own_name(&long, &one).is_some_and(|name| name.as_str().ends_with(&one)));
    }
}
