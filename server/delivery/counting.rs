//! The figures of delivery. The counters are looked up once, not at every request.

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody as _};
use actix_web::http::header::CONTENT_LENGTH;
use metrics::Counter;

/// Requests by the class of their status, and the bytes of their bodies.
#[derive(Clone)]
pub struct Counting {
    served: Counter,
    not_modified: Counter,
    refused: Counter,
    failed: Counter,
    bytes: Counter,
}

impl Counting {
    /// Registers the counters.
    pub fn new() -> Self {
        let requests = |class: &'static str| metrics::counter!("shelfmark_delivery_requests_total", "status" => class);
        metrics::describe_counter!("shelfmark_delivery_requests_total", "Requests to delivery by status");
        metrics::describe_counter!("shelfmark_delivery_bytes_total", "Bytes of the bodies that delivery began to send");
        Self {
            served: requests("2xx"),
            not_modified: requests("304"),
            refused: requests("4xx"),
            failed: requests("5xx"),
            bytes: metrics::counter!("shelfmark_delivery_bytes_total"),
        }
    }

    /// Counts an answer. `is_head`: its body is not sent.
    pub fn note(&self, answer: &HttpResponse, is_head: bool) {
        match answer.status().as_u16() {
            200..=299 => self.served.increment(1),
            304 => self.not_modified.increment(1),
            300..=499 => self.refused.increment(1),
            _ => self.failed.increment(1),
        }
        if !is_head {
            self.bytes.increment(length(answer));
        }
    }
}

/// How long the body is; 0 when its end is not known yet.
fn length(answer: &HttpResponse) -> u64 {
    match answer.body().size() {
        BodySize::Sized(bytes) => bytes,
        BodySize::None => 0,
        BodySize::Stream => {
            let length = answer.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
            length.unwrap_or_default()
        }
    }
}
