//! Calling addresses that others give: webhooks, and addresses that are looked at after a promotion. Whoever gives one
//! must not lead this service to what only this service can reach. So a host's addresses are looked up once, each is
//! checked, and only these are connected to: a name that means another address a moment later changes nothing. There
//! are no redirects and no proxies, only http and https, and only to the ports that the settings name.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Url};
use shelfmark_domain::notify::address::is_public;

use crate::config::OutboundConfig;

/// The longest address that is called, in bytes.
const URL_BYTES_MAX: usize = 2_048;

/// Finds a host's addresses. Tests give their own.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Why an address is not called, or what went wrong with the call.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("{0:?} is no address: write it as https://example.org/hook")]
    NoUrl(String),
    #[error("{0} addresses are not called; give one that begins with https:// or http://")]
    Scheme(String),
    #[error("an address with a user's name or password is not called; leave them out")]
    Credentials,
    #[error("port {0} is not called; choose another, or allow it in outbound.ports")]
    Port(u16),
    #[error("{0} is in a private network and is not called; an administrator can allow it in outbound.allow_hosts")]
    Private(String),
    #[error("no answer in time")]
    Late,
    #[error("no connection: {0}")]
    Unreachable(String),
    #[error("the request failed: {0}")]
    Failed(String),
    #[error("the answer broke off, or has more than {0} bytes")]
    TooLong(usize),
    #[error("the client for calls to others did not start: {0}")]
    Client(#[source] reqwest::Error),
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    /// At most as many bytes as were asked for.
    pub body: Vec<u8>,
    /// Whether there was more, or the answer broke off.
    pub is_cut: bool,
}

/// Calls addresses that others give. Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    client: Client,
    /// Calls this service itself, which no address of others leads to.
    own: Client,
    screen: Screen,
    ports: Arc<[u16]>,
    answer_bytes_max: usize,
}

/// Which hosts and addresses may be called.
#[derive(Clone)]
pub struct Screen {
    lookup: Lookup,
    allow_private: bool,
    allow_hosts: Arc<[String]>,
}

impl Outbound {
    /// Calls as the settings say.
    ///
    /// # Errors
    /// When the client can't be made.
    pub fn new(settings: &OutboundConfig) -> Result<Self, OutboundError> {
        Self::with_lookup(settings, Arc::new(|host| Box::pin(system_lookup(host))))
    }

