//! `shelfmark work attach` and `detach`: the versions that answer an item.

use std::str::FromStr;

use reqwest::Method;
use serde_json::{Value, json};
use shelfmark_domain::name::WorkItemNumber;
use shelfmark_domain::path::AssetPath;

use super::super::output::{count, field};
use super::at;
use crate::cli::people::session::Session;
use crate::cli::release::changes::path_and_version;

/// `PATH` or `PATH@N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathAt {
    path: AssetPath,
    version: Option<i64>,
}

impl FromStr for PathAt {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (path, version) = path_and_version(text)?;
        Ok(Self { path, version })
    }
}

impl PathAt {
    /// As the API takes it.
    pub fn to_json(&self) -> Value {
        json!({ "path": self.path, "version": self.version })
    }
}

/// Attaches versions that answer a work item.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark work attach W-7 img/logo.svg img/hero.jpg@3")]
pub struct AttachArgs {
    /// Such as W-7
    item: WorkItemNumber,
    /// An asset at its latest version, or at version N
    #[arg(required = true, value_name = "PATH[@N]")]
    versions: Vec<PathAt>,
}

/// Takes versions from a work item.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark work detach W-7 img/hero.jpg@3")]
pub struct DetachArgs {
    /// Such as W-7
    item: WorkItemNumber,
    /// An asset at its latest version, or at version N
    #[arg(required = true, value_name = "PATH[@N]")]
    versions: Vec<PathAt>,
}

async fn change(
    session: &Session,
    method: Method,
    item: WorkItemNumber,
    versions: &[PathAt],
    done: &str,
) -> anyhow::Result<()> {
    let address = format!("{}/versions", at(session, item)?);
    let versions: Vec<Value> = versions.iter().map(PathAt::to_json).collect();
    let answer = session.api.send_json(method, &address, &json!({ "versions": versions })).await?;
    session.show(&answer, |answer| {
        let [changed, total] =
            ["changed", "versions"].map(|name| answer.get(name).and_then(Value::as_u64).unwrap_or(0));
        let status = field(answer, "status");
        format!("{done} {}; {item} is {status} and has {} now.", count(changed, "version"), count(total, "version"))
    })
}

/// `shelfmark work attach`
///
/// # Errors
/// What the server refused.
pub async fn attach(session: &Session, args: AttachArgs) -> anyhow::Result<()> {
    change(session, Method::POST, args.item, &args.versions, "Attached").await
}

/// `shelfmark work detach`
///
/// # Errors
/// What the server refused.
pub async fn detach(session: &Session, args: DetachArgs) -> anyhow::Result<()> {
    change(session, Method::DELETE, args.item, &args.versions, "Detached").await
}
