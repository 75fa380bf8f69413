//! Addresses that would lead this service to what only it can reach. A canary listens on this machine and must not be
//! called, whatever form its address takes.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::json;
use shelfmark::config::Config;
use shelfmark::web::outbound::{Lookup, Outbound, OutboundError};

use super::receiver::{Mode, Receiver};
use crate::service::TestService;

/// Addresses of this machine and of other people's insides. `{}` is the canary's port.
const HOSTILE: [&str; 52] = [
    "http://127.0.0.1:{}/",
    "http://127.1:{}/",
    "http://127.0.1:{}/",
    "http://2130706433:{}/",
    "http://0x7f000001:{}/",
    "http://0x7f.0.0.1:{}/",
    "http://0177.0.0.1:{}/",
    "http://017700000001:{}/",
    "http://0177.0x0.0.1:{}/",
    "http://127.0.0.1.:{}/",
    "http://127.255.255.254:{}/",
    "http://０１７７.0.0.1:{}/",
    "http://①②⑦.⓪.⓪.①:{}/",
    "http://127。0。0。1:{}/",
    "http://%31%32%37.0.0.1:{}/",
    "http://0:{}/",
    "http://0.0.0.0:{}/",
    "http://0.1.2.3:{}/",
    "http://localhost:{}/",
    "http://LOCALHOST:{}/",
    "http://localhost.:{}/",
    "http://a.localhost:{}/",
    "http://[::1]:{}/",
    "http://[0:0:0:0:0:0:0:1]:{}/",
    "http://[::]:{}/",
    "http://[::ffff:127.0.0.1]:{}/",
    "http://[::ffff:7f00:1]:{}/",
    "http://[::127.0.0.1]:{}/",
    "http://[64:ff9b::7f00:1]:{}/",
    "http://[64:ff9b::127.0.0.1]:{}/",
    "http://[2002:7f00:1::]:{}/",
    "http://[fe80::1]:{}/",
    "http://[fc00::1]:{}/",
    "http://[fd00:ec2::254]:{}/",
    "http://[ff02::1]:{}/",
    "http://[2001:db8::1]:{}/",
    "http://169.254.169.254:{}/latest/meta-data/",
    "http://0xa9fea9fe:{}/",
    "http://10.0.0.1:{}/",
    "http://172.16.0.1:{}/",
    "http://192.168.0.1:{}/",
    "http://100.64.0.1:{}/",
    "http://224.0.0.1:{}/",
    "http://255.255.255.255:{}/",
    "http://198.51.100.1:{}/",
    "https://127.0.0.1:{}/",
    "http://user:password@127.0.0.1:{}/",
    "http://example.org@127.0.0.1:{}/",
    "http://127.0.0.1:{}#@example.org/",
    "http://127.0.0.1:{}\\@example.org/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{}/",
];

fn outbound(change: impl FnOnce(&mut Config), lookup: Option<Lookup>) -> Outbound {
    let mut config = Config::load(None).unwrap();
    config.outbound.ports = Vec::new();
    change(&mut config);
    match lookup {
        Some(lookup) => Outbound::with_lookup(&config.outbound, lookup).unwrap(),
        None => Outbound::new(&config.outbound).unwrap(),
    }
}

/// A lookup that gives one answer after the other, and counts.
fn answers(each: Vec<Vec<&'static str>>) -> (Lookup, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let lookup: Lookup = Arc::new(move |_| {
        let turn = count.fetch_add(1, Ordering::SeqCst);
        let answer: Vec<IpAddr> = each[turn.min(each.len() - 1)].iter().map(|text| text.parse().unwrap()).collect();
        Box::pin(async move { Ok(answer) })
    });
    (lookup, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_form_of_an_inner_address_is_called_or_kept() {
    let canary = Receiver::start(Mode::Status(200)).await;
    let outbound = outbound(|_| {}, None);
    let service = TestService::start_with(|config| config.outbound.ports = Vec::new()).await;
    for form in HOSTILE {
        let url = form.replace("{}", &canary.port.to_string());
        assert!(outbound.check(&url).is_err(), "{url}");
        assert!(outbound.request(Method::GET, &url).is_err(), "{url}");
        let body = json!({ "url": url, "kinds": ["*"] });
        let problem = service.post("/projects/site/webhooks", body).await.problem(400, "invalid");
        assert_eq!(problem["field"], "url", "{url}");
    }
    assert_eq!(canary.connections(), 0);
    assert!(service.read("/projects/site/webhooks").await.ok()["items"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_means_an_inner_address_is_not_called() {
    let canary = Receiver::start(Mode::Status(200)).await;
    for inner in [vec!["127.0.0.1"], vec!["1.1.1.1", "127.0.0.1"], vec!["::1"], vec!["::ffff:127.0.0.1"], vec![]] {
        let (lookup, asked) = answers(vec![inner.clone()]);
        let outbound = outbound(|_| {}, Some(lookup));
        let request = outbound.request(Method::GET, &format!("http://innocent.example:{}/", canary.port)).unwrap();
        let refused = outbound.send(request, 1_000).await.unwrap_err();
        assert!(matches!(refused, OutboundError::Unreachable(_)), "{inner:?}: {refused}");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_changes_its_meaning_leads_nowhere_else() {
    // The first answer is what is checked and what is connected to; there is no second question to answer otherwise.
    let good = Receiver::start(Mode::Status(200)).await;
    let canary = Receiver::start_at("127.0.0.2", good.port, Mode::Status(200)).await;
    let (lookup, asked) = answers(vec![vec!["127.0.0.1"], vec!["127.0.0.2"]]);
    let allowing = outbound(|config| config.outbound.allow_hosts = vec!["Rebind.example".into()], Some(lookup));
    let url = format!("http://rebind.example:{}/", good.port);
    let reply = allowing.send(allowing.request(Method::GET, &url).unwrap(), 1_000).await.unwrap();
    assert_eq!((reply.status, good.connections(), canary.connections()), (200, 1, 0));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "it is looked up once");

    // A name that was public when somebody looked is checked again when it is called.
    let (lookup, _) = answers(vec![vec!["1.1.1.1"], vec!["127.0.0.1"]]);
    let screened = outbound(|_| {}, Some(lookup.clone()));
    assert_eq!(lookup("rebind.example".into()).await.unwrap(), ["1.1.1.1".parse::<IpAddr>().unwrap()]);
    assert!(screened.send(screened.request(Method::GET, &url).unwrap(), 1_000).await.is_err());
    assert_eq!((good.connections(), canary.connections()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed_and_only_named_ports_are_called() {
    let receiver = Receiver::start(Mode::Redirect).await;
    let outbound = outbound(|config| config.outbound.ports = vec![receiver.port], None);
    assert!(matches!(outbound.check("http://example.org/"), Err(OutboundError::Port(80))));
    assert!(matches!(outbound.check(&receiver.url()), Err(OutboundError::Private(_))));
    let allowing = self::outbound(|config| config.outbound.allow_hosts = vec!["127.0.0.1".into()], None);
    let reply = allowing.send(allowing.request(Method::GET, &receiver.url()).unwrap(), 1_000).await.unwrap();
    assert_eq!((reply.status, receiver.connections()), (307, 1));
    receiver.behave(Mode::Huge);
    let reply = allowing.send(allowing.request(Method::GET, &receiver.url()).unwrap(), 1_000).await.unwrap();
    assert_eq!((reply.body.len(), reply.is_cut), (1_000, true), "no more is read than was asked for");
}
