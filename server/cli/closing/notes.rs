//! `shelfmark release notes` and `shelfmark notes`.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};
use shelfmark_domain::name::{EnvironmentName, ReleaseNumber};
use shelfmark_domain::notes::Audience;
use shelfmark_domain::time::Timestamp;

use crate::cli::api::segment;
use crate::cli::output::{field, print};
use crate::cli::people::session::Session;

/// How notes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Markdown
    Md,
    /// A page that runs and fetches nothing
    Html,
    /// By sections, for machines
    Json,
}

/// Which notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Which {
    /// What a person wrote, or else what is generated
    Current,
    /// What is generated
    Generated,
    /// What was published last
    Published,
}

/// Shows a release's notes, replaces them by a person's, or publishes them
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  shelfmark release notes R-12 --audience users --format html\n  shelfmark release notes R-12 --audience users --edit notes.md\n  shelfmark release notes R-12 --publish"
)]
pub struct NotesArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// editors, platforms or users
    #[arg(long, default_value = "editors")]
    audience: Audience,
    /// How to write them
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
    /// Which of them
    #[arg(long, value_enum, default_value = "current")]
    which: Which,
    /// Compare with what this environment served before the release came there
    #[arg(long, value_name = "ENVIRONMENT")]
    against: Option<EnvironmentName>,
    /// Put the Markdown of this file (- for standard input) in the place of the generated notes
    #[arg(long, value_name = "FILE", conflicts_with_all = ["which", "against", "generated", "publish"])]
    edit: Option<PathBuf>,
    /// Let the generated notes hold again
    #[arg(long, conflicts_with_all = ["which", "against", "publish"])]
    generated: bool,
    /// Publish the notes for all audiences as they are
    #[arg(long, conflicts_with_all = ["which", "against", "audience"])]
    publish: bool,
}

/// Shows what all releases between two instants made of an environment
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark notes production --from 2026-03-01T00:00:00Z --to 2026-04-01T00:00:00Z")]
pub struct SpanArgs {
    /// Such as production
    environment: EnvironmentName,
    /// The instant from which on they tell
    #[arg(long, value_name = "TIME")]
    from: Timestamp,
    /// A later instant; now when left out
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// editors, platforms or users
    #[arg(long, default_value = "editors")]
    audience: Audience,
    /// How to write them
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
}

impl Format {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Md => "md",
            Self::Html => "html",
            Self::Json => "json",
        }
    }
}

impl Which {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Generated => "generated",
            Self::Published => "published",
        }
    }
}

/// Shows, edits or publishes a release's notes.
///
/// # Errors
/// A file that cannot be read; what the server refused.
pub async fn notes(session: &Session, args: NotesArgs) -> anyhow::Result<()> {
    let address = session.at(&format!("/releases/{}/notes", args.release))?;
    let audience = args.audience;
    if args.publish {
        let published = session.api.post(&format!("{address}/publish"), &json!({})).await?;
        return session.show(&published, |published| {
            let items = published.get("items").and_then(Value::as_array);
            let revision = items.into_iter().flatten().filter_map(|item| item.get("revision")?.as_i64()).max();
            format!("The notes of {} are published as revision {}.", args.release, revision.unwrap_or(0))
        });
    }
    if let Some(file) = &args.edit {
        let text = if file.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
            text
        } else {
            std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?
        };
        let address = format!("{address}/{audience}");
        let notes = session.api.send_json(Method::PUT, &address, &json!({ "text": text })).await?;
        return session.show(&notes, |notes| {
            format!("The notes of {} for {audience} are yours, revision {}.", args.release, field(notes, "revision"))
        });
    }
    if args.generated {
        let request = session.api.request(Method::DELETE, &format!("{address}/{audience}"));
        let notes: Value = session.api.send_for(request).await?;
        return session
            .show(&notes, |_| format!("The notes of {} for {audience} are the generated ones again.", args.release));
    }
    let against = args.against.map(|name| format!("&against={name}")).unwrap_or_default();
    let query = format!("{address}?audience={audience}{against}");
    show(session, &query, args.format, Some(args.which)).await
}

/// Shows an environment's notes.
///
/// # Errors
/// What the server refused.
pub async fn span(session: &Session, args: SpanArgs) -> anyhow::Result<()> {
    let to = args.to.map(|to| format!("&to={}", segment(&to.to_string()))).unwrap_or_default();
    let from = segment(&args.from.to_string());
    let address = format!("/environments/{}/notes?from={from}{to}&audience={}", args.environment, args.audience);
    show(session, &session.at(&address)?, args.format, None).await
}

async fn show(session: &Session, address: &str, format: Format, which: Option<Which>) -> anyhow::Result<()> {
    if session.is_json || format == Format::Json {
        let notes: Value = session.api.get(address).await?;
        return Ok(crate::cli::output::print_json(&notes)?);
    }
    let which = which.map(|which| format!("&which={}", which.as_str())).unwrap_or_default();
    let request = session.api.request(Method::GET, &format!("{address}&format={}{which}", format.as_str()));
    let answer = session.api.send(request).await?;
    let text = answer.text().await.context("the notes broke off; run the command again")?;
    Ok(print(text.trim_end())?)
}
