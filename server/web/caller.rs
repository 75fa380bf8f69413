//! Who is asking: the token of a request, checked. Tokens that were found valid are remembered for a moment, so that
//! delivery from private environments asks no database at every request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use quick_cache::sync::Cache;

use shelfmark_domain::access::Principal;
use shelfmark_domain::failure::FailureKind;
use shelfmark_engine::Engine;
use shelfmark_engine::operations::{Caller, IdempotencyKey, authenticate};

use super::problem::Problem;

/// Tokens that are remembered.
const REMEMBERED: usize = 10_000;
const IDEMPOTENCY_KEY: &str = "idempotency-key";
const KEY_BYTES_MAX: usize = 200;
/// Headers that are part of what a request asks for.
const MEANINGFUL: [&str; 5] = ["if-match", "if-none-match", "x-message", "x-metadata", "x-work-item"];

/// A token that was found valid: when it was looked up, and for whom it speaks.
#[derive(Clone)]
struct Remembered {
    at: Instant,
    principal: Arc<Principal>,
    expires_at: Option<shelfmark_domain::time::Timestamp>,
}

/// Checks tokens.
#[derive(Clone)]
pub struct Authenticator {
    engine: Engine,
    remember: Duration,
    tokens: Arc<Cache<[u8; 32], Remembered>>,
}

impl Authenticator {
    /// An authenticator that remembers valid tokens for a while.
    pub fn new(engine: Engine, remember: Duration) -> Self {
        Self { engine, remember, tokens: Arc::new(Cache::new(REMEMBERED)) }
    }

    /// Forgets all tokens, so that a revocation works at once.
    pub fn forget(&self) {
        self.tokens.clear();
    }

    /// Who is asking; `None` without credentials.
    ///
    /// # Errors
    /// Unauthenticated for a token that is malformed, unknown, expired or revoked.
    pub async fn principal(&self, request: &HttpRequest) -> Result<Option<Arc<Principal>>, Problem> {
        let Some(header) = request.headers().get(AUTHORIZATION) else { return Ok(None) };
        let secret = header.to_str().ok().and_then(|text| text.split_once(' '));
        let secret =
            secret.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, secret)| secret.trim());
        let secret = secret.ok_or_else(|| refused("send the token as Authorization: Bearer smt_..."))?;
        let name = *shelfmark_domain::hash::ContentId::of(secret.as_bytes()).as_bytes();
        if let Some(known) = self.tokens.get(&name)
            && known.at.elapsed() < self.remember
            && known.expires_at.is_none_or(|end| self.engine.clock.now() < end)
        {
            return Ok(Some(known.principal));
        }
        self.tokens.remove(&name);
        let known = authenticate(&self.engine, secret).await?;
        let (principal, expires_at) = known.ok_or_else(|| {
            refused("the token is unknown, has expired or was revoked; get a new one from an administrator")
        })?;
        let principal = Arc::new(principal);
        let remembered = Remembered { at: Instant::now(), principal: principal.clone(), expires_at };
        self.tokens.insert(name, remembered);
        Ok(Some(principal))
    }

    /// The caller of an operation.
    ///
    /// # Errors
    /// Unauthenticated without a valid token; invalid for a bad `Idempotency-Key`.
    pub async fn caller(&self, request: &HttpRequest) -> Result<Caller, Problem> {
        let principal = self.principal(request).await?;
        let principal = principal.ok_or_else(|| refused("send a token as Authorization: Bearer smt_..."))?;
        Ok(Caller::new(Principal::clone(&principal), self.engine.clock.now()))
    }

    /// The caller of an operation that changes something: repetitions with the same `Idempotency-Key` are recognised
    /// by what they ask for. A body that is a stream is not known yet; the operation adds it.
    ///
    /// # Errors
    /// As `caller`.
    pub async fn changing_caller(&self, request: &HttpRequest, body: &[u8]) -> Result<Caller, Problem> {
        let mut caller = self.caller(request).await?;
        let mut keys = request.headers().get_all(IDEMPOTENCY_KEY);
        let Some(key) = keys.next() else { return Ok(caller) };
        let key = key.to_str().ok().filter(|key| (1..=KEY_BYTES_MAX).contains(&key.len()) && keys.next().is_none());
        let key =
            key.ok_or_else(|| Problem::invalid("Idempotency-Key", "send one key of 1 to 200 printable characters"))?;
        caller.idempotency = Some(IdempotencyKey { key: key.to_owned(), fingerprint: fingerprint(request, body) });
        Ok(caller)
    }
}

/// A hash of what a request asks for.
fn fingerprint(request: &HttpRequest, body: &[u8]) -> [u8; 32] {
    let said = |name| request.headers().get(name).map_or(&b""[..], |value| value.as_bytes());
    let line = [request.method().as_str(), request.path(), request.query_string()].map(str::as_bytes);
    let mut hasher = blake3::Hasher::new();
    for part in line.into_iter().chain(MEANINGFUL.map(said)).chain([body]) {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    *hasher.finalize().as_bytes()
}

fn refused(why: &str) -> Problem {
    Problem::new(FailureKind::Unauthenticated, why)
}
