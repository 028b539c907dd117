//! Who may log in, through which issuer, and for how long.

use std::{path::PathBuf, time::Duration};

use crate::{
    reader::{Field, Read},
    secret::{self, Secret},
    value,
};

/// The issuer, and the lifetimes of what the bastion issues.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The OpenID Connect issuer.
    pub oidc: Oidc,
    /// How long a login lasts.
    pub login_lifetime: Duration,
    /// How long a certificate lasts; it never outlasts the login.
    pub certificate_lifetime: Duration,
}

/// The OpenID Connect issuer and the bastion's registration there.
#[derive(Debug, Clone)]
pub struct Oidc {
    /// The issuer's URL exactly as written: `iss` and the discovery document
    /// are compared with it character by character (OpenID Connect Discovery 1.0 §4.3).
    pub issuer: String,
    /// The client id of the bastion at the issuer.
    pub client_id: String,
    /// The client's secret; a public client has none.
    pub client_secret: Option<Secret>,
    /// The scopes that are asked for.
    pub scopes: Vec<String>,
    /// The claim that becomes the user name.
    pub username_claim: String,
    /// Whether the issuer alone gives these names: where one is an address, it counts as a verified one.
    pub username_is_verified: bool,
    /// The claim that lists the groups.
    pub groups_claim: String,
    /// A PEM file of CAs that are trusted for the issuer besides the usual ones; it was readable at load.
    pub ca: Option<PathBuf>,
}

impl Identity {
    pub(crate) fn read(field: &Field<'_>) -> Read<Self> {
        let lifetime = |to| value::duration(MINUTE..=to);
        field.table("a mapping with the key oidc", |identity| {
            let oidc = identity.required("oidc", Oidc::read);
            Ok(Self {
                login_lifetime: identity.or("login_lifetime", 12 * HOUR, lifetime(30 * DAY)),
                certificate_lifetime: identity.or("certificate_lifetime", 10 * MINUTE, lifetime(DAY)),
                oidc: oidc?,
            })
        })
    }
}

impl Oidc {
    fn read(field: &Field<'_>) -> Read<Self> {
        field.table("a mapping with the keys issuer and client_id", |oidc| {
            let issuer = oidc.required("issuer", |f| {
                value::https_url(f)?;
                Ok(f.text("a URL")?.to_owned())
            });
            let client_id = oidc.required("client_id", value::line("the bastion's client id at the issuer"));
            Ok(Self {
                client_secret: oidc.optional("client_secret", secret::read),
                scopes: oidc.or("scopes", SCOPES.map(str::to_owned).into(), scopes),
                username_claim: oidc.or("username_claim", "preferred_username".to_owned(), claim),
                username_is_verified: oidc.or("username_is_verified", false, Field::boolean),
                groups_claim: oidc.or("groups_claim", "groups".to_owned(), claim),
                ca: oidc.optional("ca", value::readable_file),
                issuer: issuer?,
                client_id: client_id?,
            })
        })
    }
}

fn claim(field: &Field<'_>) -> Read<String> {
    value::line("the name of a claim such as groups")(field)
}

fn scopes(field: &Field<'_>) -> Read<Vec<String>> {
    const EXPECTED: &str = "a list of scopes such as [openid, profile]";
    let scopes = field.list(EXPECTED, |scope| {
        scope.parse("a scope such as openid", |text| {
            (!text.is_empty() && text.chars().all(|c| c.is_ascii_graphic())).then(|| text.to_owned())
        })
    })?;
    if scopes.iter().any(|scope| scope == "openid") {
        return Ok(scopes);
    }
    Err(field.refused("the scope openid is missing; without it the issuer sends no ID token"))
}

const SCOPES: [&str; 4] = ["openid", "profile", "email", "groups"];
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
