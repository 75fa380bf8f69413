//! What a look at a deployment finds.

use crate::catalog::VerifiedItem;

/// Who decides verifications.
pub(super) const VERIFIER: &str = "verification";

/// What was found at an address: `Ok` with what was as it should be, or what was not.
pub type Found = (String, Result<String, String>);

/// What has been looked at from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    pub items: Vec<VerifiedItem>,
    /// The contents are damaged: waiting does not help.
    pub is_hopeless: bool,
}
