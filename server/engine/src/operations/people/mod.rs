//! People and machines: who calls, what they may do, and the tokens by which they are known.

pub(super) mod caller;
pub(super) mod tokens;
pub(super) mod users;
