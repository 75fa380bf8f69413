//! Tokens: credentials of machines and of people.

use shelfmark_domain::access::{Grant, Role};
use shelfmark_domain::name::UserName;
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    pub id: String,
    pub name: String,
    /// Whom it speaks for, unless it is a machine's own.
    pub user: Option<UserName>,
    pub grant: Grant,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub id: String,
    /// BLAKE3 of the secret. A fast hash is right here: the secret is 256 random bits.
    pub hash: [u8; 32],
    pub name: String,
    pub user: Option<UserName>,
    pub grant: Grant,
    pub expires_at: Option<Timestamp>,
}

const COLUMNS: &str = "id, name, role, project, environment, created_at, expires_at, revoked_at, user_name \
     FROM tokens";

impl TokenRow {
    /// Whether it is good at that instant.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    fn read(row: &sqlx::any::AnyRow) -> Result<Self, CatalogError> {
        let role = row.text(2)?;
        let name = |at: usize| row.text_or_null(at);
        let unreadable = |_| corrupt("a token's scope that is no name");
        let grant = Grant {
            role: Role::parse(&role).ok_or_else(|| corrupt(format!("{role:?} as a role")))?,
            project: name(3)?.map(|text| text.parse()).transpose().map_err(unreadable)?,
            environment: name(4)?.map(|text| text.parse()).transpose().map_err(unreadable)?,
        };
        Ok(Self {
            id: row.text(0)?,
            name: row.text(1)?,
            user: name(8)?.map(|text| text.parse()).transpose().map_err(unreadable)?,
            grant,
            created_at: row.time(5)?,
            expires_at: row.time_or_null(6)?,
            revoked_at: row.time_or_null(7)?,
        })
    }
}

impl Catalog {
    /// The token whose secret has this hash, valid or not.
    pub async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<TokenRow>, CatalogError> {
        let row =
            query(format!("SELECT {COLUMNS} WHERE hash = $1")).bind(hash.to_vec()).fetch_optional(&self.reader).await?;
        row.as_ref().map(TokenRow::read).transpose()
    }

    /// A token by its id, valid or not.
    pub async fn token(&self, id: &str) -> Result<Option<TokenRow>, CatalogError> {
        let row =
            query(format!("SELECT {COLUMNS} WHERE id = $1")).bind(id.to_owned()).fetch_optional(&self.reader).await?;
        row.as_ref().map(TokenRow::read).transpose()
    }

    /// All tokens, oldest first.
    pub async fn tokens(&self, after: Option<&str>, limit: u32) -> Result<Page<TokenRow>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} WHERE id > $1 ORDER BY id LIMIT $2"))
            .bind(after.unwrap_or_default().to_owned())
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.reader)
            .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(TokenRow::read).collect();
        Ok(Page::cut(items?, limit, |token| Cursor::after(&token.id)))
    }

    /// Whether any token exists: a service without one has never been started.
    pub async fn has_tokens(&self) -> Result<bool, CatalogError> {
        Ok(query("SELECT 1 FROM tokens LIMIT 1").fetch_optional(&self.reader).await?.is_some())
    }
}

impl Write {
    /// Adds a token.
    pub async fn insert_token(&mut self, token: &NewToken, at: Timestamp) -> Result<(), CatalogError> {
        query(
            "INSERT INTO tokens (id, hash, name, role, project, environment, created_at, expires_at, user_name) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(token.id.clone())
        .bind(token.hash.to_vec())
        .bind(token.name.clone())
        .bind(token.grant.role.as_str())
        .bind(token.grant.project.as_ref().map(ToString::to_string))
        .bind(token.grant.environment.as_ref().map(ToString::to_string))
        .bind(at.as_micros())
        .bind(token.expires_at.map(Timestamp::as_micros))
        .bind(token.user.as_ref().map(ToString::to_string))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Ends a token; `None` when there is none of that id. A second time changes nothing.
    pub async fn revoke_token(&mut self, id: &str, at: Timestamp) -> Result<Option<TokenRow>, CatalogError> {
        query("UPDATE tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
            .bind(at.as_micros())
            .bind(id.to_owned())
            .execute(self.connection())
            .await?;
        let row = query(format!("SELECT {COLUMNS} WHERE id = $1"))
            .bind(id.to_owned())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(TokenRow::read).transpose()
    }
}
