//! Requests that the service itself sends to addresses that people configure. Such an address must not lead into networks
//! that only the service can reach: a name is looked up once, all that it leads to is checked, and the connection goes
//! to what was checked and nowhere else. Redirects are not followed, proxies not asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::config::OutboundConfig;

/// Sends requests within the limits of the settings.
#[derive(Clone, Debug)]
pub struct Outbound {
    allow_private: bool,
    timeout: Duration,
    answer_bytes_max: usize,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct OutboundAnswer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("{0} is no http or https address of a host")]
    Address(String),
    #[error("{0} leads to nothing")]
    Unknown(String),
    #[error("{host} leads to {address}, which is not public; outbound.allow_private would allow it")]
    Private { host: String, address: IpAddr },
    #[error("the answer has more than {0} bytes")]
    TooLong(usize),
    #[error("there was no answer: {}", causes(.0))]
    Failed(#[from] reqwest::Error),
}

/// An error of the client says what happened only in its last cause.
fn causes(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

impl Outbound {
    pub fn new(settings: &OutboundConfig) -> Self {
        Self {
            allow_private: settings.allow_private,
            timeout: Duration::from_secs_f64(settings.timeout_seconds),
            answer_bytes_max: settings.answer_kib << 10,
        }
    }

    /// Fetches an address.
    ///
    /// # Errors
    /// `OutboundError`; nothing has been sent to an address that is not public, unless the settings allow it.
    pub async fn get(&self, address: &str) -> Result<OutboundAnswer, OutboundError> {
        let shown = || OutboundError::Address(address.chars().take(200).collect());
        let url: Url = address.parse().map_err(|_| shown())?;
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")).ok_or_else(shown)?.to_owned();
        let port = url.port_or_known_default().ok_or_else(shown)?;
        let addresses = tokio::time::timeout(self.timeout, self.look_up(&host, port)).await;
        let addresses = addresses.map_err(|_| OutboundError::Unknown(host.clone()))??;
        let client = Client::builder().resolve_to_addrs(&host, &addresses);
        self.fetch(client, url).await
    }

    /// Fetches a path of the service itself.
    ///
    /// # Errors
    /// `OutboundError`.
    pub async fn get_own(&self, listening: SocketAddr, path: &str) -> Result<OutboundAnswer, OutboundError> {
        let address = format!("http://{}{path}", reachable(listening));
        let url: Url = address.parse().map_err(|_| OutboundError::Address(path.chars().take(200).collect()))?;
        self.fetch(Client::builder().tls_certs_only([]), url).await
    }

    async fn fetch(&self, client: reqwest::ClientBuilder, url: Url) -> Result<OutboundAnswer, OutboundError> {
        let client = client
            .redirect(Policy::none())
            .no_proxy()
            .timeout(self.timeout)
            .user_agent(concat!("shelfmark/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let mut answer = client.get(url).send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await? {
            if body.len() + piece.len() > self.answer_bytes_max {
                return Err(OutboundError::TooLong(self.answer_bytes_max));
            }
            body.extend_from_slice(&piece);
        }
        Ok(OutboundAnswer { status, headers, body })
    }

    /// What a host leads to. One address that is not public among them is enough to refuse it.
    async fn look_up(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, OutboundError> {
        let plain = host.trim_start_matches('[').trim_end_matches(']');
        let unknown = || OutboundError::Unknown(host.to_owned());
        let found: Vec<SocketAddr> = tokio::net::lookup_host((plain, port)).await.map_err(|_| unknown())?.collect();
        if found.is_empty() {
            return Err(unknown());
        }
        match found.iter().map(SocketAddr::ip).find(|address| !self.allow_private && !is_public(*address)) {
            Some(address) => Err(OutboundError::Private { host: host.to_owned(), address }),
            None => Ok(found),
        }
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

/// Whether an address belongs to the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_public_v4(mapped),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b)) // shared by a provider's customers
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !is_special
}

/// Only what is given out for the internet, without what carries other addresses within it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_given_out = (0x2000..0x4000).contains(&first);
    let carries_others = first == 0x2002 || (first == 0x2001 && (second < 0x200 || second == 0xdb8));
    is_given_out && !carries_others && first != 0x3fff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbound(allow_private: bool) -> Outbound {
        Outbound { allow_private, timeout: Duration::from_secs(5), answer_bytes_max: 1_000 }
    }

    #[tokio::test]
    async fn addresses_that_are_not_public_are_refused_however_they_are_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "0.0.0.0",
            "0",
            "localhost",
            "LOCALHOST.",
            "10.0.0.1",
            "172.16.5.4",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd12::1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[ff02::1]",
            "user:pass@127.0.0.1",
            "example.org@127.0.0.1",
        ] {
            let refused = outbound(false).get(&format!("http://{host}:9/")).await.unwrap_err();
            let is_refused = matches!(refused, OutboundError::Private { .. } | OutboundError::Unknown(_));
            assert!(is_refused, "{host}: {refused}");
        }
        for address in ["ftp://example.org/", "file:///etc/passwd", "http://", "gopher://127.0.0.1", "/e/site"] {
            let refused = outbound(false).get(address).await.unwrap_err();
            assert!(matches!(refused, OutboundError::Address(_)), "{address}: {refused}");
        }
    }

    #[test]
    fn public_addresses_are_public() {
        for text in ["8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["2001:db8::1", "2001::1", "3fff::1", "100::1", "::127.0.0.1"] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_server_on_every_address_is_reached_on_its_own_machine() {
        for (listening, reached) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("192.0.2.1:80", "192.0.2.1:80")]
        {
            assert_eq!(reachable(listening.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
