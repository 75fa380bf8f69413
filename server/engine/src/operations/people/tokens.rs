//! Making, checking and ending tokens. A token's secret is shown once and stored only as a hash.

use shelfmark_domain::access::{Denied, Grant, Permission, Principal, Role, Scope};
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::name::UserName;
use shelfmark_domain::time::Timestamp;

use super::caller::{AccessError, Caller};
use crate::Engine;
use crate::catalog::{AuditDraft, CatalogError, NewToken, TokenRow};

/// What every secret starts with, so that people and scanners recognise one.
pub const SECRET_PREFIX: &str = "smt_";
/// The shortest secret that is taken from outside, in bytes.
pub const SECRET_BYTES_MIN: usize = 24;
const SECRET_BYTES_MAX: usize = 256;
const NAME_BYTES_MAX: usize = 200;

/// Why a token was not made or ended.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the token's name has {0} bytes; give it 1 to {NAME_BYTES_MAX}")]
    Name(usize),
    #[error("the token would have expired already; choose a later instant")]
    Expired,
    #[error("a token for an environment needs its project; name it")]
    NoProject,
    #[error("the bootstrap token must have {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} printable characters")]
    Secret,
    #[error(
        "this Idempotency-Key has made the token {0} already, and its secret was shown then, once; if it was lost, revoke \
         that token and make another with a new key"
    )]
    ShownOnce(String),
    #[error("there is no token {0}; list them with GET /api/v1/tokens")]
    NoToken(String),
    #[error("there is no project {0}; make it first")]
    UnknownProject(String),
    #[error("there is no person {0} who may act; list them with GET /api/v1/users")]
    NoUser(UserName),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for TokenError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Name(_) | Self::Expired | Self::NoProject | Self::Secret => FailureKind::Invalid,
            Self::ShownOnce(_) => FailureKind::Conflict,
            Self::NoToken(_) | Self::UnknownProject(_) | Self::NoUser(_) => FailureKind::NotFound,
            Self::Denied(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}

