//! An open stream: it reads the outbox whenever something has happened, and waits for its reader. What waits to be sent
//! is bounded; a reader that doesn't read is cut off. Since events appear in the order of their sequences, reading on
//! after the last one passes over none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use bytes::Bytes;
use futures::Stream;
use shelfmark_domain::access::Permission;
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::notify::pattern::EventPattern;
use shelfmark_engine::catalog::{CatalogError, EventRow};
use shelfmark_engine::operations::notify::event_document;
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Services;
use crate::http::extract::Asked;
use crate::web::connection::Outbox;
use crate::web::listening::Draining;

/// Events read together.
const READ_AT_ONCE: u32 = 100;
/// Events that wait for the reader.
const WAITING_MAX: usize = 16;
/// How long clients wait before they come back, in milliseconds.
const RETRY_MS: u32 = 3_000;

/// The streams that may be open at once. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct EventStreams(Arc<Semaphore>);

impl EventStreams {
    /// So many at most.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))))
    }

    /// A place for one more, as long as it is kept; `None` when all are taken.
    pub fn begin(&self) -> Option<OwnedSemaphorePermit> {
        self.0.clone().try_acquire_owned().ok()
    }

    /// How many more may be opened now.
    pub fn free(&self) -> usize {
        self.0.available_permits()
    }
}

/// What a stream tells.
pub struct Following {
    pub project: ProjectName,
    pub kinds: Vec<EventPattern>,
    /// Events after this sequence.
    pub after: i64,
    /// Whether it waits for what comes.
    pub is_endless: bool,
}

/// A stream on its way.
pub struct EventStream {
    services: Services,
    /// For looking again whether its token is good.
    request: HttpRequest,
    following: Following,
    to: Sender<Bytes>,
    spoke_at: Instant,
    _place: OwnedSemaphorePermit,
}

/// Why a stream ends.
enum End {
    /// The reader, its right or the server is gone.
    Gone,
    Database(CatalogError),
}

impl From<CatalogError> for End {
    fn from(error: CatalogError) -> Self {
        Self::Database(error)
    }
}

impl EventStream {
    /// Begins to tell, and returns the answer's body.
    pub fn start(
        asked: &Asked,
        following: Following,
        place: OwnedSemaphorePermit,
    ) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> + use<> {
        let (to, mut from) = channel(WAITING_MAX);
        let (services, request) = (asked.services().clone(), asked.request.clone());
        let mut stream = Self { services, request, following, to, spoke_at: Instant::now(), _place: place };
        actix_web::rt::spawn(async move {
            if let Err(End::Database(error)) = stream.tell().await {
                tracing::warn!(%error, "a stream of events ended; its reader comes back");
            }
        });
        futures::stream::poll_fn(move |context| from.poll_recv(context).map(|piece| piece.map(Ok)))
    }

    async fn tell(&mut self) -> Result<(), End> {
        let mut heard = self.services.engine.catalog.hear();
        let draining = self.request.conn_data::<Draining>().cloned();
        let heartbeat = Duration::from_secs_f64(self.services.config.events.heartbeat_seconds);
        // The id tells where to go on, should the stream break off before its first event.
        self.say(format!("retry: {RETRY_MS}\nid: {}\n\n", self.following.after)).await?;
        loop {
            self.check_right().await?;
            heard.borrow_and_update();
            while self.tell_some().await? {}
            if !self.following.is_endless {
                return Ok(());
            }
            if self.spoke_at.elapsed() >= heartbeat {
                // An id alone is no event, but where a client goes on that wants only few kinds.
                self.say(format!(": alive\nid: {}\n\n", self.following.after)).await?;
            }
            let ending = async {
                match &draining {
                    Some(draining) => draining.begins().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = ending => return Ok(()),
                () = self.to.closed() => return Err(End::Gone),
                () = tokio::time::sleep(heartbeat.saturating_sub(self.spoke_at.elapsed())) => {}
                Ok(()) = heard.changed() => {}
            }
        }
    }

    /// Whether the reader may still read; otherwise the stream is over.
    async fn check_right(&mut self) -> Result<(), End> {
        let may_read = match self.services.auth.caller(&self.request).await {
            Ok(caller) => {
                let project = caller.project(&self.services.engine.catalog, &self.following.project, Permission::Read);
                project.await.is_ok()
            }
            Err(_) => false,
        };
        if may_read { Ok(()) } else { Err(End::Gone) }
    }

    /// Tells the next events; whether there may be more.
    async fn tell_some(&mut self) -> Result<bool, End> {
        let Following { project, after, .. } = &self.following;
        let catalog = self.services.engine.catalog.clone();
        let events = catalog.events_after(project.as_str(), *after, READ_AT_ONCE).await?;
        if catalog.outbox_floor(project.as_str()).await? > *after {
            self.say("event: gone\ndata: {\"detail\":\"events that were not sent yet are kept no more\"}\n\n".into())
                .await?;
            return Err(End::Gone);
        }
        for event in &events {
            if self.following.kinds.iter().any(|kind| kind.matches(&event.kind)) {
                self.say(frame(event)).await?;
            }
            self.following.after = event.sequence;
        }
        Ok(events.len() == READ_AT_ONCE as usize)
    }

    /// Sends a piece. A reader that takes nothing for too long is cut off.
    async fn say(&mut self, piece: String) -> Result<(), End> {
        let stalled = Duration::from_secs_f64(self.services.config.events.stalled_seconds);
        self.spoke_at = Instant::now();
        match tokio::time::timeout(stalled, self.to.send(piece.into())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => {
                tracing::info!(project = %self.following.project, "a reader of events did not read and is cut off");
                if let Some(outbox) = self.request.conn_data::<Outbox>() {
                    outbox.hang_up();
                }
                Err(End::Gone)
            }
        }
    }
}

/// An event as it stands in the stream. Its document is one line: JSON escapes line ends.
fn frame(event: &EventRow) -> String {
    format!("id: {}\nevent: {}\ndata: {}\n\n", event.sequence, event.kind, event_document(event))
}
