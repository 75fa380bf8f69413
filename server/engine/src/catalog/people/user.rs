//! People: who they are, and what they are to projects.

use shelfmark_domain::access::{Grant, Role};
use shelfmark_domain::name::{ProjectName, UserName};
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    pub name: UserName,
    /// What people call them.
    pub title: String,
    /// Where notifications go; `None` for nowhere.
    pub email: Option<String>,
    pub created_at: Timestamp,
    /// `None` while they may act.
    pub disabled_at: Option<Timestamp>,
    /// +1 per change.
    pub revision: i64,
}

/// What a person is to a project, or with no project to all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRow {
    pub user: UserName,
    pub title: String,
    pub project: Option<ProjectName>,
    pub role: Role,
}

const COLUMNS: &str = "name, title, email, created_at, disabled_at, revision FROM users";
const MEMBER: &str = "m.user_name, u.title, m.project, m.role FROM members m JOIN users u ON u.name = m.user_name";
/// Stands in the place of a project's name for all of them.
const EVERYWHERE: &str = "";

fn read(row: &sqlx::any::AnyRow) -> Result<UserRow, CatalogError> {
    Ok(UserRow {
        name: row.parsed(0)?,
        title: row.text(1)?,
        email: row.text_or_null(2)?,
        created_at: row.time(3)?,
        disabled_at: row.time_or_null(4)?,
        revision: row.int(5)?,
    })
}

fn read_member(row: &sqlx::any::AnyRow) -> Result<MemberRow, CatalogError> {
    let role = row.text(3)?;
    let project = Some(row.text(2)?).filter(|name| name != EVERYWHERE);
    Ok(MemberRow {
        user: row.parsed(0)?,
        title: row.text(1)?,
        project: project.map(|_| row.parsed(2)).transpose()?,
        role: Role::parse(&role).ok_or_else(|| corrupt(format!("{role:?} as a role")))?,
    })
}

fn place(project: Option<&ProjectName>) -> String {
    project.map_or_else(|| EVERYWHERE.to_owned(), ToString::to_string)
}

impl Catalog {
    /// A person.
    pub async fn user(&self, name: &UserName) -> Result<Option<UserRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE name = $1"))
            .bind(name.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// People by name.
    pub async fn users(&self, after: &str, limit: u32) -> Result<Page<UserRow>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} WHERE name > $1 ORDER BY name LIMIT $2"))
            .bind(after.to_owned())
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.reader)
            .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |user| Cursor::after(&user.name)))
    }

    /// What a person may do and where.
    pub async fn grants_of(&self, name: &UserName) -> Result<Vec<Grant>, CatalogError> {
        let rows =
            query(format!("SELECT {MEMBER} WHERE m.user_name = $1")).bind(name.to_string()).fetch_all(&self.reader);
        let grant = |row: &sqlx::any::AnyRow| {
            let MemberRow { role, project, .. } = read_member(row)?;
            Ok(Grant { role, project, environment: None })
        };
        rows.await?.iter().map(grant).collect()
    }

    /// Who may do something in a project by name: its own members, and those of all projects.
    pub async fn members(
        &self,
        project: &ProjectName,
        after: &str,
        limit: u32,
    ) -> Result<Page<MemberRow>, CatalogError> {
        // One line a person: their role in the project where they have one, else the one that they have everywhere.
        let rows = query(format!(
            "SELECT {MEMBER} WHERE m.user_name > $1 AND u.disabled_at IS NULL AND (m.project = $2 OR (m.project = '' AND NOT EXISTS \
             (SELECT 1 FROM members o WHERE o.user_name = m.user_name AND o.project = $2))) \
             ORDER BY m.user_name LIMIT $3"
        ))
        .bind(after.to_owned())
        .bind(project.to_string())
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read_member).collect();
        Ok(Page::cut(items?, limit, |member| Cursor::after(&member.user)))
    }
}

impl Write {
    /// A person as they stand in this change.
    pub async fn user(&mut self, name: &UserName) -> Result<Option<UserRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE name = $1"))
            .bind(name.to_string())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Adds a person, or changes one.
    pub async fn put_user(&mut self, user: &UserRow) -> Result<(), CatalogError> {
        query(
            "INSERT INTO users (name, title, email, created_at, disabled_at, revision) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (name) DO UPDATE SET title = excluded.title, email = excluded.email, \
             disabled_at = excluded.disabled_at, revision = excluded.revision",
        )
        .bind(user.name.to_string())
        .bind(user.title.clone())
        .bind(user.email.clone())
        .bind(user.created_at.as_micros())
        .bind(user.disabled_at.map(Timestamp::as_micros))
        .bind(user.revision)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// The role that a person has in a project, or with no project in all of them.
    pub async fn member_role(
        &mut self,
        project: Option<&ProjectName>,
        user: &UserName,
    ) -> Result<Option<Role>, CatalogError> {
        let row = query(format!("SELECT {MEMBER} WHERE m.project = $1 AND m.user_name = $2"))
            .bind(place(project))
            .bind(user.to_string())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(|row| read_member(row).map(|member| member.role)).transpose()
    }

    /// Gives a person a role, or takes it away.
    pub async fn set_member(
        &mut self,
        project: Option<&ProjectName>,
        user: &UserName,
        role: Option<Role>,
    ) -> Result<(), CatalogError> {
        let sql = match role {
            Some(_) => {
                "INSERT INTO members (project, user_name, role) VALUES ($1, $2, $3) \
                 ON CONFLICT (project, user_name) DO UPDATE SET role = excluded.role"
            }
            None => "DELETE FROM members WHERE project = $1 AND user_name = $2",
        };
        let statement = query(sql).bind(place(project)).bind(user.to_string());
        let statement = if let Some(role) = role { statement.bind(role.as_str()) } else { statement };
        statement.execute(self.connection()).await?;
        Ok(())
    }
}
