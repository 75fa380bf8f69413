//! Where the server is and who we are: from flags, then the environment, then the file that `shelfmark login`
//! writes. A token from the file is only ever sent to the server it was stored for.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::cli::problem::WrongUse;

/// Options that every command has.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ConnectionArgs {
    /// The server, such as http://127.0.0.1:8080
    #[arg(long, global = true, env = "SHELFMARK_URL", hide_env_values = true, help_heading = "Connection")]
    pub url: Option<String>,
    /// The token that says who you are
    #[arg(long, global = true, env = "SHELFMARK_TOKEN", hide_env_values = true, help_heading = "Connection")]
    pub token: Option<String>,
    /// The project to work in
    #[arg(long, global = true, env = "SHELFMARK_PROJECT", hide_env_values = true, help_heading = "Connection")]
    pub project: Option<String>,
    /// Print the server's JSON instead of text
    #[arg(long, global = true, help_heading = "Connection")]
    pub json: bool,
}

/// What `shelfmark login` keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    pub url: String,
    pub token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

/// A server and what to tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    pub url: String,
    pub token: Option<String>,
    pub project: Option<String>,
}

impl Connection {
    /// Combines what was said (flags and environment) with what is stored.
    ///
    /// # Errors
    /// `WrongUse` when no server is named at all, or its address is none.
    pub fn resolve(args: &ConnectionArgs, stored: Option<Credentials>) -> anyhow::Result<Self> {
        let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let stored_url = stored.as_ref().map(|file| file.url.clone());
        let url = said(&args.url).or(stored_url).ok_or_else(|| {
            let detail = "no server is named; give --url, set SHELFMARK_URL, or run `shelfmark login`";
            WrongUse(detail.to_owned())
        })?;
        let url = checked_url(&url)?;
        let ours = stored.filter(|file| file.url.trim_end_matches('/') == url);
        let (file_token, file_project) = ours.map(|file| (file.token, file.project)).unzip();
        let token = said(&args.token).or(file_token);
        let project = said(&args.project).or(file_project.flatten());
        Ok(Self { url, token, project })
    }
}

fn checked_url(text: &str) -> Result<String, WrongUse> {
    let parsed = reqwest::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    match parsed {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err(WrongUse(format!("{text:?} is not the address of a server; write it as http://127.0.0.1:8080"))),
    }
}

/// The file of stored credentials; `None` where neither `XDG_CONFIG_HOME` nor `HOME` is set.
pub fn file() -> Option<PathBuf> {
    Some(base_folder("XDG_CONFIG_HOME", ".config")?.join("credentials.json"))
}

/// This program's folder below an XDG base folder.
pub fn base_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = named.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(below_home)))?;
    Some(base.join("shelfmark"))
}

/// Reads stored credentials; `None` when there are none.
///
/// # Errors
/// When the file is there but cannot be read or understood.
pub fn load(file: &Path) -> anyhow::Result<Option<Credentials>> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
    };
    let wrong = || format!("{} is damaged; run `shelfmark login` again or delete it", file.display());
    serde_json::from_slice(&text).map(Some).with_context(wrong)
}

/// Stores credentials so that only their owner can read them, replacing what was there at once.
///
/// # Errors
/// When the folder or file cannot be written.
pub fn store(file: &Path, credentials: &Credentials) -> anyhow::Result<()> {
    let failed = || format!("{} cannot be written", file.display());
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    let draft = file.with_extension("json.new");
    let mut open = fs::OpenOptions::new();
    let mut target = open.write(true).create(true).truncate(true).mode(0o600).open(&draft).with_context(failed)?;
    target.set_permissions(fs::Permissions::from_mode(0o600)).with_context(failed)?; // a draft left by a crash
    target.write_all(&serde_json::to_vec_pretty(credentials)?).with_context(failed)?;
    fs::rename(&draft, file).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Credentials {
        Credentials { url: "http://a:1".into(), token: "smt_file".into(), project: Some("site".into()) }
    }

    #[test]
    fn what_is_said_wins_over_what_is_stored() {
        let args = ConnectionArgs { token: Some("smt_said".into()), project: Some("".into()), ..Default::default() };
        let found = Connection::resolve(&args, Some(stored())).unwrap();
        assert_eq!(found.url, "http://a:1");
        assert_eq!(found.token.as_deref(), Some("smt_said"));
        assert_eq!(found.project.as_deref(), Some("site"));
    }

    #[test]
    fn a_stored_token_is_not_sent_to_another_server() {
        let args = ConnectionArgs { url: Some("http://b:1".into()), ..Default::default() };
        assert_eq!(Connection::resolve(&args, Some(stored())).unwrap().token, None);
        let same = ConnectionArgs { url: Some("http://a:1/".into()), ..Default::default() };
        assert_eq!(Connection::resolve(&same, Some(stored())).unwrap().token.as_deref(), Some("smt_file"));
    }

    #[test]
    fn no_server_or_a_wrong_address_is_wrong_use() {
        for url in [None, Some("localhost:8080"), Some("ftp://a"), Some("")] {
            let args = ConnectionArgs { url: url.map(str::to_owned), ..Default::default() };
            assert!(Connection::resolve(&args, None).unwrap_err().is::<WrongUse>(), "{url:?}");
        }
    }

    #[test]
    fn stored_credentials_are_read_back_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shelfmark/credentials.json");
        assert_eq!(load(&file).unwrap(), None);
        store(&file, &stored()).unwrap();
        assert_eq!(load(&file).unwrap(), Some(stored()));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&file, "{").unwrap();
        assert!(load(&file).is_err());
    }
}
