//! Texts that people give: what both databases can keep and others can read.

use shelfmark_domain::failure::{Failure, FailureKind};

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    #[error("the {field} is longer than {max} bytes; shorten it")]
    TooLong { field: &'static str, max: usize },
    #[error("the {0} has a NUL character; remove it")]
    Nul(&'static str),
    #[error("the {0} is empty; say something that people will understand")]
    Empty(&'static str),
}

impl Failure for InvalidText {
    fn kind(&self) -> FailureKind {
        match self {
            Self::TooLong { .. } | Self::Nul(_) | Self::Empty(_) => FailureKind::Invalid,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::TooLong { field, .. } | Self::Nul(field) | Self::Empty(field) => Some(field),
        }
    }
}

/// Whether a text can be kept; `field` is its name in the request.
pub(super) fn check_text(field: &'static str, text: &str, max: usize) -> Result<(), InvalidText> {
    if text.len() > max {
        return Err(InvalidText::TooLong { field, max });
    }
    if text.contains('\0') { Err(InvalidText::Nul(field)) } else { Ok(()) }
}

/// As `check_text`, for one that must say something.
pub(super) fn check_said(field: &'static str, text: &str, max: usize) -> Result<(), InvalidText> {
    if text.trim().is_empty() {
        return Err(InvalidText::Empty(field));
    }
    check_text(field, text, max)
}
