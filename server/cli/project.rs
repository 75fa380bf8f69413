//! `shelfmark project`: what is released together.

use serde_json::{Value, json};
use shelfmark_domain::name::ProjectName;

use super::output::{Table, count, field, instant, plain};
use crate::cli::people::session::Session;

/// Makes and lists projects.
#[derive(Debug, clap::Subcommand)]
pub enum ProjectCommand {
    /// Makes a project with the environments development, staging and production
    #[command(after_help = "Example:\n  shelfmark project create site --title \"Our web site\"")]
    Create {
        /// Its name in addresses: a-z, 0-9 and -
        name: ProjectName,
        /// Its name for people
        #[arg(long)]
        title: Option<String>,
    },
    /// Lists the projects that you may see
    #[command(after_help = "Example:\n  shelfmark project list")]
    List,
    /// Shows a project and what its environments serve
    #[command(after_help = "Example:\n  shelfmark project show site")]
    Show {
        /// The project; --project when left out
        name: Option<ProjectName>,
    },
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, command: ProjectCommand) -> anyhow::Result<()> {
    match command {
        ProjectCommand::Create { name, title } => {
            let mut body = json!({ "name": name });
            if let Some(title) = title {
                body["title"] = title.into();
            }
            let project = session.api.post("/projects", &body).await?;
            session.show(&project, |project| format!("Project {} is there.\n{}", name, environments(project)))
        }
        ProjectCommand::List => {
            let projects = session.api.list("/projects", 1_000, usize::MAX).await?;
            session.show_list(projects, "There is no project that you may see.", project_table)
        }
        ProjectCommand::Show { name } => {
            let name = name.map_or_else(|| session.project(), Ok)?;
            let project: Value = session.api.get(&format!("/projects/{name}")).await?;
            session.show(&project, shown)
        }
    }
}

fn project_table(projects: &[Value]) -> String {
    let mut table = Table::new(&["NAME", "TITLE", "ASSETS", "CREATED"]);
    for project in projects {
        table.row([field(project, "name"), field(project, "title"), field(project, "assets"), {
            instant(project, "created_at")
        }]);
    }
    table.text()
}

fn shown(project: &Value) -> String {
    let assets = count(project.get("assets").and_then(Value::as_u64).unwrap_or(0), "asset");
    let (name, title) = (field(project, "name"), plain(&field(project, "title")));
    format!("{name}: {title}\n{assets}, since {}\n{}", instant(project, "created_at"), environments(project))
}

fn environments(project: &Value) -> String {
    let found = project.get("environments").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    crate::cli::release::environment::table(found)
}
