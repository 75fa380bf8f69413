//! The connection to the database is cut after it has committed and before the server hears of it. Nobody knows then
//! whether the change was made; a request that is sent again with its `Idempotency-Key` finds out.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::ledger::{Ledger, Refusal, found, send};
use super::proxy::{Line, Proxy};
use crate::laws::ground::{new_database, psql, with_database};
use crate::process::{Client, Process, settings};

/// Sends a request whose commit is cut off, and then twice more; gives the answer.
async fn cut(client: &Client, proxy: &Proxy, key: &str, request: impl Fn() -> RequestBuilder) -> Value {
    let request = || request().header("Idempotency-Key", key);
    let before = (entries(client).await, proxy.happened());
    proxy.set(Line::CutsAfterCommit);

    let first = send(request()).await;

    assert_eq!(proxy.happened(), before.1 + 1, "{key}: nothing was cut");
    let refused: Refusal = first.expect_err("the server cannot know");
    refused.says(503, "busy");
    let again = send(request()).await.unwrap_or_else(|refused| panic!("{key}: {refused:?}"));
    assert_eq!(send(request()).await, Ok(again.clone()), "{key}");
    assert_eq!(entries(client).await, before.0 + 1, "{key}: it was made once");
    again
}

/// How many changes there have been.
async fn entries(client: &Client) -> i64 {
    client.get("audit?limit=1").await["items"][0]["sequence"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_commit_was_not_heard_of_is_not_made_twice() {
    let Some((address, name)) = new_database() else { return };
    let port = address.rsplit(':').next().unwrap().split('/').next().unwrap();
    let proxy = Proxy::to(format!("127.0.0.1:{port}").parse().unwrap()).await;
    let through = address.replace(&format!(":{port}/"), &format!(":{}/", proxy.address.port()));
    let folder = tempfile::tempdir().unwrap();
    let url = format!("{}?sslmode=disable", with_database(&through, &name));
    let server = Process::start(folder.path(), &settings([("DATABASE_URL", url)]), &[]);
    let (client, ledger) = (server.client(), Ledger::default());
    found(&client).await;
    let post = |path: &str, body: Value| client.request(Method::POST, path).json(&body);

    let small = || client.request(Method::PUT, "projects/site/files/small").body("small");
    assert_eq!(cut(&client, &proxy, "small", small).await["asset"]["version"], 1);
    let edit = || client.request(Method::PUT, "projects/site/files/small").body("later");
    assert_eq!(cut(&client, &proxy, "later", edit).await["asset"]["version"], 2);
    let release = || post("projects/site/releases", json!({ "title": "all" }));
    assert_eq!(cut(&client, &proxy, "release", release).await["number"], "R-1");
    let latest = json!({ "add": [{ "kind": "latest" }] });
    send(post("projects/site/releases/R-1/changes", latest)).await.unwrap();
    let build = || post("projects/site/releases/R-1/builds", json!({}));
    assert_eq!(cut(&client, &proxy, "build", build).await["name"], "R-1.1");
    let promote = || post("projects/site/environments/production/promote", json!({ "build": "R-1.1" }));
    assert_eq!(cut(&client, &proxy, "promote", promote).await["revision"], 1);
    let token = || post("projects", json!({ "name": "other" }));
    assert_eq!(cut(&client, &proxy, "project", token).await["name"], "other");

    assert_eq!(client.bytes("/e/site/production/small").await, b"later");
    // An upload that goes on its way in several packs is cut in one of them, and can be sent again whole.
    proxy.set(Line::CutsAfterCommit);
    ledger.put(&client, "large", 1, 40_000_000).await.unwrap_err().says(503, "busy");
    ledger.put(&client, "large", 1, 40_000_000).await.unwrap();
    ledger.is_whole(&client).await;
    drop(server);
    psql(&address, &format!("DROP DATABASE {name} WITH (FORCE)"));
}
