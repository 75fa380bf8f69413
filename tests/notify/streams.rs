//! The stream of events: resumable, bounded, and over when it should be.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use reqwest::{Method, Response};
use serde_json::Value;
use shelfmark_engine::operations::notify::trim_outbox;

use super::{eventually, happen};
use crate::service::{TestService, text};

const SOON: Duration = Duration::from_secs(20);

/// An open stream and what has been read of it.
struct Stream {
    pieces: futures::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
}

impl Stream {
    fn of(answer: Response) -> Self {
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { pieces: answer.bytes_stream().boxed(), text: String::new() }
    }

    /// The next block; `None` at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let piece = tokio::time::timeout(SOON, self.pieces.next()).await.expect("something comes soon")?;
            self.text.push_str(std::str::from_utf8(&piece.ok()?).unwrap());
        }
    }

    /// The next event: its id, kind and data; `None` at the end.
    async fn event(&mut self) -> Option<(i64, String, Value)> {
        loop {
            let block = self.block().await?;
            let line = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let (Some(id), Some(kind), Some(data)) = (line("id: "), line("event: "), line("data: ")) {
                return Some((id.parse().unwrap(), kind, serde_json::from_str(&data).unwrap()));
            }
        }
    }

    async fn ends(&mut self) {
        let begun = Instant::now();
        while self.block().await.is_some() {
            assert!(begun.elapsed() < SOON, "it goes on");
        }
    }
}

async fn open(service: &TestService, address: &str) -> Stream {
    Stream::of(service.request(Method::GET, &format!("/projects/site/events{address}")).send().await.unwrap())
}

