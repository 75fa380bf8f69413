//! The API: JSON over HTTP, one file per noun. A handler reads, calls one operation, and shows what came of it.

use actix_web::web::ServiceConfig;

use crate::Services;

/// Adds the addresses of the API.
pub fn routes(_config: &mut ServiceConfig, _services: &Services) {}
