//! Who may do what. A principal has grants; an operation asks once, before it does anything.

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureKind};
use crate::name::{EnvironmentName, ProjectName};

/// What a person or machine is to a project. Each role includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads everything in the project.
    Viewer,
    /// Uploads and edits assets.
    Editor,
    /// Plans and builds releases, promotes and rolls back.
    ReleaseManager,
    /// Changes projects and environments, makes and revokes tokens, keeps the store.
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
    EditAssets,
    PlanReleases,
    Promote,
    Administer,
}

impl Permission {
    const fn least_role(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::EditAssets => Role::Editor,
            Self::PlanReleases | Self::Promote => Role::ReleaseManager,
            Self::Administer => Role::Administrator,
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
    /// The id of the token or user: what the audit trail refers to.
    pub id: String,
    /// What people call it.
    pub name: String,
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

    fn in_project(&self, project: &ProjectName) -> bool {
        self.project.as_ref().is_none_or(|own| own == project)
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
        Principal { id: "t".into(), name: "token".into(), grants: vec![grant] }
    }

    #[test]
    fn each_cell_of_role_and_permission() {
        let (site, live) = ("site".parse().unwrap(), "production".parse().unwrap());
        let roles = [Role::Viewer, Role::Editor, Role::ReleaseManager, Role::Administrator];
        use Permission as P;
        let cells = [(P::Read, 4), (P::EditAssets, 3), (P::PlanReleases, 2), (P::Promote, 2), (P::Administer, 1)];
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
}
