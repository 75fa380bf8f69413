//! Who may still get mail.

use shelfmark_domain::access::{Permission, Principal, Scope};
use shelfmark_domain::name::{ProjectName, UserName};

use crate::Engine;
use crate::catalog::CatalogError;

/// A person who gets mail.
#[derive(Clone, Debug)]
pub(super) struct Recipient {
    pub address: String,
    principal: Principal,
}

impl Recipient {
    /// The person, if they may act and have an address.
    pub async fn find(engine: &Engine, name: &UserName) -> Result<Option<Self>, CatalogError> {
        let Some(user) = engine.catalog.user(name).await?.filter(|user| user.disabled_at.is_none()) else {
            return Ok(None);
        };
        let Some(address) = user.email else { return Ok(None) };
        let grants = engine.catalog.grants_of(name).await?;
        let principal = Principal { id: format!("@{name}"), name: user.title, user: Some(user.name), grants };
        Ok(Some(Self { address, principal }))
    }

    /// Whether the person may read what happens in a project.
    pub fn may_read(&self, project: &ProjectName) -> bool {
        self.principal.require(Permission::Read, Scope::Project(project)).is_ok()
    }

    /// What people call the person.
    pub fn title(&self) -> &str {
        &self.principal.name
    }
}