/// The hash under which a secret is stored. The secrets are long and random, so a fast hash is enough.
fn hash(secret: &str) -> [u8; 32] {
    *blake3::hash(secret.as_bytes()).as_bytes()
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct TokenDraft {
    pub name: String,
    /// Whom it speaks for; `None` for a machine's own.
    pub user: Option<UserName>,
    pub grant: Grant,
    pub expires_at: Option<Timestamp>,
}

/// Makes a token: administrators do so for machines and anyone, people for themselves. The second value is its secret, which nobody can show again.
///
/// # Errors
/// See `TokenError`; nothing has been changed.
pub async fn create_token(
    engine: &Engine,
    caller: &Caller,
    draft: TokenDraft,
) -> Result<(TokenRow, String), TokenError> {
    let TokenDraft { name, user, grant, expires_at } = &draft;
    let scope = grant.project.as_ref().map_or(Scope::Service, Scope::Project);
    if user.is_none() || *user != caller.principal.user {
        caller.principal.require(Permission::Administer, scope)?;
    }
    // The secret is not kept, not even for a repetition of the request that made it.
    if let Some(id) = caller.earlier_outcome::<String>(&engine.catalog).await? {
        return Err(TokenError::ShownOnce(id));
    }
    if !(1..=NAME_BYTES_MAX).contains(&name.len()) || name.contains('\0') {
        return Err(TokenError::Name(name.len()));
    }
    if expires_at.is_some_and(|end| end <= caller.now) {
        return Err(TokenError::Expired);
    }
    if grant.environment.is_some() && grant.project.is_none() {
        return Err(TokenError::NoProject);
    }
    if let Some(project) = &grant.project
        && engine.catalog.project(project).await?.is_none()
    {
        return Err(TokenError::UnknownProject(project.to_string()));
    }
    if let Some(user) = user
        && engine.catalog.user(user).await?.is_none_or(|user| user.disabled_at.is_some())
    {
        return Err(TokenError::NoUser(user.clone()));
    }
    let secret = new_secret();
    let row = insert(engine, caller, draft, &secret).await?;
    Ok((row, secret))
}

/// 256 random bits.
fn new_secret() -> String {
    // Two version 4 UUIDs carry 244 random bits of the operating system; hashing spreads them over the whole text.
    let (first, second) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    let mut hasher = blake3::Hasher::new();
    hasher.update(first.as_bytes()).update(second.as_bytes());
    format!("{SECRET_PREFIX}{}", hasher.finalize().to_hex())
}

async fn insert(engine: &Engine, caller: &Caller, draft: TokenDraft, secret: &str) -> Result<TokenRow, TokenError> {
    let id = uuid::Uuid::now_v7().to_string();
    let TokenDraft { name, user, grant, expires_at } = draft;
    let token = NewToken { id, hash: hash(secret), name, user, grant, expires_at };
    let mut write = caller.begin(&engine.catalog).await?;
    let NewToken { id, name, user, grant, .. } = &token;
    let draft = AuditDraft {
        action: "token.created",
        project: grant.project.as_ref().map(ToString::to_string).unwrap_or_default(),
        subject: id.clone(),
        message: String::new(),
        details: serde_json::json!({ "name": name, "user": user, "role": grant.role, "environment": grant.environment }),
    };
    write.record(&caller.principal, caller.now, draft);
    write.insert_token(&token, caller.now).await?;
    caller.note_outcome(&mut write, id).await?;
    write.commit().await?;
    let NewToken { id, name, user, grant, expires_at, .. } = token;
    Ok(TokenRow { id, name, user, grant, created_at: caller.now, expires_at, revoked_at: None })
}

/// Ends a token at once.
///
/// # Errors
/// See `TokenError`; nothing has been changed.
pub async fn revoke_token(engine: &Engine, caller: &Caller, id: &str) -> Result<TokenRow, TokenError> {
    let mut write = engine.catalog.write().await?;
    let row = write.revoke_token(id, caller.now).await?;
    let row = row.ok_or_else(|| TokenError::NoToken(id.chars().take(80).collect()))?;
    let scope = row.grant.project.as_ref().map_or(Scope::Service, Scope::Project);
    caller.principal.require(Permission::Administer, scope)?;
    let draft = AuditDraft {
        action: "token.revoked",
        project: row.grant.project.as_ref().map(ToString::to_string).unwrap_or_default(),
        subject: row.id.clone(),
        message: String::new(),
        details: serde_json::json!({ "name": row.name }),
    };
    write.record(&caller.principal, caller.now, draft);
    write.commit().await?;
    Ok(row)
}

/// Who a secret speaks for now, and until when; `None` when it is unknown, has expired or was revoked, or its person may
/// not act any more.
///
/// # Errors
/// When the database doesn't answer.
pub async fn authenticate(
    engine: &Engine,
    secret: &str,
) -> Result<Option<(Principal, Option<Timestamp>)>, CatalogError> {
    if secret.len() > SECRET_BYTES_MAX {
        return Ok(None);
    }
    let token = engine.catalog.token_by_hash(&hash(secret)).await?;
    let Some(token) = token.filter(|token| token.is_valid(engine.clock.now())) else { return Ok(None) };
    let principal = match token.user {
        None => Some(Principal { id: token.id, name: token.name, user: None, grants: vec![token.grant] }),
        Some(user) => person(engine, &user, std::slice::from_ref(&token.grant)).await?,
    };
    Ok(principal.map(|principal| (principal, token.expires_at)))
}

/// Who an id of the audit trail speaks for now, within what it could do once; `None` when it may not act any more. So
/// what someone has asked for earlier is done with the rights that they have then.
pub(crate) async fn principal_again(
    engine: &Engine,
    id: &str,
    once: &[Grant],
    now: Timestamp,
) -> Result<Option<Principal>, CatalogError> {
    if let Some(name) = id.strip_prefix('@') {
        let Ok(name) = name.parse() else { return Ok(None) };
        return person(engine, &name, once).await;
    }
    let token = engine.catalog.token(id).await?.filter(|token| token.is_valid(now) && token.user.is_none());
    Ok(token.map(|token| Principal { id: token.id, name: token.name, user: None, grants: vec![token.grant] }))
}

/// A person within what a token of theirs says, or said.
async fn person(engine: &Engine, name: &UserName, within: &[Grant]) -> Result<Option<Principal>, CatalogError> {
    let user = engine.catalog.user(name).await?.filter(|user| user.disabled_at.is_none());
    let Some(user) = user else { return Ok(None) };
    let grants = engine.catalog.grants_of(name).await?;
    let grants = within.iter().flat_map(|limit| grants.iter().filter_map(|own| own.within(limit))).collect();
    Ok(Some(Principal { id: format!("@{name}"), name: user.title, user: Some(user.name), grants }))
}

/// Makes the first administrator's token when the service has never had one: with the given secret, or a new one.
/// Returns a new one's secret, to be shown once.
///
/// # Errors
/// `Secret` when the given one is too weak; `Catalog`.
pub async fn bootstrap(engine: &Engine, given: Option<&str>) -> Result<Option<String>, TokenError> {
    if engine.catalog.has_tokens().await? {
        return Ok(None);
    }
    let is_fit = |secret: &str| {
        (SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&secret.len()) && secret.bytes().all(|b| b.is_ascii_graphic())
    };
    if given.is_some_and(|secret| !is_fit(secret)) {
        return Err(TokenError::Secret);
    }
    let secret = given.map_or_else(new_secret, str::to_owned);
    let system = Principal { id: "system".to_owned(), name: "first start".to_owned(), user: None, grants: Vec::new() };
    let caller = Caller::new(system, engine.clock.now());
    let grant = Grant { role: Role::Administrator, project: None, environment: None };
    let draft = TokenDraft { name: "administrator".to_owned(), user: None, grant, expires_at: None };
    insert(engine, &caller, draft, &secret).await?;
    Ok(given.is_none().then_some(secret))
}
