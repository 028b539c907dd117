//! Builds the object store from settings: a folder, or an S3-compatible service.
//!
//! Our own uploads retry for ever, so the client's retries are few: an outage
//! is seen (and reported) within seconds.

use std::{fs, io, os::unix::fs::DirBuilderExt as _, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig, aws::AmazonS3Builder, local::LocalFileSystem, path::Path,
};
use url::Url;

/// Where recordings go.
#[derive(Debug, Clone)]
pub struct StorageSettings {
    /// `file:///folder` or `s3://bucket/prefix`.
    pub url: Url,
    /// What an S3 URL cannot say; without it the usual AWS environment variables count.
    pub s3: Option<S3Settings>,
}

/// How to reach an S3-compatible service.
#[derive(Clone, Default)]
pub struct S3Settings {
    /// The service's URL, unless it is AWS.
    pub endpoint: Option<Url>,
    /// The region; `us-east-1` by default.
    pub region: Option<String>,
    /// The access key's name.
    pub access_key_id: Option<String>,
    /// The access key.
    pub secret_access_key: Option<String>,
    /// `endpoint/bucket/key` instead of `bucket.endpoint/key`.
    pub path_style: bool,
    /// Whether an endpoint without TLS is accepted.
    pub allow_http: bool,
}

impl std::fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Settings").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// An object store, and where in it the recordings are.
#[derive(Debug, Clone)]
pub struct Storage {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// What stands before `recordings/…` in each key; may be empty.
    pub prefix: Path,
}

/// Why the settings give no store.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The folder cannot be made or used.
    #[error("the folder {folder} cannot be used: {source}")]
    Folder {
        /// The folder.
        folder: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The client refused the settings.
    #[error("the object store's settings are not usable: {0}")]
    Settings(#[from] object_store::Error),
    /// The URL's path is not a valid key.
    #[error("the storage URL's path is not a valid key prefix: {0}")]
    Prefix(#[from] object_store::path::Error),
    /// The URL is of another kind.
    #[error("storage {0:?} is neither file:///folder nor s3://bucket/prefix")]
    UnknownUrl(String),
}

/// Builds the store. A folder is made if it is missing, readable by its owner only.
///
/// # Errors
///
/// When the URL is of another kind, or the settings are not usable. The service itself is not asked.
pub fn build(settings: &StorageSettings) -> Result<Storage, StorageError> {
    match settings.url.scheme() {
        "file" => folder(&settings.url),
        "s3" => s3(&settings.url, settings.s3.clone().unwrap_or_default()),
        _ => Err(StorageError::UnknownUrl(settings.url.to_string())),
    }
}

fn folder(url: &Url) -> Result<Storage, StorageError> {
    let folder = url.to_file_path().map_err(|()| StorageError::UnknownUrl(url.to_string()))?;
    let mut builder = fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|source| StorageError::Folder { folder: folder.display().to_string(), source })?;
    let store = LocalFileSystem::new_with_prefix(&folder)?.with_automatic_cleanup(true);
    Ok(Storage { store: Arc::new(store), prefix: Path::default() })
}

fn s3(url: &Url, settings: S3Settings) -> Result<Storage, StorageError> {
    let bucket = url.host_str().ok_or_else(|| StorageError::UnknownUrl(url.to_string()))?;
    let options = ClientOptions::new()
        .with_allow_http(settings.allow_http)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_timeout(REQUEST_TIMEOUT)
        .with_content_type_for_suffix("cast", "application/x-asciicast")
        .with_content_type_for_suffix("json", "application/json");
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_region(settings.region.as_deref().unwrap_or("us-east-1"))
        .with_virtual_hosted_style_request(!settings.path_style)
        .with_client_options(options)
        .with_retry(RetryConfig { backoff: BackoffConfig::default(), max_retries: 1, retry_timeout: CONNECT_TIMEOUT });
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint.as_str().trim_end_matches('/'));
    }
    if let Some(id) = settings.access_key_id {
        builder = builder.with_access_key_id(id);
    }
    if let Some(key) = settings.secret_access_key {
        builder = builder.with_secret_access_key(key);
    }
    Ok(Storage { store: Arc::new(builder.build()?), prefix: Path::from_url_path(url.path())? })
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A part of 8 MiB on a line of 2 Mbit/s.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn settings(url: &str) -> StorageSettings {
        StorageSettings { url: url.parse().unwrap(), s3: None }
    }

    #[test]
    fn a_folder_is_made_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/recordings");
        build(&settings(&format!("file://{}", folder.display()))).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn an_s3_url_gives_bucket_and_prefix() {
        let storage = build(&settings("s3://bucket/some/prefix/")).unwrap();
        assert_eq!(storage.prefix.as_ref(), "some/prefix");
        assert!(storage.store.to_string().contains("bucket"), "{}", storage.store);
    }

    #[test]
    fn other_urls_are_refused() {
        for url in ["gs://bucket", "https://example.com", "s3:///prefix", "file://host/folder"] {
            assert!(build(&settings(url)).is_err(), "{url}");
        }
    }

    #[test]
    fn the_access_key_is_not_in_debug_output() {
        let s3 = S3Settings { secret_access_key: Some("very secret".into()), ..S3Settings::default() };
        assert!(!format!("{s3:?}").contains("very secret"));
    }
}
