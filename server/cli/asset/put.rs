//! `shelfmark put`: files become versions, with what is said about them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::civil::Date;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shelfmark_domain::metadata::Metadata;
use shelfmark_domain::name::WorkItemNumber;
use shelfmark_domain::path::{AssetPath, FolderPath};

use crate::cli::api::segment;
use crate::cli::import::file_upload;
use crate::cli::output::{bytes, field, print, print_json_of};
use crate::cli::people::session::Session;
use crate::cli::problem::{WrongUse, is_status};
use crate::cli::{api::segments, asset};

/// Uploads files as new versions.
///
/// Without --to, a file goes to its own name at the top of the library. Identical bytes make no new version.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  shelfmark put logo.svg --to img/logo.svg --message \"new blue\" --alt-text \"Our logo\""
)]
pub struct PutArgs {
    /// The files to upload
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The path, or a folder ending in /
    #[arg(long, value_name = "PATH")]
    to: Option<String>,
    /// What changed
    #[arg(long, short)]
    message: Option<String>,
    /// The work item that the versions answer
    #[arg(long, value_name = "W-N")]
    item: Option<WorkItemNumber>,
    #[command(flatten)]
    metadata: MetadataArgs,
}

/// What can be said about an asset. What is left out stays as it was.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Metadata")]
pub struct MetadataArgs {
    /// What people call it
    #[arg(long)]
    title: Option<String>,
    /// What a reader who can't see it is told; empty for a decoration
    #[arg(long)]
    alt_text: Option<String>,
    /// What it shows or is for
    #[arg(long)]
    description: Option<String>,
    /// A tag; may be repeated, and replaces all former ones
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Whose it is
    #[arg(long)]
    rights_holder: Option<String>,
    /// Under which terms it may be used
    #[arg(long)]
    licence: Option<String>,
    /// The last day on which it may be used, such as 2027-12-31
    #[arg(long, value_name = "DAY")]
    expires_on: Option<Date>,
    /// A field of your own; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    field: Vec<(String, String)>,
}

impl MetadataArgs {
    fn says_nothing(&self) -> bool {
        self.over(Metadata::default()).is_empty()
    }

    /// What was known, with what is said now in its place.
    fn over(&self, mut known: Metadata) -> Metadata {
        let texts = [
            (&self.title, &mut known.title),
            (&self.alt_text, &mut known.alt_text),
            (&self.description, &mut known.description),
            (&self.rights_holder, &mut known.rights_holder),
            (&self.licence, &mut known.licence),
        ];
        for (said, known) in texts {
            if said.is_some() {
                known.clone_from(said);
            }
        }
        if !self.tag.is_empty() {
            known.tags.clone_from(&self.tag);
        }
        known.expires_on = self.expires_on.or(known.expires_on);
        known.fields.extend(self.field.iter().cloned());
        known
    }
}

/// Uploads one file after the other.
///
/// # Errors
/// `WrongUse` when the paths do not fit; what the server refused: the files before it are uploaded.
pub async fn run(session: &Session, args: PutArgs) -> anyhow::Result<()> {
    let paths = targets(&args.files, args.to.as_deref())?;
    let mut answers = Vec::new();
    for (file, path) in args.files.iter().zip(&paths) {
        let answer = put(session, file, path, &args).await?;
        if !session.is_json {
            print(&sentence(path, &answer))?;
        }
        answers.push(answer);
    }
    if session.is_json { print_json_of(answers) } else { Ok(()) }
}

async fn put(session: &Session, file: &Path, path: &AssetPath, args: &PutArgs) -> anyhow::Result<Value> {
    let upload = file_upload::prepare(file.to_owned()).await?;
    let mut request = session.api.request(Method::PUT, &session.at(&format!("/files/{}", segments(path.as_str())))?);
    if let Some(message) = &args.message {
        request = request.header("X-Message", segment(message));
    }
    if let Some(item) = &args.item {
        request = request.header("X-Work-Item", item.to_string());
    }
    if !args.metadata.says_nothing() {
        // Metadata replaces metadata as a whole: what is not said now is carried over from the version that we name.
        let (known, precondition) = known_metadata(session, path).await?;
        let metadata = args.metadata.over(known).checked()?.to_text();
        let (name, value) = precondition;
        request = request.header("X-Metadata", ascii_json(&metadata)).header(name, value);
    }
    upload.send(&session.api, request, None).await
}

