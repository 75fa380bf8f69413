//! Looking at what an environment serves after a move of its pointer: contents are read back from the store, addresses
//! fetched, outside checks awaited. Who fetches addresses is outside of this package; what it found comes in here.

mod again;
mod decide;
mod error;
mod found;
mod read_back;
mod run;

pub use again::verify_again;
pub use decide::conclude_verification;
pub use error::VerifyError;
pub use found::{Found, Looked};
pub use run::{claim_verifications, hold_verification, look_at_verification, roll_back_verified};
