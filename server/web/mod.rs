//! What every answer over HTTP has in common, for the API and for delivery: problem documents, request ids and logs,
//! and who is asking.

pub mod caller;
pub mod problem;
pub mod request;

pub use caller::Authenticator;
pub use problem::Problem;
