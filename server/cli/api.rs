//! The HTTP client: addresses below `/api/v1`, JSON in and out, failures as sentences.

use std::time::Duration;

use anyhow::Context;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{HeaderMap, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::RequestFailed;

/// What stays as it is in a segment of an address: RFC 3986 `unreserved`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How long a server may take to accept a connection, in seconds.
const CONNECT_S_MAX: u64 = 10;

/// A server, and who we are to it.
#[derive(Clone)]
pub struct Api {
    client: Client,
    url: String,
    token: Option<HeaderValue>,
}

impl Api {
    /// A client of the server at `url`; nothing is sent yet.
    ///
    /// # Errors
    /// When the token cannot be sent.
    pub fn new(url: &str, token: Option<&str>) -> anyhow::Result<Self> {
        let mut builder = Client::builder()
            .user_agent(concat!("shelfmark/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(CONNECT_S_MAX))
            .redirect(Policy::none()); // a redirected upload would be sent twice, its token perhaps to a stranger
        if url.starts_with("http://") {
            builder = builder.tls_certs_only([]); // reading the certificates takes longer than most commands
        }
        let client = builder.build().context("the HTTP client did not start")?;
        let token = token.map(bearer).transpose()?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), token })
    }

    /// The server's own address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A request to an address below `/api/v1`, to be completed and given to `send`.
    pub fn request(&self, method: Method, address: &str) -> RequestBuilder {
        let mut headers = HeaderMap::new();
        if let Some(token) = &self.token {
            headers.insert(reqwest::header::AUTHORIZATION, token.clone());
        }
        self.client.request(method, format!("{}/api/v1{address}", self.url)).headers(headers)
    }

    /// Sends, and turns every status of failure into an error.
    ///
    /// # Errors
    /// `RequestFailed`.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, RequestFailed> {
        let answer = request.send().await.map_err(|error| RequestFailed::from_transport(&self.url, error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let address = answer.url().to_string();
        if let Some(to) = answer.headers().get(LOCATION).filter(|_| status.is_redirection()) {
            let to = String::from_utf8_lossy(to.as_bytes()).into_owned();
            return Err(RequestFailed::Moved { url: self.url.clone(), to });
        }
        let body = answer.text().await.unwrap_or_default();
        Err(RequestFailed::from_answer(&address, status, &body))
    }

    /// Sends and reads a JSON answer.
    ///
    /// # Errors
    /// `RequestFailed`.
    pub async fn send_for<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, RequestFailed> {
        let answer = self.send(request).await?;
        let body = answer.bytes().await.map_err(|error| RequestFailed::from_transport(&self.url, error))?;
        serde_json::from_slice(&body).map_err(|_| RequestFailed::NotOurs { url: self.url.clone() })
    }

    /// Reads an address.
    ///
    /// # Errors
    /// `RequestFailed`.
    pub async fn get<T: DeserializeOwned>(&self, address: &str) -> Result<T, RequestFailed> {
        self.send_for(self.request(Method::GET, address)).await
    }

    /// Sends a JSON body.
    ///
    /// # Errors
    /// `RequestFailed`.
    pub async fn send_json(&self, method: Method, address: &str, body: &Value) -> Result<Value, RequestFailed> {
        self.send_for(self.request(method, address).json(body)).await
    }

    /// Posts a JSON body.
    ///
    /// # Errors
    /// `RequestFailed`.
    pub async fn post(&self, address: &str, body: &Value) -> Result<Value, RequestFailed> {
        self.send_json(Method::POST, address, body).await
    }

    /// Reads a list to its end, or to `most` items.
    ///
    /// # Errors
    /// `RequestFailed`.
    pub async fn list(&self, address: &str, page: usize, most: usize) -> Result<Vec<Value>, RequestFailed> {
        let joint = if address.contains('?') { '&' } else { '?' };
        let mut items: Vec<Value> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let limit = page.min(most - items.len());
            let from = cursor.take().map(|text| format!("&cursor={}", segment(&text))).unwrap_or_default();
            let mut answer: Value = self.get(&format!("{address}{joint}limit={limit}{from}")).await?;
            let Some(Value::Array(found)) = answer.get_mut("items").map(Value::take) else {
                return Err(RequestFailed::NotOurs { url: self.url.clone() });
            };
            items.extend(found);
            cursor = answer.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() || items.len() >= most {
                items.truncate(most);
                return Ok(items);
            }
        }
    }
}

/// A text as one segment or query value of an address.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// An asset's path as segments of an address; the slashes stay.
pub fn segments(path: &str) -> String {
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn bearer(token: &str) -> anyhow::Result<HeaderValue> {
    let text = HeaderValue::from_str(&format!("Bearer {}", token.trim()));
    let mut value = text.context("the token has characters that no token has; copy it again")?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_its_slashes_and_nothing_else_that_an_address_gives_a_meaning() {
        assert_eq!(segments("img/a b?#%+ü.svg"), "img/a%20b%3F%23%25%2B%C3%BC.svg");
        assert_eq!(segment("img/a"), "img%2Fa");
    }
}