    /// The same with another way to find a host's addresses.
    ///
    /// # Errors
    /// As `new`.
    pub fn with_lookup(settings: &OutboundConfig, lookup: Lookup) -> Result<Self, OutboundError> {
        let hosts = settings.allow_hosts.iter().map(|host| plain_host(host));
        let screen = Screen { lookup, allow_private: settings.allow_private, allow_hosts: hosts.collect() };
        let client = || {
            Client::builder()
                .user_agent(concat!("shelfmark/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(Duration::from_secs_f64(settings.connect_seconds))
                .timeout(Duration::from_secs_f64(settings.request_seconds))
                .redirect(Policy::none())
                .no_proxy()
                .referer(false)
        };
        Ok(Self {
            client: client().dns_resolver(Arc::new(screen.clone())).build().map_err(OutboundError::Client)?,
            own: client().build().map_err(OutboundError::Client)?,
            screen,
            ports: settings.ports.clone().into(),
            answer_bytes_max: settings.answer_kib << 10,
        })
    }

    /// Whether an address may be called, as far as can be said without looking its host up.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check(&self, url: &str) -> Result<Url, OutboundError> {
        let no_url = || OutboundError::NoUrl(url.chars().take(80).collect());
        if url.len() > URL_BYTES_MAX || url.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(no_url());
        }
        let parsed = Url::parse(url).map_err(|_| no_url())?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(OutboundError::Scheme(parsed.scheme().chars().take(20).collect()));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(OutboundError::Credentials);
        }
        let port = parsed.port_or_known_default().ok_or_else(no_url)?;
        if !self.ports.is_empty() && !self.ports.contains(&port) {
            return Err(OutboundError::Port(port));
        }
        // The parser has turned every way to write an IPv4 address (decimal, octal, hexadecimal, short) into the usual one.
        let host = plain_host(parsed.host_str().ok_or_else(no_url)?);
        let is_local_name = host == "localhost" || host.ends_with(".localhost");
        let is_inside = host.parse::<IpAddr>().map_or(is_local_name, |address| !is_public(address));
        if is_inside && !self.screen.allows(&host) {
            return Err(OutboundError::Private(host));
        }
        Ok(parsed)
    }

    /// A request to an address that may be called, to be completed and given to `send`.
    ///
    /// # Errors
    /// As `check`.
    pub fn request(&self, method: Method, url: &str) -> Result<RequestBuilder, OutboundError> {
        Ok(self.client.request(method, self.check(url)?))
    }

    /// Sends a request and reads the start of the answer, within the time that the settings give to both.
    ///
    /// # Errors
    /// `Late`, `Unreachable`, `Failed`. None of them tells the address, which may carry a secret.
    pub async fn send(&self, request: RequestBuilder, body_bytes_max: usize) -> Result<Reply, OutboundError> {
        let mut answer = request.send().await.map_err(failure)?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let mut body = Vec::new();
        let is_cut = loop {
            match answer.chunk().await {
                Ok(Some(piece)) => {
                    let room = body_bytes_max - body.len();
                    body.extend_from_slice(&piece[..piece.len().min(room)]);
                    if piece.len() > room {
                        break true;
                    }
                }
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        Ok(Reply { status, headers, body, is_cut })
    }
}

impl Outbound {
    /// Fetches an address, to the end of the answer.
    ///
    /// # Errors
    /// As `check` and `send`; `TooLong`.
    pub async fn get(&self, url: &str) -> Result<Reply, OutboundError> {
        self.whole(self.request(Method::GET, url)?).await
    }

    /// Fetches a path of this service itself.
    ///
    /// # Errors
    /// As `send`; `TooLong`.
    pub async fn get_own(&self, listening: SocketAddr, path: &str) -> Result<Reply, OutboundError> {
        let url = format!("http://{}{path}", reachable(listening));
        let url = Url::parse(&url).map_err(|_| OutboundError::NoUrl(path.chars().take(80).collect()))?;
        self.whole(self.own.get(url)).await
    }

    async fn whole(&self, request: RequestBuilder) -> Result<Reply, OutboundError> {
        let reply = self.send(request, self.answer_bytes_max).await?;
        if reply.is_cut { Err(OutboundError::TooLong(self.answer_bytes_max)) } else { Ok(reply) }
    }
}

/// Where a server that listens on every address of its machine is reached from there.
fn reachable(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}

impl Screen {
    fn allows(&self, host: &str) -> bool {
        self.allow_private || self.allow_hosts.iter().any(|allowed| allowed == host)
    }

    /// A host's addresses, if it may be called at each of them.
    ///
    /// # Errors
    /// When it has none, or one that is inside.
    pub async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let host = plain_host(host);
        let found = (self.lookup)(host.clone()).await?;
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")));
        }
        if !self.allows(&host) && found.iter().any(|address| !is_public(*address)) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, OutboundError::Private(host)));
        }
        Ok(found)
    }
}

impl Resolve for Screen {
    fn resolve(&self, name: Name) -> Resolving {
        let screen = self.clone();
        Box::pin(async move {
            let addresses = screen.addresses(name.as_str()).await?;
            // Port 0 stands for the one in the address that is called.
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

async fn system_lookup(host: String) -> io::Result<Vec<IpAddr>> {
    Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
}

/// A host as it is compared: lower case, without brackets and the dot of the root.
fn plain_host(host: &str) -> String {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn failure(error: reqwest::Error) -> OutboundError {
    if error.is_timeout() {
        return OutboundError::Late;
    }
    let is_connect = error.is_connect();
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if is_connect { OutboundError::Unreachable(cause.to_string()) } else { OutboundError::Failed(cause.to_string()) }
}
