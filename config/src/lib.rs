//! Settings and rule documents: text in, checked values out.
//!
//! [`Config::load`] reads `bastion.yaml` and what it refers to (rule files, secrets),
//! and reports everything that is wrong at once, each with its place
//! ([`ConfigErrors`]). No value of a [`Config`] needs to be checked again, save
//! that a file may be gone by the time it is used.
//!
//! In reading order: [`name`] and [`address`] (the words), [`listen`], [`identity`],
//! [`target`], [`cluster`], [`sessions`], [`recording`], [`store`], [`instances`], [`audit`], [`telemetry`], [`approvals`],
//! [`revoked_keys`] (the sections), [`rules`] (the rule files), [`secret`]; then `yaml`, `reader` and `value`, which
//! read them, and [`error`].
//!
//! **Architecture invariant:** this crate knows no network and no rules' meaning.

use std::path::{Path, PathBuf};

use url::Url;

pub mod address;
pub mod approvals;
pub mod audit;
pub mod cluster;
pub mod error;
pub mod identity;
pub mod instances;
pub mod listen;
pub mod name;
pub mod public_key;
mod reader;
pub mod recording;
pub mod revoked_keys;
pub mod rules;
pub mod secret;
pub mod sessions;
pub mod store;
pub mod suggestion;
pub mod target;
pub mod telemetry;
mod value;
mod yaml;

pub use address::{HostName, HostPort};
pub use approvals::{Approvals, Webhook};
pub use audit::Audit;
pub use cluster::{Cluster, ClusterAccess, ClusterCredential};
pub use error::{ConfigError, ConfigErrors, Located, Location, Problem};
pub use identity::{Identity, Oidc};
pub use instances::Instances;
pub use listen::{Kube, Listen, Tls, Web};
pub use name::{GroupName, Login, NameError, RoleName, RuleName, TargetName, UserName};
pub use public_key::PublicKey;
pub use recording::{Recording, S3, S3Credentials, Storage};
pub use revoked_keys::RevokedKeys;
pub use rules::RuleDoc;
pub use secret::Secret;
pub use sessions::SessionLimits;
pub use store::{Postgres, PostgresHost, Store};
pub use target::{Credential, HostTrust, Target};
pub use telemetry::{LogFormat, Telemetry};

use reader::{Field, Read};

/// Everything an operator may set, with defaults filled in and paths made absolute
/// where the settings file's own path is.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of spool and database; only the bastion may read it.
    pub data_dir: PathBuf,
    /// The folder of the authorities' keys: the data folder, or one that several instances share.
    pub keys_dir: PathBuf,
    /// The bastion's own host names and addresses; the first is the one to show. Never empty.
    pub names: Vec<HostName>,
    /// Listeners and limits.
    pub listen: Listen,
    /// The web front.
    pub web: Web,
    /// The Kubernetes front.
    pub kube: Kube,
    /// Who may log in.
    pub identity: Identity,
    /// The hosts behind the bastion.
    pub targets: Vec<Target>,
    /// The Kubernetes clusters behind the bastion. Without one the Kubernetes front does not listen.
    pub clusters: Vec<Cluster>,
    /// What ends sessions.
    pub sessions: SessionLimits,
    /// Where recordings go.
    pub recording: Recording,
    /// The database.
    pub store: Store,
    /// Other bastions on it.
    pub instances: Instances,
    /// The audit log.
    pub audit: Audit,
    /// The log.
    pub telemetry: Telemetry,
    /// How people hear of what waits for them.
    pub approvals: Approvals,
    /// Keys that count for nothing, if a file of them is named.
    pub revoked_keys: Option<RevokedKeys>,
    /// The rule files, in the order in which they were named.
    pub rules: Vec<RuleDoc>,
}

