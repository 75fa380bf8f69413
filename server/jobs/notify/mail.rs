//! Writing and sending mail.

use std::time::Duration;

use anyhow::Context as _;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use shelfmark_domain::notify::backoff::Backoff;
use shelfmark_engine::Engine;
use shelfmark_engine::catalog::CatalogError;
use shelfmark_engine::operations::notify::{Postman, Sent, compose_letters};
use tokio::sync::watch;

use super::message::message;
use super::{LOOK_EVERY, wait_for_work};
use crate::Services;
use crate::config::{MailConfig, MailTls};

/// Letters are tried for about a day, as webhooks are.
const BACKOFF: Backoff = Backoff { tries_max: 12, first_ms: 10_000, most_ms: 6 * 3_600_000 };
/// What a lease lasts beyond the longest talk with the server, in milliseconds.
const LEASE_MARGIN_MS: i64 = 30_000;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Writes and sends mail. Without a server it only moves the subscriptions on.
#[derive(Clone)]
pub struct Mailer {
    engine: Engine,
    postman: Postman,
    server: Option<(Transport, Mailbox)>,
    /// How people reach the service.
    url: String,
    seconds_max: Duration,
}

fn transport(settings: &MailConfig) -> anyhow::Result<Transport> {
    let tls = || TlsParameters::new(settings.host.clone()).context("mail.host can't be used with TLS");
    let tls = match settings.tls {
        MailTls::None => Tls::None,
        MailTls::Starttls => Tls::Required(tls()?),
        MailTls::Tls => Tls::Wrapper(tls()?),
    };
    let builder = Transport::builder_dangerous(&settings.host)
        .port(settings.port)
        .tls(tls)
        .timeout(Some(Duration::from_secs_f64(settings.seconds)));
    let is_named = !settings.user.is_empty();
    let named = |builder: lettre::transport::smtp::AsyncSmtpTransportBuilder| {
        builder.credentials(Credentials::new(settings.user.clone(), settings.password.clone()))
    };
    Ok(if is_named { named(builder).build() } else { builder.build() })
}

/// Whether the server will never take this letter. That it doesn't know us (530 to 538) is the settings' fault and not
/// the letter's: it waits until they are put right.
fn is_about_the_letter(error: &lettre::transport::smtp::Error) -> bool {
    let is_about_us = error.status().is_some_and(|status| status.to_string().starts_with("53"));
    error.is_permanent() && !is_about_us
}

impl Mailer {
    /// A mailer of this service.
    ///
    /// # Errors
    /// When the settings can't be used.
    pub fn new(services: &Services) -> anyhow::Result<Self> {
        let (settings, server) = (&services.config.mail, &services.config.server);
        let sender = || {
            let from: Mailbox = settings.from.parse().context("mail.from is no address")?;
            Ok::<_, anyhow::Error>((transport(settings)?, from))
        };
        let url = match server.public_url.as_str() {
            "" => format!("http://{}", server.listen),
            url => url.to_owned(),
        };
        let seconds_max = Duration::from_secs_f64(settings.seconds);
        let lease_ms = (settings.seconds * 1_000.0) as i64 + LEASE_MARGIN_MS;
        Ok(Self {
            engine: services.engine.clone(),
            postman: Postman::new(services.engine.clone(), BACKOFF, lease_ms),
            server: if settings.host.is_empty() { None } else { Some(sender()?) },
            url,
            seconds_max,
        })
    }

    /// Writes the letters that are due and sends all that can be sent now; returns how many were accepted.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn run_once(&self) -> Result<usize, CatalogError> {
        compose_letters(&self.engine, self.server.is_some()).await?;
        let Some((transport, from)) = &self.server else { return Ok(0) };
        let mut accepted = 0;
        while let Some(addressed) = self.postman.next().await? {
            let outcome = match message(&addressed, from, &self.url) {
                Err(error) => Sent::Refused(error.to_string()),
                Ok(mail) => match tokio::time::timeout(self.seconds_max, transport.send(mail)).await {
                    Err(_) => Sent::Failed("no answer in time".to_owned()),
                    Ok(Err(error)) if is_about_the_letter(&error) => Sent::Refused(error.to_string()),
                    Ok(Err(error)) => Sent::Failed(error.to_string()),
                    Ok(Ok(_)) => Sent::Accepted,
                },
            };
            accepted += usize::from(outcome == Sent::Accepted);
            self.postman.note(&addressed, outcome).await?;
        }
        Ok(accepted)
    }

    /// Writes and sends until the end of the runtime.
    pub async fn run(self, mut heard: watch::Receiver<i64>) {
        loop {
            if let Err(error) = self.run_once().await {
                tracing::warn!(%error, "mail could not be written; trying again");
                tokio::time::sleep(LOOK_EVERY).await;
            }
            wait_for_work(&mut heard).await;
        }
    }
}
