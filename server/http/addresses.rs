//! What is answered where no handler is: that there is nothing, or that this can't be done here.

use std::sync::OnceLock;

use actix_web::dev::ResourceDef;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::openapi::PathItem;

use super::docs::description;
use super::extract::check_address;
use crate::web::Problem;

/// An address with the methods that it takes.
struct Address {
    pattern: ResourceDef,
    methods: Vec<&'static str>,
}

/// Answers a request that no handler takes: 405 at an address that others take, 404 elsewhere.
pub async fn no_handler(request: HttpRequest) -> Result<HttpResponse, Problem> {
    check_address(request.uri().path())?;
    let here = addresses().iter().filter(|address| address.pattern.is_match(request.path()));
    let mut methods: Vec<&str> = here.flat_map(|address| address.methods.iter().copied()).collect();
    methods.sort_unstable();
    methods.dedup();
    let methods = methods.join(", ");
    match HeaderValue::from_str(&methods) {
        Ok(allow) if !methods.is_empty() => {
            let detail = format!("{} can't be done here; this address takes {methods}", request.method());
            Err(Problem::of_status(StatusCode::METHOD_NOT_ALLOWED, Some(detail)).with_header(ALLOW, allow))
        }
        _ => Err(Problem::of_status(StatusCode::NOT_FOUND, None)),
    }
}

fn addresses() -> &'static [Address] {
    static ADDRESSES: OnceLock<Vec<Address>> = OnceLock::new();
    ADDRESSES.get_or_init(|| {
        let address = |(path, item): (&String, &PathItem)| Address {
            // The path of an asset is the only name in an address that has slashes.
            pattern: ResourceDef::new(path.replace("{path}", "{path:.*}")),
            methods: methods(item),
        };
        description().paths.paths.iter().map(address).collect()
    })
}

/// The methods of an address.
fn methods(item: &PathItem) -> Vec<&'static str> {
    let all = [
        ("GET", &item.get),
        ("HEAD", &item.head),
        ("PUT", &item.put),
        ("POST", &item.post),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    all.into_iter().filter(|(_, operation)| operation.is_some()).map(|(name, _)| name).collect()
}
