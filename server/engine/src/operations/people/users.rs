//! People and what they are to projects: making them, changing them, giving them roles.

use shelfmark_domain::access::{Denied, Permission, Role, Scope};
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::name::{ProjectName, UserName};

use super::caller::{AccessError, Caller};
use crate::Engine;
use crate::catalog::{AuditDraft, CatalogError, UserRow};
use crate::operations::revision::{Stale, check_revision};
use crate::operations::text::{InvalidText, check_said};

/// The longest address that mail can have, in bytes (RFC 5321, 4.5.3.1).
const EMAIL_BYTES_MAX: usize = 254;

/// Why a person or a membership was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    #[error("there is a person {0} already; change them, or choose another name")]
    Taken(UserName),
    #[error("there is no person {0}; list them with GET /api/v1/users")]
    NoUser(UserName),
    #[error("{0:?} is no e-mail address; write it as name@example.org")]
    Email(String),
    #[error("{user} has no role {place}")]
    NoMember { user: UserName, place: String },
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for UserError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Taken(_) => FailureKind::Conflict,
            Self::NoUser(_) | Self::NoMember { .. } => FailureKind::NotFound,
            Self::Email(_) => FailureKind::Invalid,
            Self::Text(error) => error.kind(),
            Self::Stale(error) => error.kind(),
            Self::Denied(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Email(_) => Some("email"),
            Self::Text(error) => error.field(),
            _ => None,
        }
    }

    fn present_revision(&self) -> Option<i64> {
        if let Self::Stale(error) = self { error.present_revision() } else { None }
    }
}

/// What to change of a person. What is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserPatch {
    pub title: Option<String>,
    /// The inner `None` takes the address away.
    pub email: Option<Option<String>>,
    pub is_disabled: Option<bool>,
    /// The revision that the caller saw, if it insists on it.
    pub expected: Option<i64>,
}

fn audit(action: &'static str, user: &UserName, details: serde_json::Value) -> AuditDraft {
    AuditDraft { action, project: String::new(), subject: user.to_string(), message: String::new(), details }
}

fn check_email(email: &str) -> Result<(), UserError> {
    let is_plain = |text: &str| !text.is_empty() && text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    let parts = email.rsplit_once('@').filter(|(name, host)| is_plain(name) && is_plain(host) && !name.contains('@'));
    if parts.is_some() && email.len() <= EMAIL_BYTES_MAX {
        return Ok(());
    }
    Err(UserError::Email(email.chars().take(80).collect()))
}

/// Adds a person. They can do nothing until they are given a role.
///
/// # Errors
/// See `UserError`; nothing has been changed.
pub async fn create_user(
    engine: &Engine,
    caller: &Caller,
    name: &UserName,
    title: &str,
    email: Option<&str>,
) -> Result<UserRow, UserError> {
    caller.principal.require(Permission::Administer, Scope::Service)?;
    let title = if title.is_empty() { name.as_str() } else { title };
    check_said("title", title, engine.limits.text_bytes_max)?;
    email.map(check_email).transpose()?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return engine.catalog.user(name).await?.ok_or_else(|| UserError::NoUser(name.clone()));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    if write.user(name).await?.is_some() {
        return Err(UserError::Taken(name.clone()));
    }
    let user = UserRow {
        name: name.clone(),
        title: title.to_owned(),
        email: email.map(str::to_owned),
        created_at: caller.now,
        disabled_at: None,
        revision: 1,
    };
    write.put_user(&user).await?;
    write.record(&caller.principal, caller.now, audit("user.created", name, serde_json::json!({ "title": title })));
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(user)
}

/// Changes a person: administrators anyone, people their own title and address.
///
/// # Errors
/// See `UserError`; nothing has been changed.
pub async fn change_user(
    engine: &Engine,
    caller: &Caller,
    name: &UserName,
    patch: UserPatch,
) -> Result<UserRow, UserError> {
    if caller.principal.user.as_ref() != Some(name) || patch.is_disabled.is_some() {
        caller.principal.require(Permission::Administer, Scope::Service)?;
    }
    let UserPatch { title, email, is_disabled, expected } = patch;
    title.as_deref().map(|title| check_said("title", title, engine.limits.text_bytes_max)).transpose()?;
    email.iter().flatten().try_for_each(|email| check_email(email))?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return engine.catalog.user(name).await?.ok_or_else(|| UserError::NoUser(name.clone()));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let user = write.user(name).await?.ok_or_else(|| UserError::NoUser(name.clone()))?;
    check_revision(name, expected, user.revision)?;
    let disabled_at = match is_disabled {
        Some(true) => user.disabled_at.or(Some(caller.now)),
        Some(false) => None,
        None => user.disabled_at,
    };
    let user = UserRow {
        title: title.unwrap_or(user.title),
        email: email.unwrap_or(user.email),
        disabled_at,
        revision: user.revision + 1,
        ..user
    };
    write.put_user(&user).await?;
    let details = serde_json::json!({ "title": user.title, "disabled": user.disabled_at.is_some() });
    write.record(&caller.principal, caller.now, audit("user.changed", name, details));
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(user)
}

/// Gives a person a role in a project, or with no project in all of them; with no role takes it away. What they have
/// already is a success that adds nothing.
///
/// # Errors
/// See `UserError`; nothing has been changed.
pub async fn set_member(
    engine: &Engine,
    caller: &Caller,
    project: Option<&ProjectName>,
    user: &UserName,
    role: Option<Role>,
) -> Result<(), UserError> {
    match project {
        Some(project) => drop(caller.project(&engine.catalog, project, Permission::Administer).await?),
        None => caller.principal.require(Permission::Administer, Scope::Service)?,
    }
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return Ok(());
    }
    let mut write = caller.begin(&engine.catalog).await?;
    if write.user(user).await?.is_none() {
        return Err(UserError::NoUser(user.clone()));
    }
    let before = write.member_role(project, user).await?;
    if before.is_none() && role.is_none() {
        let place = project.map_or_else(|| "in all projects".to_owned(), |project| format!("in project {project}"));
        return Err(UserError::NoMember { user: user.clone(), place });
    }
    if before != role {
        write.set_member(project, user, role).await?;
        let action = if role.is_some() { "member.set" } else { "member.removed" };
        let details = serde_json::json!({ "role": role, "before": before });
        let project = project.map(ToString::to_string).unwrap_or_default();
        write.record(&caller.principal, caller.now, AuditDraft { project, ..audit(action, user, details) });
    }
    caller.note_outcome(&mut write, &()).await?;
    Ok(write.commit().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name_and_a_host() {
        assert!(check_email("anna.b+c@example.org").is_ok());
        for text in ["", "anna", "@example.org", "anna@", "a b@example.org", "a@b@c", "a\r\nb@example.org"] {
            assert!(check_email(text).is_err(), "{text:?}");
        }
        assert!(check_email(&format!("{}@example.org", "a".repeat(250))).is_err());
    }
}
