//! What handlers read of a request: who asks, what stands in the address, the query, the headers and the body.
//! Whatever is wrong is refused here, with the name of the field at fault.

mod json;
mod page;
mod precondition;

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{EnvironmentName, ProjectName, ReleaseNumber, WorkItemNumber};
use shelfmark_domain::path::AssetPath;
use shelfmark_domain::pin::AssetId;
use shelfmark_engine::Engine;
use shelfmark_engine::catalog::{Catalog, ProjectRow};
use shelfmark_engine::operations::{BodyError, Caller};

use crate::Services;
use crate::config::Config;
use crate::web::Problem;

pub use json::given;
pub use page::{PageQuery, PageView, Paging};
pub use precondition::tag;

/// A request on its way through a handler.
pub struct Asked {
    services: web::Data<Services>,
    pub request: HttpRequest,
    payload: Payload,
}

impl FromRequest for Asked {
    type Error = Problem;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let services = request.app_data::<web::Data<Services>>().expect("app.rs hands the services to every app");
        if let Err(problem) = check_address(request.uri().path()) {
            return ready(Err(problem));
        }
        ready(Ok(Self { services: services.clone(), request: request.clone(), payload: payload.take() }))
    }
}

impl Asked {
    pub fn services(&self) -> &Services {
        &self.services
    }

    pub fn engine(&self) -> &Engine {
        &self.services.engine
    }

    pub fn catalog(&self) -> &Catalog {
        &self.services.engine.catalog
    }

    pub fn config(&self) -> &Config {
        &self.services.config
    }

    /// Who asks.
    ///
    /// # Errors
    /// Unauthenticated.
    pub async fn caller(&self) -> Result<Caller, Problem> {
        self.services.auth.caller(&self.request).await
    }

    /// The caller and the body of a request that changes something, which an `Idempotency-Key` may mark.
    ///
    /// # Errors
    /// Unauthenticated; invalid for a wrong body or key.
    pub async fn changing<B: DeserializeOwned>(&mut self) -> Result<(Caller, B), Problem> {
        self.caller().await?; // strangers learn nothing about what a body should be
        let bytes = self.body_bytes().await?;
        let caller = self.services.auth.changing_caller(&self.request, &bytes).await?;
        Ok((caller, json::parse(&bytes)?))
    }

    /// The caller of a request that changes something by its address, its headers and perhaps a stream.
    ///
    /// # Errors
    /// Unauthenticated; invalid for a wrong key.
    pub async fn changing_caller(&self) -> Result<Caller, Problem> {
        self.services.auth.changing_caller(&self.request, b"").await
    }

    async fn body_bytes(&mut self) -> Result<Bytes, Problem> {
        let (payload, bytes_max) = (self.take_payload(), self.config().limits.json_kib << 10);
        json::read(&self.request, payload, bytes_max).await
    }

    fn take_payload(&mut self) -> Payload {
        std::mem::replace(&mut self.payload, Payload::None)
    }

    /// The body as it comes.
    pub fn body(&mut self) -> impl Stream<Item = Result<Bytes, BodyError>> + use<> {
        self.take_payload().map(|piece| piece.map_err(|error| BodyError(error.to_string())))
    }

    /// The project in the address, if the caller may read it.
    ///
    /// # Errors
    /// Unauthenticated, not found, forbidden.
    pub async fn readable_project(&self) -> Result<ProjectRow, Problem> {
        let caller = self.caller().await?;
        Ok(caller.project(self.catalog(), &self.project()?, Permission::Read).await?)
    }

