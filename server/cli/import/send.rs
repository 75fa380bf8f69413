//! Sends what is planned: two requests at a time, then what depends on them.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use indicatif::ProgressBar;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use shelfmark_domain::name::WorkItemNumber;

use super::super::api::{segment, segments};
use super::super::problem::RequestFailed;
use super::super::problem::is_status;
use super::file_upload::FileUpload;
use super::library::Step;
use super::plan::{Entry, Plan, Upload};
use super::walk::Tree;
use super::{body, progress, tar_body};
use crate::cli::people::session::Session;

/// How many requests run at a time.
const REQUESTS_MAX: usize = 2;

/// How often a request is sent when the server is busy.
const ATTEMPTS_MAX: u32 = 4;

/// What every request of an import shares.
struct Sender<'a> {
    session: &'a Session,
    tree: &'a Arc<Tree>,
    message: Option<String>,
    /// The work item that the versions answer.
    item: Option<WorkItemNumber>,
    bar: ProgressBar,
}

/// What a batch is answered.
#[derive(Debug, Deserialize)]
struct BatchAnswer {
    #[serde(flatten)]
    step: Step,
    case_collisions: Vec<[String; 2]>,
}

/// What the server has said about all requests.
#[derive(Debug, Default)]
pub struct Answers {
    /// One for each batch; `None` when a file went by itself, whose answer doesn't tell.
    pub steps: Option<Vec<Step>>,
    pub case_collisions: Vec<[String; 2]>,
}

impl Answers {
    fn add(&mut self, answer: Option<BatchAnswer>) {
        let Some(BatchAnswer { step, case_collisions }) = answer else {
            self.steps = None;
            return;
        };
        if let Some(steps) = &mut self.steps {
            steps.push(step);
        }
        self.case_collisions.extend(case_collisions);
    }
}

/// Sends everything.
///
/// # Errors
/// `FileChanged`; a file that cannot be read; what the server refused. What was acknowledged stays.
pub async fn send(
    session: &Session,
    plan: Plan,
    tree: &Arc<Tree>,
    message: Option<&str>,
    item: Option<WorkItemNumber>,
) -> anyhow::Result<Answers> {
    let bar = progress::bar("sending", plan.payload_bytes());
    let sender = Sender { session, tree, message: message.map(segment), item, bar: bar.clone() };
    let sender = &sender;
    let first = futures::stream::iter(plan.first).map(|upload| async move {
        match upload {
            Upload::Batch(entries) => sender.send_batch(entries).await.map(Some),
            Upload::File(file) => {
                let place = sender.tree.file_of(&file.path);
                let address = sender.session.at(&format!("/files/{}", segments(&file.path)))?;
                let request = sender.request(Method::PUT, &address);
                FileUpload::of(place, file)
                    .send(&sender.session.api, request, Some(sender.bar.clone()))
                    .await
                    .map(|_| None)
            }
        }
    });
    let mut answers = Answers { steps: Some(Vec::new()), ..Answers::default() };
    let mut first = std::pin::pin!(first.buffer_unordered(REQUESTS_MAX));
    while let Some(answer) = first.try_next().await? {
        answers.add(answer);
    }
    for entries in plan.last {
        answers.add(Some(sender.send_batch(entries).await?));
    }
    bar.finish_and_clear();
    Ok(answers)
}

impl Sender<'_> {
    /// Sends one batch; a batch is all or nothing, so one that found the server busy is sent again.
    async fn send_batch(&self, entries: Vec<Entry>) -> anyhow::Result<BatchAnswer> {
        let address = self.session.at("/batch")?;
        let entries = Arc::new(entries);
        let mut attempt = 1;
        loop {
            let request = self.request(Method::POST, &address).header("Content-Type", "application/x-tar");
            let (tree, batch, bar) = (Arc::clone(self.tree), Arc::clone(&entries), self.bar.clone());
            let before = bar.position();
            let sent =
                body::send(&self.session.api, request, move |writer| tar_body::write(writer, &tree, &batch, &bar));
            match sent.await {
                Err(error) if is_status(&error, StatusCode::SERVICE_UNAVAILABLE) && attempt < ATTEMPTS_MAX => {
                    self.bar.set_position(before);
                    tokio::time::sleep(Duration::from_secs(1 << (attempt - 1))).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
                Ok(answer) => return self.read(answer).await,
            }
        }
    }

    async fn read(&self, answer: reqwest::Response) -> anyhow::Result<BatchAnswer> {
        let url = self.session.api.url();
        let body = answer.bytes().await.map_err(|error| RequestFailed::from_transport(url, error))?;
        Ok(serde_json::from_slice(&body).map_err(|_| RequestFailed::NotOurs { url: url.to_owned() })?)
    }

    fn request(&self, method: Method, address: &str) -> reqwest::RequestBuilder {
        let request = self.session.api.request(method, address);
        let request = match &self.message {
            Some(message) => request.header("X-Message", message),
            None => request,
        };
        match self.item {
            Some(item) => request.header("X-Work-Item", item.to_string()),
            None => request,
        }
    }
}
