//! What can go wrong between the command line and the server, as sentences for a person.

use reqwest::StatusCode;
use serde::Deserialize;

/// The command was given in a way that cannot be meant; nothing has been done. Exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUse(pub String);

/// Why a request has no good answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestFailed {
    #[error("{detail}{}{remedies}", request_line(.request_id.as_deref()))]
    Refused { status: StatusCode, detail: String, request_id: Option<String>, remedies: String },
    #[error("no server answers at {url}; start one with `shelfmark serve --data ./data`, or name another with --url")]
    Unreachable { url: String, source: reqwest::Error },
    #[error("the connection to {url} broke before the answer was complete; run the command again")]
    Broken { url: String, source: reqwest::Error },
    #[error("{url} did not answer as a shelfmark server does; check --url")]
    NotOurs { url: String },
    #[error("{url} sends us on to {to}; give the server's own address with --url")]
    Moved { url: String, to: String },
}

/// The part of a problem document that a person needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ProblemDocument {
    title: Option<String>,
    detail: Option<String>,
    request_id: Option<String>,
    checks: Vec<FailedCheck>,
}

/// The part of a check that a person needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FailedCheck {
    name: String,
    remedy: Option<String>,
}

impl RequestFailed {
    /// Reads the body of an answer whose status says failure. A body that is no problem document comes from
    /// something between us and the server, and its status is all that it tells.
    pub fn from_answer(url: &str, status: StatusCode, body: &str) -> Self {
        let document: ProblemDocument = serde_json::from_str(body).unwrap_or_default();
        let detail = document.detail.or(document.title).unwrap_or_else(|| format!("{url} answered {status}"));
        let remedy = |check: FailedCheck| Some(format!("\n  {}: {}", check.name, check.remedy?));
        let remedies = document.checks.into_iter().filter_map(remedy).collect();
        Self::Refused { status, detail, request_id: document.request_id, remedies }
    }

    /// Tells a server that is not there from a connection that broke.
    pub fn from_transport(url: &str, source: reqwest::Error) -> Self {
        let url = url.to_owned();
        if source.is_connect() { Self::Unreachable { url, source } } else { Self::Broken { url, source } }
    }

    /// The status of a refusal.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Unreachable { .. } | Self::Broken { .. } | Self::NotOurs { .. } | Self::Moved { .. } => None,
        }
    }
}

/// Whether the error is the server's answer with this status.
pub fn is_status(error: &anyhow::Error, status: StatusCode) -> bool {
    error.downcast_ref::<RequestFailed>().and_then(RequestFailed::status) == Some(status)
}

fn request_line(request_id: Option<&str>) -> String {
    request_id.map(|id| format!(" (request {id})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_document_becomes_its_sentence_and_request() {
        let body = r#"{"type":"urn:shelfmark:problem:conflict","title":"Conflict","status":409,
            "detail":"production serves R-2.1 by now; read it again","request_id":"01J"}"#;
        let failed = RequestFailed::from_answer("http://x", StatusCode::CONFLICT, body);
        assert_eq!(failed.to_string(), "production serves R-2.1 by now; read it again (request 01J)");
        assert_eq!(failed.status(), Some(StatusCode::CONFLICT));
    }

    #[test]
    fn an_answer_from_something_else_tells_its_status() {
        let failed = RequestFailed::from_answer("http://x/api", StatusCode::BAD_GATEWAY, "<html>");
        assert_eq!(failed.to_string(), "http://x/api answered 502 Bad Gateway");
    }
}