    /// What stands in the address where the route has `{name}`.
    ///
    /// # Errors
    /// Invalid when it is not what belongs there.
    pub fn segment<T: FromStr>(&self, name: &'static str) -> Result<T, Problem>
    where
        T::Err: std::fmt::Display,
    {
        let raw = self.request.match_info().get(name).unwrap_or_default();
        let text = percent_decode_str(raw).decode_utf8().map_err(|_| Problem::invalid(name, NOT_UTF8))?;
        text.parse().map_err(|why| Problem::invalid(name, why))
    }

    pub fn project(&self) -> Result<ProjectName, Problem> {
        self.segment("project")
    }

    pub fn environment(&self) -> Result<EnvironmentName, Problem> {
        self.segment("environment")
    }

    pub fn release(&self) -> Result<ReleaseNumber, Problem> {
        self.segment("release")
    }

    pub fn item(&self) -> Result<WorkItemNumber, Problem> {
        self.segment("item")
    }

    pub fn asset(&self) -> Result<AssetId, Problem> {
        let id: uuid::Uuid = self.segment("asset")?;
        Ok(AssetId(id.into_bytes()))
    }

    pub fn version(&self) -> Result<i64, Problem> {
        counted("version", self.segment("version")?)
    }

    /// The asset path at the end of the address. It is taken from the address as it was sent, because the router has
    /// decoded its own copy loosely.
    ///
    /// # Errors
    /// Invalid when it is none.
    pub fn path(&self) -> Result<AssetPath, Problem> {
        const SEGMENTS_BEFORE: usize = 6; // "", api, v1, projects, {project}, files
        let raw = self.request.uri().path();
        let tail = raw.splitn(SEGMENTS_BEFORE + 1, '/').nth(SEGMENTS_BEFORE).unwrap_or_default();
        let path = percent_decode_str(tail).decode_utf8().map_err(|_| Problem::invalid("path", NOT_UTF8))?;
        path.parse().map_err(|why| Problem::invalid("path", why))
    }

    /// The query.
    ///
    /// # Errors
    /// Invalid for a parameter that is unknown, comes twice, or is malformed.
    pub fn query<Q: DeserializeOwned>(&self) -> Result<Q, Problem> {
        let query = web::Query::<Q>::from_query(self.request.query_string());
        query.map(web::Query::into_inner).map_err(|error| json::wrong(None, &error.to_string()))
    }

    /// A header as text.
    ///
    /// # Errors
    /// Invalid when it comes twice or is no ASCII text.
    pub fn header(&self, name: &'static str) -> Result<Option<&str>, Problem> {
        let mut values = self.request.headers().get_all(name);
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Problem::invalid(name, "the header comes twice; send it once"));
        }
        let text = value.to_str();
        text.map(Some)
            .map_err(|_| Problem::invalid(name, "the header has characters beyond ASCII; percent-encode them"))
    }

    /// The work item that `X-Work-Item` names.
    ///
    /// # Errors
    /// Invalid when it names none.
    pub fn work_item_header(&self) -> Result<Option<WorkItemNumber>, Problem> {
        const NAME: &str = "X-Work-Item";
        let number = self.header(NAME)?.map(|text| text.trim().parse()).transpose();
        number.map_err(|why| Problem::invalid(NAME, why))
    }

    /// What `X-Message` says; the empty text without one.
    ///
    /// # Errors
    /// Invalid when it is not percent-encoded UTF-8.
    pub fn message(&self) -> Result<String, Problem> {
        let Some(raw) = self.header("X-Message")? else { return Ok(String::new()) };
        if !is_percent_encoded(raw) {
            return Err(Problem::invalid("X-Message", BROKEN_ESCAPE));
        }
        let text = percent_decode_str(raw).decode_utf8().map_err(|_| Problem::invalid("X-Message", NOT_UTF8))?;
        plain("X-Message", text.into_owned())
    }
}

const NOT_UTF8: &str = "this is not UTF-8 in percent-encoding; encode the UTF-8 bytes";
const BROKEN_ESCAPE: &str = "a % is not followed by two hex digits; write a percent sign as %25";

/// A text without NUL, which no database holds.
///
/// # Errors
/// Invalid.
pub fn plain(field: &'static str, text: String) -> Result<String, Problem> {
    if text.contains('\0') { Err(Problem::invalid(field, "the text has a NUL character; remove it")) } else { Ok(text) }
}

/// A number that counts from 1.
///
/// # Errors
/// Invalid.
pub fn counted(field: &'static str, number: i64) -> Result<i64, Problem> {
    if number >= 1 {
        Ok(number)
    } else {
        Err(Problem::invalid(field, format!("{number} is out of range; count from 1")))
    }
}

/// A list that is not longer than a request may be.
///
/// # Errors
/// Too large.
pub fn at_most<T>(field: &'static str, list: Vec<T>, most: usize) -> Result<Vec<T>, Problem> {
    if list.len() <= most {
        return Ok(list);
    }
    let detail = format!("there are {} {field}; send at most {most} in one request", list.len());
    Err(Problem::new(shelfmark_domain::failure::FailureKind::TooLarge, detail).with_field(field))
}

/// Whether an address can be read: every `%` begins two hex digits, and what they stand for is UTF-8 without NUL.
///
/// # Errors
/// Invalid.
pub fn check_address(path: &str) -> Result<(), Problem> {
    if !is_percent_encoded(path) {
        return Err(Problem::invalid("path", BROKEN_ESCAPE));
    }
    match percent_decode_str(path).decode_utf8() {
        Err(_) => Err(Problem::invalid("path", NOT_UTF8)),
        Ok(text) if text.contains('\0') => Err(Problem::invalid("path", "the path has a NUL character; remove it")),
        Ok(_) => Ok(()),
    }
}

fn is_percent_encoded(text: &str) -> bool {
    let mut after = text.split('%').skip(1).map(str::as_bytes);
    after.all(|rest| rest.len() >= 2 && rest[..2].iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_read_is_refused() {
        for good in ["/a", "/a%20b", "/%C3%BC%25"] {
            assert!(check_address(good).is_ok(), "{good}");
        }
        for bad in ["/%", "/%2", "/%zz", "/a%00", "/%FF", "/%C3"] {
            assert!(check_address(bad).is_err(), "{bad}");
        }
    }
}
