//! Why a webhook or a subscription was not changed.

use shelfmark_domain::failure::{Failure, FailureKind};

use crate::catalog::CatalogError;
use crate::operations::people::caller::AccessError;
use crate::operations::revision::Stale;
use crate::operations::text::InvalidText;

/// Why a webhook or a subscription was not changed.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    #[error("there is no webhook {0} in this project; list them with GET webhooks")]
    NoWebhook(String),
    #[error("the project has {0} webhooks, the most that are allowed; remove one")]
    TooManyWebhooks(usize),
    #[error("no kinds of events are named; give some such as release.* or * for all")]
    NoKinds,
    #[error("{0} kinds are too many; give at most {1}")]
    TooManyKinds(usize, usize),
    #[error(
        "this Idempotency-Key has made a secret for the webhook {0} already, and it was shown then, once; if it was lost, \
         rotate it with a new key"
    )]
    ShownOnce(String),
    #[error("the webhook {0} is disabled; enable it before it can be tried")]
    Disabled(String),
    #[error("event {0} is not there for this webhook; the outbox keeps events for a time only")]
    NoEvent(i64),
    #[error("events up to {0} are kept no more; replay from a later one")]
    Forgotten(i64),
    #[error("the grace of {0} hours is out of range; give 0 to 720")]
    Grace(f64),
    #[error("only people have mail; use a token that speaks for one")]
    NoPerson,
    #[error("you have {0} subscriptions, the most that are allowed; remove one")]
    TooManySubscriptions(usize),
    #[error("you have no subscription {0}; list yours with GET /api/v1/me/subscriptions")]
    NoSubscription(String),
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for NotifyError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoWebhook(_) | Self::NoEvent(_) | Self::NoSubscription(_) => FailureKind::NotFound,
            Self::TooManyWebhooks(_) | Self::TooManySubscriptions(_) | Self::TooManyKinds(..) => FailureKind::TooLarge,
            Self::NoKinds | Self::Grace(_) => FailureKind::Invalid,
            Self::ShownOnce(_) | Self::Disabled(_) | Self::Forgotten(_) | Self::NoPerson => FailureKind::Conflict,
            Self::Text(error) => error.kind(),
            Self::Stale(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NoKinds | Self::TooManyKinds(..) => Some("kinds"),
            Self::Grace(_) => Some("grace_hours"),
            Self::Text(error) => error.field(),
            _ => None,
        }
    }

    fn present_revision(&self) -> Option<i64> {
        if let Self::Stale(error) = self { error.present_revision() } else { None }
    }
}
