//! Which object store, and how to open it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use super::error::StoreError;

/// How long the other side may stay silent within a request, the sending of its body included: a pack of 64 MiB at
/// some 5 Mbit/s. The whole of a request has no limit: a body is read as slowly as whoever asked for it takes it.
const READ_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// After this time a request that failed is not repeated; the caller learns of it.
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);

/// How often a request that failed is repeated at most.
const RETRIES_MAX: usize = 6;

/// Where the store keeps its objects.
#[derive(Clone, Debug)]
pub enum StoreConfig {
    /// A folder of this machine, made when it is not there.
    Folder { path: PathBuf },
    /// The memory of this process: for tests and trials.
    Memory,
    /// A bucket of any S3-compatible store.
    S3(S3Config),
    /// A container of Azure Blob Storage.
    Azure(UrlConfig),
    /// A bucket of Google Cloud Storage.
    Gcs(UrlConfig),
}

/// How to reach a bucket of an S3-compatible store.
#[derive(Clone, Default)]
pub struct S3Config {
    /// Such as `https://s3.example.org`; `None` for AWS itself.
    pub endpoint: Option<String>,
    pub bucket: String,
    /// Must be the one that the server has: it is part of every signature.
    pub region: String,
    /// `None`: from the environment or the machine's role.
    pub access_key: Option<String>,
    pub secret_key: Option<String>,
    /// Put before every key; empty for none.
    pub prefix: String,
    /// Allows an endpoint without TLS.
    pub allow_http: bool,
    /// Addresses buckets as `bucket.host` and not as `host/bucket`.
    pub virtual_hosted_style: bool,
}

/// How to reach a container or bucket that a URL names, such as `azure://container` or `gs://bucket`.
#[derive(Clone, Default)]
pub struct UrlConfig {
    pub url: String,
    /// Put before every key; empty for none.
    pub prefix: String,
    /// The backend's own settings by name, such as `azure_storage_account_key`.
    pub options: Vec<(String, String)>,
}

impl fmt::Debug for S3Config {
    /// Leaves the keys out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, bucket, region, prefix, .. } = self;
        write!(f, "S3Config({endpoint:?}, bucket {bucket:?}, region {region:?}, prefix {prefix:?})")
    }
}

impl fmt::Debug for UrlConfig {
    /// Leaves the options out: keys are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UrlConfig({:?}, prefix {:?})", self.url, self.prefix)
    }
}

/// Opens the client of an S3-compatible store. Nothing is asked of the server yet.
pub(super) fn s3(config: S3Config) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let keys_given = config.access_key.is_some();
    let mut builder = if keys_given { AmazonS3Builder::new() } else { AmazonS3Builder::from_env() };
    builder = builder
        .with_bucket_name(config.bucket)
        .with_region(config.region)
        .with_virtual_hosted_style_request(config.virtual_hosted_style)
        .with_client_options(client_options(config.allow_http))
        .with_allow_http(config.allow_http)
        .with_disable_bulk_delete(true) // not every server has it, and packs are deleted one by one
        .with_retry(retry());
    if let Some(endpoint) = config.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(key) = config.access_key {
        builder = builder.with_access_key_id(key);
    }
    if let Some(secret) = config.secret_key {
        builder = builder.with_secret_access_key(secret);
    }
    prefixed(builder.build().map_err(misconfigured)?, config.prefix)
}

/// Opens the client of Azure Blob Storage.
pub(super) fn azure(config: UrlConfig) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let mut builder = MicrosoftAzureBuilder::new()
        .with_url(config.url)
        .with_client_options(client_options(false))
        .with_retry(retry());
    for (name, value) in config.options {
        builder = builder.with_config(option(&name)?, value);
    }
    prefixed(builder.build().map_err(misconfigured)?, config.prefix)
}

/// Opens the client of Google Cloud Storage.
pub(super) fn gcs(config: UrlConfig) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_url(config.url)
        .with_client_options(client_options(false))
        .with_retry(retry());
    for (name, value) in config.options {
        builder = builder.with_config(option(&name)?, value);
    }
    prefixed(builder.build().map_err(misconfigured)?, config.prefix)
}

fn prefixed(store: impl ObjectStore, prefix: String) -> Result<Arc<dyn ObjectStore>, StoreError> {
    Ok(if prefix.is_empty() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, prefix)) })
}

fn option<K: FromStr<Err = object_store::Error>>(name: &str) -> Result<K, StoreError> {
    name.parse().map_err(misconfigured)
}

fn misconfigured(error: object_store::Error) -> StoreError {
    StoreError::Misconfigured(error.to_string())
}

fn client_options(allow_http: bool) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(allow_http)
        .with_timeout_disabled()
        .with_read_timeout(READ_TIMEOUT)
        .with_connect_timeout(CONNECT_TIMEOUT)
}

fn retry() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(3),
        ..BackoffConfig::default()
    };
    RetryConfig { backoff, max_retries: RETRIES_MAX, retry_timeout: RETRY_TIMEOUT }
}
