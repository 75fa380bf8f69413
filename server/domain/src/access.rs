//! Who may do what. A principal has grants; an operation asks once, before it does anything.

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureKind};
use crate::name::{EnvironmentName, ProjectName, UserName};

/// What a person or machine is to a project. Each role includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads everything in the project, files requests, comments, and authorises what it has asked for.
    Viewer,
    /// Uploads and edits assets, works on items, files test evidence, reports checks.
    Editor,
    /// Plans and builds releases, promotes and rolls back, stops an environment.
    ReleaseManager,
    /// Changes projects, environments and policies, administers people and tokens, waives checks, breaks the glass,
    /// keeps the store.
    Administrator,
}

impl Role {
    /// The role as the API, the command line and the catalog write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::ReleaseManager => "release_manager",
            Self::Administrator => "administrator",
        }
    }

    /// Reads what `as_str` writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Viewer, Self::Editor, Self::ReleaseManager, Self::Administrator].into_iter().find(|r| r.as_str() == text)
    }
}

/// What an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    Read,
    /// Filing requests, commenting, approving where a policy asks for the caller's role.
    Participate,
    EditAssets,
    /// Working on items and reporting what tests and outside checks came to.
    Work,
    PlanReleases,
    Promote,
    /// Excusing a failing check for a time.
    Waive,
    /// Promoting past soak, approvals and windows.
    BreakGlass,
    Administer,
}

impl Permission {
    const fn least_role(self) -> Role {
        match self {
            Self::Read | Self::Participate => Role::Viewer,
            Self::EditAssets | Self::Work => Role::Editor,
            Self::PlanReleases | Self::Promote => Role::ReleaseManager,
            Self::Waive | Self::BreakGlass | Self::Administer => Role::Administrator,
        }
    }
}

/// A role, optionally only in one project, optionally only for one of its environments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub role: Role,
    /// `None`: every project.
    pub project: Option<ProjectName>,
    /// `None`: every environment.
    pub environment: Option<EnvironmentName>,
}

/// Whoever asks, after authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The id of the token, or `@` and the person's name: what the audit trail refers to, and what tells one from
    /// another where several have to agree.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The person, unless a machine asks.
    pub user: Option<UserName>,
    pub grants: Vec<Grant>,
}

/// What is asked for: the whole service, a project, or one environment of it.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    Service,
    Project(&'a ProjectName),
    Environment(&'a ProjectName, &'a EnvironmentName),
}

/// A principal lacks a permission. Nothing has been done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{who} may not do this: it needs the role {needed}{place}; ask an administrator for it", needed = .needed.as_str())]
pub struct Denied {
    who: String,
    needed: Role,
    place: String,
}

impl Failure for Denied {
    fn kind(&self) -> FailureKind {
        FailureKind::Forbidden
    }
}

impl Principal {
    /// Allows or denies. This is the only place that compares grants with needs.
    ///
    /// # Errors
    /// `Denied`, with the role that is missing.
    pub fn require(&self, permission: Permission, scope: Scope<'_>) -> Result<(), Denied> {
        let needed = permission.least_role();
        if self.grants.iter().any(|grant| grant.role >= needed && grant.covers(permission, scope)) {
            return Ok(());
        }
        let place = match scope {
            Scope::Service => " for all projects".to_owned(),
            Scope::Project(project) => format!(" in project {project}"),
            Scope::Environment(project, environment) => format!(" for {environment} in project {project}"),
        };
        Err(Denied { who: self.name.clone(), needed, place })
    }

    /// The highest role that the principal has there.
    pub fn role_in(&self, scope: Scope<'_>) -> Option<Role> {
        let covering = self.grants.iter().filter(|grant| grant.covers(Permission::Participate, scope));
        covering.map(|grant| grant.role).max()
    }

    /// Whether the project may be known to this principal at all.
    pub fn may_see(&self, project: &ProjectName) -> bool {
        self.grants.iter().any(|grant| grant.project.as_ref().is_none_or(|own| own == project))
    }
}