async fn quick(change: impl FnOnce(&mut shelfmark::config::Config)) -> TestService {
    TestService::start_with(|config| {
        config.events.heartbeat_seconds = 0.2;
        config.auth.token_memory_seconds = 0.0;
        change(config);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_comes_at_once_and_a_reader_that_comes_back_misses_nothing() {
    for service in TestService::on_each_database().await {
        let mut stream = open(&service, "?kinds=release.*,environment.*").await;
        assert!(stream.block().await.unwrap().starts_with("retry: "));
        service.put("a", "x").await;
        happen(&service).await;
        let (first, kind, data) = stream.event().await.unwrap();
        assert_eq!((kind.as_str(), &data["type"]), ("release.created", &Value::from("release.created")));
        assert_eq!(data["data"]["sequence"], first);
        drop(stream);

        happen(&service).await;
        happen(&service).await;
        let address = "/projects/site/events?kinds=release.*";
        let again = service.request(Method::GET, address).header("Last-Event-ID", first.to_string());
        let mut stream = Stream::of(again.send().await.unwrap());
        let (second, third) = (stream.event().await.unwrap().0, stream.event().await.unwrap().0);
        assert!(first < second && second < third);
        let mut past = open(&service, &format!("?kinds=release.*&since={first}&follow=false")).await;
        assert_eq!([past.event().await.unwrap().0, past.event().await.unwrap().0], [second, third]);
        assert!(past.event().await.is_none(), "who doesn't follow gets to the end");
        happen(&service).await;
        assert!(stream.event().await.unwrap().0 > third);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_another_process_and_of_this_project_only() {
    let services = TestService::on_each_database().await;
    let Some(first) = services.iter().find(|service| !service.running.services.config.database.url.is_empty()) else {
        return;
    };
    let url = first.running.services.config.database.url.clone();
    let second = TestService::join_with(|config| config.database.url = url).await;
    let mut stream = open(first, "?kinds=release.*").await;
    stream.block().await.unwrap();
    second.post("/projects", serde_json::json!({ "name": "other" })).await.ok();
    second.post("/projects/other/releases", serde_json::json!({ "title": "not ours" })).await.ok();
    happen(&second).await;
    assert_eq!(stream.event().await.unwrap().2["data"]["project"], "site");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stream_shows_that_it_is_alive_and_where_to_go_on() {
    let service = quick(|_| {}).await;
    let mut stream = open(&service, "?kinds=release.*").await;
    stream.block().await.unwrap();
    service.put("a", "x").await;
    let head = service.audit_sequence().await;
    let alive = loop {
        let block = stream.block().await.unwrap();
        if block.ends_with(&format!("id: {head}")) {
            break block;
        }
    };
    assert!(alive.starts_with(": alive"), "{alive}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_or_expires_loses_its_streams() {
    let service = quick(|_| {}).await;
    let clock = service.running.services.engine.clock.clone();
    let soon = clock.now().plus_ms(3_600_000).to_string();
    for (name, expires_at) in [("revoked", None), ("expiring", Some(soon))] {
        let body = serde_json::json!({ "name": name, "role": "viewer", "project": "site", "expires_at": expires_at });
        let made = service.post("/tokens", body).await.ok();
        let request = service.request_as(&text(&made["token"]), Method::GET, "/projects/site/events");
        let mut stream = Stream::of(request.send().await.unwrap());
        stream.block().await.unwrap();
        match expires_at {
            None => drop(service.delete(&format!("/tokens/{}", text(&made["id"]))).await.ok()),
            Some(_) => clock.jump_ms(3_600_001),
        }
        stream.ends().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_counted_and_a_place_becomes_free_again() {
    let service = quick(|config| config.events.streams_max = 2).await;
    let (one, _two) = (open(&service, "").await, open(&service, "").await);
    service.read("/projects/site/events").await.problem(503, "busy");
    drop(one);
    eventually("a free place", || async { service.running.services.streams.free() == 1 }).await;
    open(&service, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_is_cut_off() {
    let service = quick(|config| {
        config.events.streams_max = 1;
        config.events.stalled_seconds = 0.5;
    })
    .await;
    let long = "x".repeat(16_000);
    for _ in 0..4 {
        service.post("/projects/site/releases", serde_json::json!({ "title": long })).await.ok();
    }
    let mut stream = std::net::TcpStream::connect(service.running.address).unwrap();
    let token = crate::service::ADMINISTRATOR;
    let request = format!(
        "GET /api/v1/projects/site/events?since=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    eventually("an open stream", || async { service.running.services.streams.free() == 0 }).await;
    // More than the system's buffers between the two can hold, written until the reader's place is taken from it.
    let begun = Instant::now();
    while service.running.services.streams.free() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is not cut off");
        service.post("/projects/site/releases", serde_json::json!({ "title": long })).await.ok();
    }
    let mut rest = Vec::new();
    let end = tokio::task::spawn_blocking(move || {
        stream.set_read_timeout(Some(SOON)).unwrap();
        std::io::Read::read_to_end(&mut stream, &mut rest).map_err(|error| error.kind())
    });
    let end = end.await.unwrap();
    assert!(!matches!(end, Err(std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_no_more_is_said() {
    for service in TestService::on_each_database().await {
        happen(&service).await;
        let engine = &service.running.services.engine;
        trim_outbox(engine, engine.clock.now().plus_ms(3_600_000)).await.unwrap();
        happen(&service).await;
        let problem = service.read("/projects/site/events?since=1").await.problem(410, "gone");
        assert!(problem["detail"].as_str().unwrap().contains("kept no more"));
        let mut rest = open(&service, "?since=0&follow=false").await;
        assert_eq!(rest.event().await.unwrap().2["data"]["subject"], "R-2", "0 is the first that is kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_ends_its_streams() {
    let service = quick(|_| {}).await;
    let mut stream = open(&service, "").await;
    stream.block().await.unwrap();
    let begun = Instant::now();
    let stopping = service.running.handle.stop(true);
    stream.ends().await;
    stopping.await;
    assert!(begun.elapsed() < SOON, "nobody waits for readers that wait for events");
}

#[tokio::test]
async fn a_stream_that_makes_no_sense_is_refused() {
    let service = TestService::start().await;
    for (query, field) in
        [("kinds=release", "kinds"), ("since=x", "since"), ("since=-1", "since"), ("other=1", "other")]
    {
        let problem = service.read(&format!("/projects/site/events?{query}")).await.problem(400, "invalid");
        assert_eq!(problem["field"], field, "{query}");
    }
    let id = service.request(Method::GET, "/projects/site/events").header("Last-Event-ID", "x");
    service.send(id).await.problem(400, "invalid");
    service.read("/projects/unknown/events").await.problem(404, "not-found");
    service.send(service.anonymous(Method::GET, "/api/v1/projects/site/events")).await.problem(401, "unauthenticated");
}
