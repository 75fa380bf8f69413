//! Settings: the defaults, then a file, then `SHELFMARK_*` variables. Whatever is unknown or wrong is refused with its
//! name and what would be right.

mod check;
mod notifications;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use figment::value::Value;
use serde::Deserialize;

pub use notifications::{EventsConfig, MailConfig, MailTls, WebhooksConfig};

const DEFAULTS: &str = include_str!("../config/default.toml");
const PREFIX: &str = "SHELFMARK_";

/// Variables with the prefix that aren't settings: those of the command line, the first start, and the scripts.
const OTHER_VARIABLES: [&str; 7] = ["URL", "TOKEN", "PROJECT", "BOOTSTRAP_TOKEN", "BIN", "SAMPLES", "BENCH_DIR"];
const TEST_PREFIX: &str = "TEST_";

/// All settings; `config/default.toml` explains each.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: ServerConfig,
    pub data: DataConfig,
    pub database: DatabaseConfig,
    pub store: StoreSettings,
    pub limits: LimitsConfig,
    pub delivery: DeliveryConfig,
    pub auth: AuthConfig,
    pub gc: GcConfig,
    pub jobs: JobsConfig,
    pub webhooks: WebhooksConfig,
    pub events: EventsConfig,
    pub mail: MailConfig,
    pub outbound: OutboundConfig,
    pub log: LogConfig,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    pub listen: std::net::SocketAddr,
    pub public_url: String,
    pub workers: usize,
    pub shutdown_seconds: u64,
    pub header_seconds: u64,
    pub idle_seconds: u64,
    pub connections_max: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    pub folder: PathBuf,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    pub url: String,
    pub connections_max: u32,
}

/// Which object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    Folder,
    S3,
    Azure,
    Gcs,
    Memory,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    pub kind: StoreKind,
    pub endpoint: String,
    pub bucket: String,
    pub region: String,
    pub access_key: String,
    pub secret_key: String,
    pub url: String,
    pub prefix: String,
    pub allow_http: bool,
    pub pack_mib: usize,
    pub pack_memory_mib: usize,
    pub grace_hours: f64,
    pub readers_seconds: f64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    pub content_gib: f64,
    pub batch_gib: f64,
    pub batch_entries: usize,
    pub json_kib: usize,
    pub lines: usize,
    pub text_bytes: usize,
    pub parameter_bytes: usize,
    pub waiver_days: i64,
    pub schedule_days: i64,
    pub environments: usize,
    pub reference_kib: u64,
    pub references: usize,
    pub declared_references: usize,
    pub pending_references: u32,
    pub searches: usize,
    pub work_versions: usize,
    pub notes_lines: usize,
    pub notes_bytes: usize,
    pub evidence_mib: u64,
    pub page: u32,
    pub page_max: u32,
    pub assets_page_max: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryConfig {
    pub max_age_seconds: u32,
    pub stale_while_revalidate_seconds: u32,
    pub memory_content_kib: u64,
    pub memory_contents_mib: u64,
    pub memory_nodes_mib: u64,
    pub ranges_max: usize,
    pub published_search_max: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    pub token_memory_seconds: f64,
    pub idempotency_hours: f64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GcConfig {
    pub compact_below: f64,
    pub compact_mib: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobsConfig {
    pub collect_every_hours: f64,
    pub references_every_seconds: f64,
    pub look_every_seconds: f64,
    pub lease_seconds: f64,
    pub schedule_deadline_minutes: f64,
    pub refused_seconds: f64,
    pub verify_again_seconds: f64,
}

/// Requests that the service itself sends to addresses that people configure.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboundConfig {
    pub connect_seconds: f64,
    pub request_seconds: f64,
    pub ports: Vec<u16>,
    pub allow_private: bool,
    pub allow_hosts: Vec<String>,
    pub answer_kib: usize,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    pub level: String,
    pub format: LogFormat,
}

// What holds credentials shows none of it, wherever it is logged.
impl std::fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseConfig").field("is_postgres", &!self.url.is_empty()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreSettings").field("kind", &self.kind).field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidConfig {
    #[error("{origin}: there is no setting {key}{hint}")]
    Unknown { origin: String, key: String, hint: String },
    #[error("{origin}: {key} can't be used: {why}")]
    Wrong { origin: String, key: String, why: String },
    #[error("the settings file {0} can't be read: {1}")]
    Unreadable(PathBuf, std::io::Error),
    #[error("{0}")]
    Syntax(String),
}

impl Config {
    /// Reads the defaults, the file if one is given, and the environment's variables.
    ///
    /// # Errors
    /// The first setting that is unknown or wrong.
    pub fn load(file: Option<&Path>) -> Result<Self, InvalidConfig> {
        Self::load_with(file, std::env::vars().collect())
    }

