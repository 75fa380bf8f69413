//! JSON bodies: read under a limit, refused with the field at fault.

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use actix_web::http::StatusCode;
use shelfmark_domain::failure::FailureKind;

use crate::web::Problem;

/// Reads a whole JSON body. An absent one counts as an object without fields.
///
/// # Errors
/// Another media type, too many bytes, a body that breaks off.
pub async fn read(request: &HttpRequest, mut payload: Payload, bytes_max: usize) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|error| {
            Problem::new(FailureKind::Invalid, format!("the request's body broke off: {error}; send it again"))
        })?;
        if body.len() + piece.len() > bytes_max {
            let detail = format!("the body is larger than {bytes_max} bytes; send less at a time");
            return Err(Problem::new(FailureKind::TooLarge, detail));
        }
        body.extend_from_slice(&piece);
    }
    if body.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    let media_type = request.headers().get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    if !is_json(media_type) {
        let detail = "the body's media type is not JSON; send it with Content-Type: application/json";
        return Err(Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, Some(detail.to_owned())));
    }
    Ok(body.freeze())
}

fn is_json(media_type: &[u8]) -> bool {
    let essence = media_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/json")
}

/// Reads a value out of a JSON text.
///
/// # Errors
/// Invalid, with the field at fault.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        // A body that breaks off or isn't JSON at all has no place: `.` is the whole, `?` one that isn't known.
        wrong(Some(path).filter(|path| path != "." && path != "?"), &error.into_inner().to_string())
    })?;
    reader.end().map_err(|error| wrong(None, &error.to_string()))?;
    Ok(value)
}

/// What is wrong with a body or query, with the field: the place where the reading stopped, or what the message names.
pub fn wrong(place: Option<String>, message: &str) -> Problem {
    let message = message.strip_prefix("Query deserialize error: ").unwrap_or(message);
    let named = ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|start| message.split_once(start)?.1.split_once('`'))
        .map(|(name, _)| name.to_owned());
    let field = match (place, named) {
        (Some(place), Some(name)) if place != name && !place.ends_with(&format!(".{name}")) => {
            Some(format!("{place}.{name}"))
        }
        (place, named) => place.or(named),
    };
    let problem = Problem::new(FailureKind::Invalid, format!("{message}; correct it and send it again"));
    match field {
        Some(field) => problem.with_field(field),
        None => problem,
    }
}

/// Tells a field that is null from one that is absent; goes with `#[serde(default)]`.
///
/// # Errors
/// When the value is no `T`.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only read")]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only read")]
        count: u8,
    }

    fn field(text: &str) -> String {
        let document = format!("{:?}", parse::<Outer>(text.as_bytes()).unwrap_err());
        let field = document.split_once("field: ").unwrap().1;
        field.split_once(", current").unwrap().0.to_owned()
    }

    #[test]
    fn the_field_at_fault_is_named() {
        assert_eq!(field(r#"{"inner":{"count":300}}"#), "Some(\"inner.count\")");
        assert_eq!(field(r#"{"inner":{}}"#), "Some(\"inner.count\")");
        assert_eq!(field(r#"{"inner":{"cuont":3}}"#), "Some(\"inner.cuont\")");
        assert_eq!(field(r#"{"outer":1}"#), "Some(\"outer\")");
        assert_eq!(field("{"), "None");
        assert_eq!(field("{} {}"), "None");
    }

    #[test]
    fn only_json_is_json() {
        assert!(is_json(b"application/json") && is_json(b"Application/JSON; charset=utf-8"));
        assert!(!is_json(b"text/plain") && !is_json(b"") && !is_json(b"application/x-www-form-urlencoded"));
    }
}
