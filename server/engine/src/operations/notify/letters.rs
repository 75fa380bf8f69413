//! Sending letters: which one is next, to whom, and what follows. A letter that was sent and could not be noted as sent
//! is sent again with the same Message-ID.

use shelfmark_domain::name::ProjectName;
use shelfmark_domain::notify::backoff::Backoff;

use super::people::Recipient;
use crate::Engine;
use crate::catalog::{CatalogError, LetterRow, LetterState};

/// Sends letters. Any number of them may work on one database.
#[derive(Clone, Debug)]
pub struct Postman {
    engine: Engine,
    backoff: Backoff,
    /// How long a lease lasts, in milliseconds: longer than the longest talk with the mail server.
    lease_ms: i64,
}

/// A letter that is to be sent now, with only what its reader may still read.
#[derive(Debug)]
pub struct AddressedLetter {
    pub letter: LetterRow,
    pub address: String,
    /// What people call the reader.
    pub title: String,
    owner: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    Accepted,
    /// Trying again may help.
    Failed(String),
    /// Trying again helps nothing.
    Refused(String),
}

impl Postman {
    /// A postman of this engine.
    pub fn new(engine: Engine, backoff: Backoff, lease_ms: i64) -> Self {
        Self { engine, backoff, lease_ms }
    }

    /// The next letter that is due, leased; `None` when there is none. Letters whose reader may read nothing of them any
    /// more are dropped on the way.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn next(&self) -> Result<Option<AddressedLetter>, CatalogError> {
        let owner = uuid::Uuid::new_v4().to_string();
        loop {
            let now = self.engine.clock.now();
            let until = now.plus_ms(self.lease_ms);
            let Some(mut letter) = self.engine.catalog.lease_letter(&owner, now, until).await? else { return Ok(None) };
            let recipient = Recipient::find(&self.engine, &letter.user).await?;
            if let Some(recipient) = recipient {
                letter.events.retain(|event| {
                    let project = event["data"]["project"].as_str().and_then(|name| name.parse::<ProjectName>().ok());
                    project.is_some_and(|project| recipient.may_read(&project))
                });
                if !letter.events.is_empty() {
                    let (address, title) = (recipient.address.clone(), recipient.title().to_owned());
                    return Ok(Some(AddressedLetter { letter, address, title, owner }));
                }
            }
            let dropped = (LetterState::Dropped, "the reader may not read it any more");
            self.engine.catalog.note_letter(&letter.id, &owner, dropped, (letter.tries, now)).await?;
        }
    }

    /// Records what became of a letter.
    ///
    /// # Errors
    /// When the database doesn't answer: the letter is sent again when its lease is over.
    pub async fn note(&self, sent: &AddressedLetter, outcome: Sent) -> Result<(), CatalogError> {
        let now = self.engine.clock.now();
        let tries = sent.letter.tries + 1;
        let (chance, _) = uuid::Uuid::new_v4().as_u64_pair();
        let (state, error, due_at) = match outcome {
            Sent::Accepted => (LetterState::Sent, String::new(), now),
            Sent::Refused(why) => (LetterState::Dead, why, now),
            Sent::Failed(why) => match self.backoff.wait_ms(tries, chance) {
                Some(wait) => (LetterState::Waiting, why, now.plus_ms(wait)),
                None => (LetterState::Dead, why, now),
            },
        };
        let error: String = error.replace('\0', " ").chars().take(500).collect();
        if state == LetterState::Dead {
            tracing::warn!(letter = %sent.letter.id, user = %sent.letter.user, %error, "a letter was given up");
        }
        self.engine.catalog.note_letter(&sent.letter.id, &sent.owner, (state, &error), (tries, due_at)).await?;
        Ok(())
    }
}
