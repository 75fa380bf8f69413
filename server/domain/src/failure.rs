//! What kind of failure an error is. This is all that the surfaces (HTTP, command line, jobs) ask of an
//! error; each of them turns the kind into its own answer once, without a wildcard.

/// The kinds of failure that callers can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// What was sent is wrong; sending it again unchanged fails again.
    Invalid,
    /// No or unknown credentials.
    Unauthenticated,
    /// Known, but not allowed.
    Forbidden,
    /// What was named does not exist, or may not be seen.
    NotFound,
    /// What was sent is right in itself but does not fit the present state.
    Conflict,
    /// A precondition (`If-Match`, an expected revision) did not hold.
    Stale,
    /// Over a configured limit.
    TooLarge,
    /// The service cannot do it now; trying again later may succeed.
    Busy,
    /// No space left in the store or database.
    Full,
    /// Stored bytes are missing or differ from their name.
    Corrupt,
    /// A defect or an unexpected fault of a component.
    Internal,
}

/// An error that knows its kind. Every error that reaches a surface implements it with a `match` without `_`.
pub trait Failure: std::error::Error {
    /// What kind of failure this is.
    fn kind(&self) -> FailureKind;

    /// The field of the request that is at fault, where one can be named.
    fn field(&self) -> Option<&'static str> {
        None
    }

    /// The revision that is there instead of the expected one, where that is why.
    fn present_revision(&self) -> Option<i64> {
        None
    }
}
