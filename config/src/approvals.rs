//! How people hear of requests that wait for their approval. Who may approve what stands in the rule files.

use std::path::PathBuf;

use url::Url;

use crate::{
    reader::{Field, Read},
    secret::{self, Secret},
    value,
};

/// How people hear of what waits for them.
#[derive(Debug, Clone, Default)]
pub struct Approvals {
    /// Where requests and decisions are posted to.
    pub webhook: Option<Webhook>,
}

/// A receiver of requests and decisions: a chat, or something of one's own.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its URL.
    pub url: Url,
    /// The key that signs each delivery.
    pub secret: Secret,
    /// A PEM file of CAs that are trusted for it besides the usual ones; it was readable at load.
    pub ca: Option<PathBuf>,
}

impl Approvals {
    pub(crate) fn read(field: &Field<'_>) -> Read<Self> {
        field.table("a mapping such as { webhook: { url: …, secret: … } }", |approvals| {
            Ok(Self { webhook: approvals.present("webhook", Webhook::read).transpose()? })
        })
    }
}

impl Webhook {
    fn read(field: &Field<'_>) -> Read<Self> {
        field.table("a mapping with the keys url and secret", |webhook| {
            let url = webhook.required("url", value::https_url);
            let secret = webhook.required("secret", secret::read);
            Ok(Self { ca: webhook.optional("ca", value::readable_file), url: url?, secret: secret? })
        })
    }
}
