//! Where recordings go, and the spool they pass through.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use url::Url;

use crate::{
    reader::{Field, Read, Table},
    secret::{self, Secret},
    value,
};

/// Where recordings go.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The object store.
    pub storage: Storage,
    /// The folder that holds what is not uploaded yet.
    pub spool: PathBuf,
    /// Most bytes in the spool; sessions that must be recorded stop when it is full.
    pub spool_limit: u64,
    /// How many bytes of the spool's disk stay free: below it nothing more is recorded.
    pub free_space_floor: u64,
    /// How often a running session is uploaded.
    pub upload_interval: Duration,
}

/// An object store.
#[derive(Debug, Clone)]
pub enum Storage {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket of S3 or of a store that speaks its protocol.
    S3(S3),
}

/// A bucket and how to reach it.
#[derive(Debug, Clone)]
pub struct S3 {
    /// The bucket.
    pub bucket: String,
    /// The prefix of every object key, without slashes at its ends; may be empty.
    pub prefix: String,
    /// The store's URL; AWS where there is none.
    pub endpoint: Option<Url>,
    /// The region.
    pub region: String,
    /// The access key; without one the machine's own role is used.
    pub credentials: Option<S3Credentials>,
    /// Whether the bucket stands in the path of the URL and not in its host name.
    pub path_style: bool,
    /// Whether an endpoint without TLS is acceptable.
    pub allow_http: bool,
}

/// An access key.
#[derive(Debug, Clone)]
pub struct S3Credentials {
    /// Its id.
    pub access_key_id: Secret,
    /// Its secret.
    pub secret_access_key: Secret,
}

impl Recording {
    pub(crate) fn read(field: &Field<'_>, data_dir: &Path) -> Read<Self> {
        field.table("a mapping with the key storage", |recording| {
            let storage = Storage::read(recording);
            let interval = value::duration(Duration::from_millis(100)..=Duration::from_secs(60));
            Ok(Self {
                spool: recording.or("spool", data_dir.join("spool"), value::path),
                spool_limit: recording.or("spool_limit", 10 << 30, value::size),
                free_space_floor: recording.or("free_space_floor", 512 << 20, value::size),
                upload_interval: recording.or("upload_interval", Duration::from_secs(1), interval),
                storage: storage?,
            })
        })
    }
}

impl Storage {
    /// Reads `storage`, and `s3` beside it.
    fn read(recording: &Table<'_, '_>) -> Read<Self> {
        let url = recording.required("storage", |storage| {
            let url = storage.parse(EXPECTED, |text| Url::parse(text).ok())?;
            match url.scheme() {
                "file" if url.to_file_path().is_ok() => Ok(url),
                "s3" if is_bucket(&url) => Ok(url),
                _ => Err(storage.expected(EXPECTED)),
            }
        });
        let s3 = recording.required("s3", |s3| match &url {
            Ok(url) if url.scheme() == "file" && !s3.is_missing() => {
                Err(s3.refused("only of use with storage: s3://…"))
            }
            _ => S3::read(s3, url.as_ref().ok()),
        });
        let url = url?;
        match url.to_file_path() {
            Ok(folder) if url.scheme() == "file" => Ok(Self::Folder(folder)),
            _ => s3.map(Self::S3),
        }
    }
}

impl S3 {
    fn read(field: &Field<'_>, storage: Option<&Url>) -> Read<Self> {
        let endpoint_of = |f: &Field<'_>| {
            f.parse("a URL such as https://s3.example.com", |text| {
                Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
            })
        };
        field.table("a mapping such as { endpoint: https://s3.example.com, region: eu-1 }", |s3| {
            let allow_http = s3.or("allow_http", false, Field::boolean);
            let endpoint = s3.optional("endpoint", |f| match endpoint_of(f)? {
                url if url.scheme() == "http" && !allow_http => {
                    Err(f.refused("recordings would cross the network without TLS; use https or set allow_http: true"))
                }
                url => Ok(url),
            });
            let id = s3.present("access_key_id", secret::read);
            let secret = s3.present("secret_access_key", secret::read);
            let credentials = match (id, secret) {
                (None, None) => Ok(None),
                (Some(id), Some(secret)) => {
                    id.and_then(|access_key_id| Ok(Some(S3Credentials { access_key_id, secret_access_key: secret? })))
                }
                _ => Err(field.refused("access_key_id and secret_access_key are only of use together")),
            };
            Ok(Self {
                bucket: storage.and_then(Url::host_str).unwrap_or_default().to_owned(),
                prefix: storage.map_or("", Url::path).trim_matches('/').to_owned(),
                endpoint,
                region: s3.or("region", "us-east-1".to_owned(), value::line("a region such as eu-central-1")),
                path_style: s3.or("path_style", false, Field::boolean),
                allow_http,
                credentials: credentials?,
            })
        })
    }
}

/// A bucket and a prefix, and nothing else that a URL may have: it would be passed over in silence.
fn is_bucket(url: &Url) -> bool {
    url.host_str().is_some_and(|bucket| !bucket.is_empty())
        && url.username().is_empty()
        && url.port().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

const EXPECTED: &str = "file:///FOLDER or s3://BUCKET/PREFIX";