async fn known_metadata(session: &Session, path: &AssetPath) -> anyhow::Result<(Metadata, (&'static str, String))> {
    match asset::live(session, path).await {
        Ok(found) => {
            let text = found.get("metadata").cloned().unwrap_or(Value::Null);
            let text = without_nulls(text);
            let known =
                serde_json::from_value(text).context("the server's metadata has a field that is not known here")?;
            Ok((known, ("If-Match", format!("\"{}\"", field(&found, "version")))))
        }
        Err(error) if is_status(&error, StatusCode::NOT_FOUND) => {
            Ok((Metadata::default(), ("If-None-Match", "*".to_owned())))
        }
        Err(error) => Err(error),
    }
}

fn without_nulls(metadata: Value) -> Value {
    match metadata {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        _ => json!({}),
    }
}

/// The same JSON in ASCII, as a header can hold it.
fn ascii_json(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    let mut units = [0_u16; 2];
    for c in text.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            c.encode_utf16(&mut units).iter().for_each(|unit| ascii.push_str(&format!("\\u{unit:04x}")));
        }
    }
    ascii
}

fn targets(files: &[PathBuf], to: Option<&str>) -> anyhow::Result<Vec<AssetPath>> {
    let wrong = |detail: String| anyhow::Error::new(WrongUse(detail));
    if let (Some(to), [_]) = (to, files)
        && !to.is_empty()
        && !to.ends_with('/')
    {
        return Ok(vec![to.parse().map_err(|invalid| wrong(format!("{invalid}")))?]);
    }
    let folder = to.unwrap_or_default();
    if !(folder.is_empty() || folder.ends_with('/')) {
        return Err(wrong(format!("several files cannot go to one path; write --to {folder}/ for a folder")));
    }
    let folder: FolderPath = folder.parse().map_err(|invalid| wrong(format!("{invalid}")))?;
    let target = |file: &PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str());
        let name =
            name.ok_or_else(|| wrong(format!("{} has no name that a path can have; give --to", file.display())))?;
        folder.join(name).map_err(|invalid| wrong(format!("{invalid}; or give --to")))
    };
    files.iter().map(target).collect()
}

fn sentence(path: &AssetPath, answer: &Value) -> String {
    let size = bytes(answer.pointer("/asset/size_bytes").and_then(Value::as_u64).unwrap_or(0));
    let version = field(answer, "asset.version");
    match field(answer, "outcome").as_str() {
        "unchanged" => format!("{path} is unchanged at version {version}."),
        _ => format!("{path} is at version {version} ({size})."),
    }
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(files: &[&str], to: Option<&str>) -> Option<Vec<String>> {
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        Some(targets(&files, to).ok()?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn files_go_where_they_are_told_or_to_their_names() {
        assert_eq!(paths(&["/x/logo.svg"], None).unwrap(), ["logo.svg"]);
        assert_eq!(paths(&["/x/logo.svg"], Some("img/a.svg")).unwrap(), ["img/a.svg"]);
        assert_eq!(paths(&["x/a", "y/b"], Some("img/")).unwrap(), ["img/a", "img/b"]);
        assert_eq!(paths(&["x/a", "y/b"], Some("img")), None);
        assert_eq!(paths(&[".."], None), None);
    }

    #[test]
    fn what_is_not_said_stays_as_it_was() {
        let known = Metadata { title: Some("Old".into()), licence: Some("CC0".into()), ..Metadata::default() };
        let said = MetadataArgs { title: Some("New".into()), ..MetadataArgs::default() };
        let after = said.over(known);
        assert_eq!(after.title.as_deref(), Some("New"));
        assert_eq!(after.licence.as_deref(), Some("CC0"));
        assert!(MetadataArgs::default().says_nothing());
    }

    #[test]
    fn metadata_fits_into_a_header_whatever_its_language() {
        let text = ascii_json("{\"title\":\"größe 😀\"}");
        assert!(text.is_ascii());
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["title"], "größe 😀");
    }
}