impl Config {
    /// Reads the settings file at `path` and the files that it names.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let text = std::fs::read_to_string(path).map_err(|error| reader::unreadable_document(path, &error))?;
        let base_dir = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, base_dir, &path.display().to_string())
    }

    /// Reads settings from `text`; the paths in it start at `base_dir`. `file` is
    /// the name that errors show.
    pub fn parse(text: &str, base_dir: &Path, file: &str) -> Result<Self, ConfigErrors> {
        let rule_errors = std::cell::RefCell::new(None::<ConfigErrors>);
        let config = reader::document(text, base_dir, file, |document| {
            Self::read(document, |errors| {
                rule_errors.borrow_mut().get_or_insert_with(|| ConfigErrors::of_file(Vec::new())).append(errors);
            })
        });
        match (config, rule_errors.into_inner()) {
            (Ok(config), None) => Ok(config),
            (Ok(_), Some(errors)) | (Err(errors), None) => Err(errors),
            (Err(mut errors), Some(rule_errors)) => {
                errors.append(rule_errors);
                Err(errors)
            }
        }
    }

    /// Reads the document; the errors inside rule files go to `rule_errors`.
    fn read(document: &Field<'_>, rule_errors: impl Fn(ConfigErrors)) -> Read<Self> {
        document.table("settings: a mapping with the keys identity, targets, recording and rules", |settings| {
            let data_dir = settings.or("data_dir", PathBuf::from("/var/lib/bastion"), value::path);
            let keys_dir = settings.or("keys_dir", data_dir.clone(), value::path);
            let names = settings.present("names", read_names).transpose();
            let listen = settings.required("listen", Listen::read);
            let web = settings.required("web", |web| {
                let names = names.as_ref().ok().and_then(Option::as_deref);
                Web::read(web, || default_url(names, listen.as_ref().ok()))
            });
            let kube = settings.required("kube", |kube| {
                let names = names.as_ref().ok().and_then(Option::as_deref);
                let web = web.as_ref().ok().map(|web| &web.url);
                Kube::read(kube, || kube_url(names, web, listen.as_ref().ok()))
            });
            let identity = settings.required("identity", Identity::read);
            let targets = settings.required("targets", target::read_targets);
            let clusters = settings.present("clusters", cluster::read_clusters).transpose();
            let clusters = clusters.and_then(|clusters| {
                let clusters = clusters.unwrap_or_default();
                let targets = targets.as_deref().unwrap_or_default();
                match clusters.iter().find(|cluster| targets.iter().any(|target| target.name == cluster.name)) {
                    Some(cluster) => Err(settings.field("clusters").refused(format!(
                        "{:?} is the name of a target too; approvals and sessions are told apart by it",
                        cluster.name
                    ))),
                    None => Ok(clusters),
                }
            });
            let sessions = settings.required("sessions", SessionLimits::read);
            let recording = settings.required("recording", |recording| Recording::read(recording, &data_dir));
            let store = settings.or("store", Store::in_data_dir(&data_dir), Store::read);
            let instances = settings.required("instances", Instances::read);
            let audit = settings.required("audit", Audit::read);
            let telemetry = settings.required("telemetry", Telemetry::read);
            let approvals = settings.required("approvals", Approvals::read);
            let revoked_keys = settings.present("revoked_keys", RevokedKeys::read).transpose();
            let rules = settings.required("rules", |rules| {
                rules.list("a list of rule files such as [rules.yaml]", |file| read_rules(file, &rule_errors))
            });
            let (web, kube) = (web?, kube?);
            let names = names?.or_else(|| host_of(&web.url).map(|name| vec![name]));
            let own: Vec<_> =
                names.iter().flatten().cloned().chain(host_of(&web.url)).chain(host_of(&kube.url)).collect();
            let own_below = |domain: &HostName| own.iter().find(|name| is_below(name, domain));
            if let Some((domain, name)) = kube.domain.as_ref().and_then(|domain| Some((domain, own_below(domain)?))) {
                return Err(settings.field("kube").refused(format!(
                    "{name} is the bastion itself, and would be a cluster below the domain {domain}; choose another domain"
                )));
            }
            let kube = kube.with_default_domain(|domain| own_below(domain).is_none());
            Ok(Self {
                data_dir,
                keys_dir,
                names: names.ok_or_else(|| settings.field("names").expected(NAMES))?,
                listen: listen?,
                web,
                kube,
                identity: identity?,
                targets: targets?,
                clusters: clusters?,
                sessions: sessions?,
                recording: recording?,
                store,
                instances: instances?,
                audit: audit?,
                telemetry: telemetry?,
                approvals: approvals?,
                revoked_keys: revoked_keys?,
                rules: rules?.into_iter().flatten().collect(),
            })
        })
    }
}

fn read_names(field: &Field<'_>) -> Read<Vec<HostName>> {
    let names = field.list(NAMES, |name| name.parse("a host name or address", |text| text.parse().ok()))?;
    if names.is_empty() { Err(field.refused(format!("empty; expected {NAMES}"))) } else { Ok(names) }
}

/// Reads the rule file that `field` names; nothing if the errors are in that file.
fn read_rules(field: &Field<'_>, rule_errors: impl Fn(ConfigErrors)) -> Read<Option<RuleDoc>> {
    let path = value::path(field)?;
    let text = value::read_file(field, &path)?;
    Ok(RuleDoc::parse(&text, &path.display().to_string()).map_err(rule_errors).ok())
}

/// The web front's URL where the settings name none.
fn default_url(names: Option<&[HostName]>, listen: Option<&Listen>) -> Option<Url> {
    let host = names.and_then(|names| names.first()).map_or("localhost", HostName::as_str);
    let port = listen.map_or(8443, |listen| listen.web.port());
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    Url::parse(&format!("https://{host}:{port}")).ok()
}

/// The Kubernetes front's URL where the settings name none: the bastion's name, and the port that it listens on.
fn kube_url(names: Option<&[HostName]>, web: Option<&Url>, listen: Option<&Listen>) -> Option<Url> {
    let own = web.and_then(host_of);
    let host = names.and_then(|names| names.first()).or(own.as_ref()).map_or("localhost", HostName::as_str);
    let port = listen.map_or(6443, |listen| listen.kube.port());
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    Url::parse(&format!("https://{host}:{port}")).ok()
}

/// Whether a name stands right below a domain.
fn is_below(name: &HostName, domain: &HostName) -> bool {
    let name = name.as_str().to_ascii_lowercase();
    name.split_once('.').is_some_and(|(_, parent)| parent == domain.as_str())
}

fn host_of(url: &Url) -> Option<HostName> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

const NAMES: &str = "the bastion's own host names such as [bastion.example.com]";

#[cfg(test)]
mod tests;
