//! The server below the framework: as the framework's own, but with connections that have an outbox.

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::{HttpService, Method, Protocol, Request, Response};
use actix_server::{GracefulShutdownSignal, Server};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, apply_fn_factory, fn_service, map_config,
};
use actix_web::Error;
use actix_web::dev::AppConfig;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpStream;

use super::connection::{Connection, Outbox};
use super::framing::frame;
use crate::config::ServerConfig;

/// Tells when the server begins to stop. Stands in the data of every connection.
#[derive(Clone)]
pub struct Draining(GracefulShutdownSignal);

impl Draining {
    /// Waits until the server begins to stop.
    pub async fn begins(&self) {
        self.0.notified().await;
    }
}

/// Serves what `app` builds, once for each worker.
///
/// # Errors
/// When the listener can't be used.
pub fn listen<F, I, S, B>(listener: TcpListener, settings: &ServerConfig, app: F) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let address = listener.local_addr()?;
    let idle_time = Duration::from_secs(settings.idle_seconds);
    let header_time = Duration::from_secs(settings.header_seconds);
    let workers = match settings.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    let server = Server::build()
        .workers(workers)
        .max_concurrent_connections(connections_max(settings, workers))
        .shutdown_timeout(settings.shutdown_seconds);
    let draining = server.graceful_shutdown_signal();
    let serve = move || {
        let draining = draining.clone();
        let told = Draining(draining.clone());
        let app = apply_fn_factory(app(), |request: Request, app: &S::Service| {
            let outbox = request.conn_data::<Outbox>().cloned().unwrap_or_default();
            let is_head = request.method() == Method::HEAD;
            let answered = app.call(request);
            async move {
                let answer = match answered.await {
                    Ok(answer) => frame(answer.into(), is_head, &outbox),
                    Err(error) => frame(error.into().error_response().into(), is_head, &outbox),
                };
                Ok::<_, S::Error>(answer)
            }
        });
        let app = app.map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let draining = draining.clone();
                async move { draining.notified().await }
            })
            .keep_alive(idle_time)
            .client_request_timeout(header_time)
            .local_addr(address)
            .on_connect_ext(move |connection: &Connection, data| {
                data.insert(connection.outbox());
                data.insert(told.clone());
            })
            .finish(map_config(app, |()| AppConfig::default()));
        fn_service(|stream: TcpStream| async {
            let client = stream.peer_addr().ok();
            Ok((Connection::new(stream)?, Protocol::Http1, client))
        })
        .and_then(http)
    };
    Ok(server.listen("http", listener, serve)?.run())
}

/// How many connections one thread may hold: what the settings say, but so that files are left to open for the database
/// and the store. Connections beyond wait to be accepted. The process is let open as many files as the system permits.
fn connections_max(settings: &ServerConfig, workers: usize) -> usize {
    const KEPT_MAX: u64 = 512;
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() { getrlimit(Resource::Nofile) } else { limit };
    let files = limit.current.unwrap_or(u64::MAX);
    let free = usize::try_from(files - (files / 2).min(KEPT_MAX)).unwrap_or(usize::MAX);
    settings.connections_max.min(free / workers).max(1)
}
