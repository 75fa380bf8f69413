//! What people say about a change.

/// Why a message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    #[error("the message is longer than {0} bytes; shorten it")]
    TooLong(usize),
    #[error("the message has a NUL character; remove it")]
    Nul,
}

/// Whether both databases can keep a message and people can read it in a list.
pub(super) fn check_message(message: &str, bytes_max: usize) -> Result<(), InvalidMessage> {
    if message.len() > bytes_max {
        return Err(InvalidMessage::TooLong(bytes_max));
    }
    if message.contains('\0') { Err(InvalidMessage::Nul) } else { Ok(()) }
}
