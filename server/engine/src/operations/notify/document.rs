//! An event as others get it, by webhook, stream or mail.

use serde_json::{Value, json};

use crate::catalog::EventRow;

/// The event's document.
pub fn event_document(event: &EventRow) -> Value {
    let details: Value = serde_json::from_str(&event.details).unwrap_or(Value::Null);
    json!({
        "type": event.kind,
        "timestamp": event.at,
        "data": {
            "project": event.project,
            "sequence": event.sequence,
            "subject": event.subject,
            "actor": { "id": event.actor, "name": event.actor_name },
            "message": event.message,
            "details": details,
        },
    })
}
