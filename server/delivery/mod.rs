//! Published bytes: what environments, builds and content addresses serve.

use actix_web::web::ServiceConfig;

use crate::Services;

/// Adds the addresses of delivery.
pub fn routes(_config: &mut ServiceConfig, _services: &Services) {}
