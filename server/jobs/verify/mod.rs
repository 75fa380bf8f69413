//! Verification of what environments serve.

mod answer;

use std::net::SocketAddr;

use futures::StreamExt as _;
use shelfmark_domain::gate::AddressRule;
use shelfmark_engine::Engine;
use shelfmark_engine::catalog::{CatalogError, OpenVerification, VerificationState};
use shelfmark_engine::operations::{
    Found, VerifyError, claim_verifications, conclude_verification, hold_verification, look_at_verification,
    roll_back_verified,
};

use super::pace::Pace;
use crate::web::outbound::Outbound;

/// Addresses of one verification that are fetched at a time.
const FETCHED_AT_ONCE: usize = 4;

/// Fetches the addresses of policies.
#[derive(Clone)]
pub struct Fetcher {
    pub outbound: Outbound,
    /// Where this service listens.
    pub own: SocketAddr,
}

impl Fetcher {
    /// What is at an address. A path of this service is fetched without credentials, as everyone sees it: whoever writes
    /// a policy would otherwise read with the service's own rights. So what is private answers 401, which a rule can ask
    /// for.
    async fn look(self, rule: AddressRule) -> Found {
        let answer = match rule.url.starts_with('/') {
            true => self.outbound.get_own(self.own, &rule.url).await,
            false => self.outbound.get(&rule.url).await,
        };
        let found = match answer {
            Ok(answer) => answer::check(&rule, &answer),
            Err(error) => Err(error.to_string()),
        };
        (rule.url, found)
    }
}

/// Goes on with the verifications that are waiting, by time that has really passed; returns how many. One whose
/// environment is to go back is waiting again at once.
///
/// # Errors
/// When the database can't say which. What goes wrong with one is logged, and tried again.
pub async fn run_verifications_once(engine: &Engine, fetcher: &Fetcher) -> Result<usize, CatalogError> {
    let claimed = claim_verifications(engine, engine.clock.passed()).await?;
    for open in &claimed {
        let gone_on = tokio::select! {
            gone_on = go_on(engine, fetcher, open) => gone_on,
            never = hold_verification(engine, open) => match never {},
        };
        if let Err(error) = gone_on {
            let environment = &open.row.environment;
            tracing::warn!(%error, %environment, "a verification could not be gone on with; it is tried again");
        }
    }
    Ok(claimed.len())
}

async fn go_on(engine: &Engine, fetcher: &Fetcher, open: &OpenVerification) -> Result<(), VerifyError> {
    if open.row.state == VerificationState::RollingBack {
        return roll_back_verified(engine, open, engine.clock.passed()).await;
    }
    let looked = look_at_verification(engine, open, engine.clock.passed()).await?;
    let addresses = if looked.is_hopeless { Vec::new() } else { open.row.rule.addresses.clone() };
    let looks = addresses.into_iter().map(|rule| fetcher.clone().look(rule));
    let found: Vec<Found> = futures::stream::iter(looks).buffered(FETCHED_AT_ONCE).collect().await;
    conclude_verification(engine, open, (looked, found), engine.clock.passed()).await?;
    Ok(())
}

/// Verifies until the server stops.
pub(super) async fn run(engine: Engine, fetcher: Fetcher, pace: Pace) {
    loop {
        let now = engine.clock.passed();
        let next = match run_verifications_once(&engine, &fetcher).await {
            Ok(0) => None,
            Ok(_) => Some(now),
            Err(error) => {
                tracing::warn!(%error, "verifications could not be looked at; the next look goes on");
                None
            }
        };
        if !pace.pause(now, next).await {
            return;
        }
    }
}