impl Grant {
    fn covers(&self, permission: Permission, scope: Scope<'_>) -> bool {
        match scope {
            Scope::Service => self.project.is_none() && self.environment.is_none(),
            // A grant for one environment reads its project (releases, builds) but changes nothing else of it.
            Scope::Project(project) => {
                self.in_project(project) && (self.environment.is_none() || permission == Permission::Read)
            }
            Scope::Environment(project, environment) => {
                self.in_project(project) && self.environment.as_ref().is_none_or(|own| own == environment)
            }
        }
    }

    /// What both this grant and another one allow; `None` where they have nothing in common. A token that speaks for a
    /// person can do what the person may, and no more than the token itself says.
    pub fn within(&self, other: &Self) -> Option<Self> {
        let project = common(self.project.as_ref(), other.project.as_ref())?;
        let environment = common(self.environment.as_ref(), other.environment.as_ref())?;
        Some(Self { role: self.role.min(other.role), project: project.cloned(), environment: environment.cloned() })
    }

    fn in_project(&self, project: &ProjectName) -> bool {
        self.project.as_ref().is_none_or(|own| own == project)
    }
}

/// What two limits leave, where `None` is no limit.
fn common<'a, T: PartialEq>(a: Option<&'a T>, b: Option<&'a T>) -> Option<Option<&'a T>> {
    match (a, b) {
        (Some(a), Some(b)) => (a == b).then_some(Some(a)),
        (limit, None) | (None, limit) => Some(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(role: Role, project: Option<&str>, environment: Option<&str>) -> Principal {
        let grant = Grant {
            role,
            project: project.map(|p| p.parse().unwrap()),
            environment: environment.map(|e| e.parse().unwrap()),
        };
        Principal { id: "t".into(), name: "token".into(), user: None, grants: vec![grant] }
    }

    #[test]
    fn each_cell_of_role_and_permission() {
        let (site, live) = ("site".parse().unwrap(), "production".parse().unwrap());
        let roles = [Role::Viewer, Role::Editor, Role::ReleaseManager, Role::Administrator];
        use Permission as P;
        let cells = [
            (P::Read, 4),
            (P::Participate, 4),
            (P::EditAssets, 3),
            (P::Work, 3),
            (P::PlanReleases, 2),
            (P::Promote, 2),
            (P::Waive, 1),
            (P::BreakGlass, 1),
            (P::Administer, 1),
        ];
        for (permission, allowed) in cells {
            for (i, role) in roles.into_iter().enumerate() {
                let may = i + allowed >= 4;
                let who = principal(role, Some("site"), None);
                assert_eq!(who.require(permission, Scope::Project(&site)).is_ok(), may, "{role:?} {permission:?}");
                assert_eq!(who.require(permission, Scope::Environment(&site, &live)).is_ok(), may);
                assert!(who.require(permission, Scope::Service).is_err());
                assert!(who.require(permission, Scope::Project(&"other".parse().unwrap())).is_err());
            }
        }
    }

    #[test]
    fn a_grant_for_one_environment_promotes_there_and_nowhere_else() {
        let (site, live) = ("site".parse().unwrap(), "production".parse().unwrap());
        let staging = "staging".parse().unwrap();
        let who = principal(Role::ReleaseManager, Some("site"), Some("staging"));
        assert!(who.require(Permission::Promote, Scope::Environment(&site, &staging)).is_ok());
        assert!(who.require(Permission::Promote, Scope::Environment(&site, &live)).is_err());
        assert!(who.require(Permission::Read, Scope::Project(&site)).is_ok());
        assert!(who.require(Permission::PlanReleases, Scope::Project(&site)).is_err());
    }

    #[test]
    fn a_token_of_a_person_can_do_what_both_may() {
        let grant = |role, project: Option<&str>, environment: Option<&str>| Grant {
            role,
            project: project.map(|p| p.parse().unwrap()),
            environment: environment.map(|e| e.parse().unwrap()),
        };
        let (editor, anywhere) = (grant(Role::Editor, Some("site"), None), grant(Role::Administrator, None, None));
        assert_eq!(editor.within(&anywhere), Some(editor.clone()));
        assert_eq!(anywhere.within(&editor), Some(editor.clone()));
        assert_eq!(editor.within(&grant(Role::Viewer, Some("other"), None)), None);
        let staging = grant(Role::Administrator, Some("site"), Some("staging"));
        assert_eq!(editor.within(&staging), Some(grant(Role::Editor, Some("site"), Some("staging"))));
    }
}
