//! `shelfmark review`: what is owed since the glass was broken.

use serde_json::json;
use shelfmark_domain::name::EnvironmentName;

use crate::cli::output::{Table, field, instant};
use crate::cli::people::session::Session;

/// Lists and writes the reviews of promotions for which the glass was broken.
#[derive(Debug, clap::Subcommand)]
pub enum ReviewCommand {
    /// Lists the promotions for which the glass was broken
    #[command(after_help = "Example:\n  shelfmark review list --owed")]
    List {
        /// Only those that nobody has reviewed
        #[arg(long)]
        owed: bool,
    },
    /// Notes what you found
    #[command(
        after_help = "Example:\n  shelfmark review write production 7 --text \"it was right, and the soak was too long\""
    )]
    Write {
        /// Such as production
        #[arg(value_name = "ENV")]
        environment: EnvironmentName,
        /// The environment's revision, as `history` shows it
        revision: i64,
        /// What you found
        #[arg(long)]
        text: String,
    },
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, command: ReviewCommand) -> anyhow::Result<()> {
    match command {
        ReviewCommand::List { owed } => {
            let address = session.at(if owed { "/reviews?owed=true" } else { "/reviews" })?;
            let reviews = session.api.list(&address, 1_000, usize::MAX).await?;
            session.show_list(reviews, "No review is owed.", |reviews| {
                let mut table = Table::new(&["ENV", "REVISION", "RELEASE", "BROKEN BY", "AT", "REVIEWED BY", "REASON"]);
                for review in reviews {
                    let first = ["environment", "revision", "release", "by"].map(|name| field(review, name));
                    let rest = [instant(review, "at"), field(review, "reviewed_by"), field(review, "reason")];
                    table.row(first.into_iter().chain(rest));
                }
                table.text()
            })
        }
        ReviewCommand::Write { environment, revision, text } => {
            let address = session.at(&format!("/environments/{environment}/deployments/{revision}/review"))?;
            let review = session.api.post(&address, &json!({ "review": text })).await?;
            session.show(&review, |_| format!("Deployment {revision} of {environment} is reviewed."))
        }
    }
}
