//! What every answer over HTTP has in common, for the API and for delivery: problem documents, request ids and logs,
//! who is asking, and how the bytes of a content are sent.

pub mod body;
pub mod caller;
pub mod conditions;
pub mod connection;
pub mod content;
pub mod framing;
pub mod heads;
pub mod listening;
pub mod outbound;
pub mod problem;
pub mod ranges;
pub mod representation;
pub mod request;

pub use caller::Authenticator;
pub use problem::Problem;
