//! `shelfmark user` and `shelfmark member`: people and their roles.

use reqwest::Method;
use serde_json::{Value, json};
use shelfmark_domain::name::UserName;

use super::session::Session;
use super::token::RoleChoice;
use crate::cli::output::{Table, field, instant};

/// Adds, lists and changes people.
#[derive(Debug, clap::Subcommand)]
pub enum UserCommand {
    /// Adds a person, who can do nothing until `member add` gives them a role
    #[command(after_help = "Example:\n  shelfmark user create anna --title \"Anna Weber\" --email anna@example.org")]
    Create {
        /// Their name as it is mentioned: @anna without the @
        name: UserName,
        /// What people call them
        #[arg(long)]
        title: Option<String>,
        /// Where notifications go
        #[arg(long)]
        email: Option<String>,
    },
    /// Lists people
    #[command(after_help = "Example:\n  shelfmark user list")]
    List,
    /// Changes what a person is called, or where notifications go
    #[command(after_help = "Example:\n  shelfmark user set anna --email anna@example.org")]
    Set {
        /// Whom
        name: UserName,
        /// What people call them
        #[arg(long)]
        title: Option<String>,
        /// Where notifications go; empty for nowhere
        #[arg(long)]
        email: Option<String>,
    },
    /// Keeps a person from acting, with every token that speaks for them
    #[command(after_help = "Example:\n  shelfmark user disable anna")]
    Disable {
        /// Whom
        name: UserName,
    },
    /// Lets a person act again
    #[command(after_help = "Example:\n  shelfmark user enable anna")]
    Enable {
        /// Whom
        name: UserName,
    },
}

/// Gives people roles and takes them away.
#[derive(Debug, clap::Subcommand)]
pub enum MemberCommand {
    /// Gives a person a role in the project
    #[command(after_help = "Example:\n  shelfmark member add anna --role editor")]
    Add {
        /// Whom
        user: UserName,
        /// What they may do
        #[arg(long)]
        role: RoleChoice,
        /// In every project
        #[arg(long)]
        everywhere: bool,
    },
    /// Takes a person's role away
    #[command(after_help = "Example:\n  shelfmark member remove anna")]
    Remove {
        /// Whom
        user: UserName,
        /// The role that they have in every project
        #[arg(long)]
        everywhere: bool,
    },
    /// Lists who may do something in the project
    #[command(after_help = "Example:\n  shelfmark member list")]
    List,
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, command: UserCommand) -> anyhow::Result<()> {
    let (name, change) = match command {
        UserCommand::Create { name, title, email } => {
            let body = json!({ "name": name, "title": title.unwrap_or_default(), "email": email });
            let user = session.api.post("/users", &body).await?;
            return session.show(&user, |user| format!("{} is there.", field(user, "name")));
        }
        UserCommand::List => {
            let users = session.api.list("/users", 1_000, usize::MAX).await?;
            return session.show_list(users, "There is nobody yet.", user_table);
        }
        UserCommand::Set { name, title, email } => {
            let mut change = json!({});
            if let Some(title) = title {
                change["title"] = title.into();
            }
            if let Some(email) = email {
                change["email"] = if email.is_empty() { Value::Null } else { email.into() };
            }
            (name, change)
        }
        UserCommand::Disable { name } => (name, json!({ "disabled": true })),
        UserCommand::Enable { name } => (name, json!({ "disabled": false })),
    };
    let user = session.api.send_json(Method::PATCH, &format!("/users/{name}"), &change).await?;
    session.show(&user, |user| user_table(std::slice::from_ref(user)))
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn members(session: &Session, command: MemberCommand) -> anyhow::Result<()> {
    let address = |user: &UserName, everywhere: bool| {
        if everywhere { Ok(format!("/users/{user}/role")) } else { session.at(&format!("/members/{user}")) }
    };
    match command {
        MemberCommand::Add { user, role, everywhere } => {
            let request = session.api.request(Method::PUT, &address(&user, everywhere)?);
            session.api.send(request.json(&json!({ "role": role }))).await?;
            session.show(&json!({ "user": user, "role": role }), |_| format!("{user} has the role."))
        }
        MemberCommand::Remove { user, everywhere } => {
            session.api.send(session.api.request(Method::DELETE, &address(&user, everywhere)?)).await?;
            session.show(&json!({ "user": user }), |_| format!("{user} has the role no more."))
        }
        MemberCommand::List => {
            let members = session.api.list(&session.at("/members")?, 1_000, usize::MAX).await?;
            session.show_list(members, "The project has no members.", member_table)
        }
    }
}

fn user_table(users: &[Value]) -> String {
    let mut table = Table::new(&["NAME", "TITLE", "EMAIL", "SINCE", "DISABLED"]);
    for user in users {
        let cells = ["name", "title", "email"].map(|name| field(user, name));
        table.row(cells.into_iter().chain([instant(user, "created_at"), instant(user, "disabled_at")]));
    }
    table.text()
}

fn member_table(members: &[Value]) -> String {
    let mut table = Table::new(&["NAME", "TITLE", "ROLE", "EVERYWHERE"]);
    for member in members {
        table.row(["user", "title", "role", "everywhere"].map(|name| field(member, name)));
    }
    table.text()
}