    fn load_with(file: Option<&Path>, variables: Vec<(String, String)>) -> Result<Self, InvalidConfig> {
        let known = known_keys()?;
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if let Some(file) = file {
            let text = std::fs::read_to_string(file).map_err(|e| InvalidConfig::Unreadable(file.to_owned(), e))?;
            check_keys(&file.display().to_string(), &keys_of(&text, &file.display().to_string())?, &known)?;
            figment = figment.merge(Toml::string(&text));
        }
        let mut by_variable = BTreeMap::new();
        for (name, _) in variables.iter().filter(|(name, _)| is_setting(name)) {
            let key = known.iter().find(|key| variable(key) == *name);
            let key = key.ok_or_else(|| unknown("environment", name, known.iter().map(|key| variable(key))))?;
            by_variable.insert(name.to_ascii_lowercase(), key.clone());
        }
        let env = Env::raw()
            .filter(move |name| by_variable.contains_key(&name.as_str().to_ascii_lowercase()))
            .map(move |name| {
                let key = known.iter().find(|key| variable(key).eq_ignore_ascii_case(name.as_str()));
                key.map_or_else(|| name.as_str().to_owned().into(), |key| key.clone().into())
            })
            .split(".");
        let config: Self = figment.merge(env).extract().map_err(wrong)?;
        config.check()?;
        Ok(config)
    }
}

fn is_setting(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| !OTHER_VARIABLES.contains(&rest) && !rest.starts_with(TEST_PREFIX))
}

/// The variable of a key: `server.listen` is `SHELFMARK_SERVER_LISTEN`.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_ascii_uppercase())
}

fn known_keys() -> Result<Vec<String>, InvalidConfig> {
    keys_of(DEFAULTS, "the defaults")
}

/// All keys of a TOML text, in dotted form.
fn keys_of(text: &str, origin: &str) -> Result<Vec<String>, InvalidConfig> {
    let value: BTreeMap<String, Value> = Figment::from(Toml::string(text))
        .extract()
        .map_err(|error| InvalidConfig::Syntax(format!("{origin}: {error}")))?;
    let mut keys = Vec::new();
    for (name, value) in &value {
        collect(name.clone(), value, &mut keys);
    }
    Ok(keys)
}

fn collect(name: String, value: &Value, keys: &mut Vec<String>) {
    match value.as_dict() {
        Some(dict) => dict.iter().for_each(|(key, value)| collect(format!("{name}.{key}"), value, keys)),
        None => keys.push(name),
    }
}

fn check_keys(origin: &str, keys: &[String], known: &[String]) -> Result<(), InvalidConfig> {
    match keys.iter().find(|key| !known.contains(key)) {
        Some(key) => Err(unknown(origin, key, known.iter().cloned())),
        None => Ok(()),
    }
}

fn unknown(origin: &str, key: &str, known: impl Iterator<Item = String>) -> InvalidConfig {
    let nearest = known.map(|name| (strsim::damerau_levenshtein(key, &name), name)).min();
    let hint = match nearest {
        Some((distance, name)) if distance <= 4 => format!("; did you mean {name}?"),
        _ => "; config/default.toml lists all".to_owned(),
    };
    InvalidConfig::Unknown { origin: origin.to_owned(), key: key.to_owned(), hint }
}

fn wrong(error: figment::Error) -> InvalidConfig {
    let origin = error.metadata.as_ref().map_or_else(|| "settings".to_owned(), |metadata| metadata.name.to_string());
    InvalidConfig::Wrong { origin, key: error.path.join("."), why: error.kind.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, InvalidConfig> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.toml");
        std::fs::write(&file, text).unwrap();
        Config::load_with(Some(&file), variables.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect())
    }

    #[test]
    fn the_defaults_are_settings() {
        let config = load("", &[]).unwrap();
        assert_eq!(config.server.listen.port(), 8080);
        assert_eq!(config.limits.content_gib, 5120.0);
    }

    #[test]
    fn a_file_changes_what_it_names() {
        let config = load("[limits]\npage = 7\n", &[("SHELFMARK_URL", "x"), ("SHELFMARK_TEST_S3", "y")]).unwrap();
        assert_eq!((config.limits.page, config.limits.page_max), (7, 1000));
    }

    #[test]
    fn what_is_unknown_or_wrong_is_named_with_what_would_be_right() {
        let sentence = |text, variables: &[(&str, &str)]| load(text, variables).unwrap_err().to_string();
        let said = sentence("[server]\nlissten = \"127.0.0.1:1\"\n", &[]);
        assert!(said.contains("no setting server.lissten; did you mean server.listen?"), "{said}");
        let said = sentence("", &[("SHELFMARK_SERVER_LISTN", "x")]);
        assert!(said.contains("SHELFMARK_SERVER_LISTN; did you mean SHELFMARK_SERVER_LISTEN?"), "{said}");
        let said = sentence("[server]\nworkers = \"many\"\n", &[]);
        assert!(said.contains("server.workers can't be used"), "{said}");
        let said = sentence("[store]\nkind = \"s3\"\n", &[]);
        assert!(said.contains("store.bucket can't be used: name the bucket"), "{said}");
        let said = sentence("[database]\nurl = \"mysql://x\"\n", &[]);
        assert!(said.contains("database.url"), "{said}");
        assert!(sentence("[server\n", &[]).contains("c.toml"));
    }
}
