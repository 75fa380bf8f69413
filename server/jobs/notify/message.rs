//! A letter as the mail that is sent. Addresses and header values are built by a library that knows their grammar and
//! refuses or encodes what doesn't fit, so nothing in an event or a name can add a header.

use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use shelfmark_engine::operations::notify::{AddressedLetter, letter_text};

/// The mail of a letter; `url` is how people reach the service.
///
/// # Errors
/// When an address is none.
pub fn message(addressed: &AddressedLetter, from: &Mailbox, url: &str) -> anyhow::Result<Message> {
    let letter = &addressed.letter;
    let (subject, text) = letter_text(letter, &addressed.title, url);
    let to = Mailbox::new(None, addressed.address.parse()?);
    let unsubscribe = format!("<{url}/api/v1/unsubscribe/{}>", letter.unsubscribe);
    let micros = u64::try_from(letter.created_at.as_micros()).unwrap_or(0);
    let written_at = std::time::UNIX_EPOCH + std::time::Duration::from_micros(micros);
    let builder = Message::builder()
        .from(from.clone())
        .to(to)
        .subject(subject)
        .date(written_at)
        .message_id(Some(format!("<{}.shelfmark@{}>", letter.id, from.email.domain())))
        .header(ContentType::TEXT_PLAIN);
    let builder = with(builder, "List-Unsubscribe", &unsubscribe)?;
    let builder = with(builder, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click")?;
    let builder = with(builder, "Auto-Submitted", "auto-generated")?;
    Ok(builder.body(text)?)
}

fn with(builder: MessageBuilder, name: &'static str, value: &str) -> anyhow::Result<MessageBuilder> {
    let name = HeaderName::new_from_ascii(name.to_owned())?;
    Ok(builder.raw_header(HeaderValue::new(name, value.to_owned())))
}
