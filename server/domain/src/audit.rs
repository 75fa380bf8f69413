//! The audit trail: who did what when, each entry chained by hash to the one before, so that an edit, a removal
//! or a swap anywhere in the past is found by reading the chain again.
//!
//! The hash of an entry is BLAKE3 over a version byte (1), the previous entry's hash, the sequence and the instant
//! (i64, little endian), and then each text as its length in bytes (u64, little endian) followed by its bytes, in
//! the order of the fields below. The first entry's previous hash is 32 zero bytes.

mod extract;

use crate::time::Timestamp;

pub use extract::{BrokenExtract, ExtractChain, Link};

const VERSION: u8 = 1;

/// The hash before the first entry.
pub const CHAIN_START: [u8; 32] = [0; 32];

/// One entry of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// 1 for the first entry, without gaps.
    pub sequence: i64,
    pub at: Timestamp,
    /// The id of the token or user.
    pub actor: String,
    /// What the actor was called at that time.
    pub actor_name: String,
    /// What was done, such as `environment.promoted`.
    pub action: String,
    /// The project's name; empty for what concerns the whole service.
    pub project: String,
    /// What it was done to, such as a path or `R-12.3`.
    pub subject: String,
    /// What the actor said about it; empty for nothing.
    pub message: String,
    /// Further facts as a JSON object.
    pub details: String,
    /// The hash of the entry before.
    pub previous: [u8; 32],
}

/// Where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    #[error("entry {expected} is missing; entry {found} stands in its place")]
    Gap { expected: i64, found: i64 },
    #[error("entry {0} does not follow from the entry before it")]
    Previous(i64),
    #[error("entry {0} has been changed: its hash does not fit its fields")]
    Changed(i64),
    #[error("the trail ends at entry {found}, but entry {expected} had been written")]
    Truncated { expected: i64, found: i64 },
}

impl AuditEntry {
    /// The entry's own hash, which the next entry carries.
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[VERSION]).update(&self.previous);
        hasher.update(&self.sequence.to_le_bytes()).update(&self.at.as_micros().to_le_bytes());
        let texts =
            [&self.actor, &self.actor_name, &self.action, &self.project, &self.subject, &self.message, &self.details];
        for text in texts {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

/// Reads a chain from its first entry on.
#[derive(Clone, Debug)]
pub struct ChainVerifier {
    next: i64,
    previous: [u8; 32],
}

impl Default for ChainVerifier {
    fn default() -> Self {
        Self { next: 1, previous: CHAIN_START }
    }
}

impl ChainVerifier {
    /// Takes the next entry with the hash that is stored beside it.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn read(&mut self, entry: &AuditEntry, stored_hash: &[u8]) -> Result<(), BrokenChain> {
        if entry.sequence != self.next {
            return Err(BrokenChain::Gap { expected: self.next, found: entry.sequence });
        }
        if entry.previous != self.previous {
            return Err(BrokenChain::Previous(entry.sequence));
        }
        let hash = entry.hash();
        if hash != stored_hash {
            return Err(BrokenChain::Changed(entry.sequence));
        }
        self.previous = hash;
        self.next += 1;
        Ok(())
    }

    /// Ends the reading: the head says how far the trail had been written and with which hash.
    ///
    /// # Errors
    /// `Truncated` when entries at the end are missing.
    pub fn finish(self, head_sequence: i64, head_hash: &[u8]) -> Result<u64, BrokenChain> {
        if self.next - 1 != head_sequence || self.previous != head_hash {
            return Err(BrokenChain::Truncated { expected: head_sequence, found: self.next - 1 });
        }
        Ok(head_sequence.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chain(length: i64) -> Vec<(AuditEntry, [u8; 32])> {
        let mut previous = CHAIN_START;
        let entry = |sequence, previous| AuditEntry {
            sequence,
            at: Timestamp::from_micros(sequence * 1_000),
            actor: format!("t{sequence}"),
            actor_name: "ann".into(),
            action: "asset.put".into(),
            project: "site".into(),
            subject: format!("img/{sequence}.png"),
            message: String::new(),
            details: "{}".into(),
            previous,
        };
        (1..=length)
            .map(|sequence| {
                let entry = entry(sequence, previous);
                previous = entry.hash();
                (entry, previous)
            })
            .collect()
    }

    fn verify(chain: &[(AuditEntry, [u8; 32])], head: (i64, [u8; 32])) -> Result<u64, BrokenChain> {
        let mut verifier = ChainVerifier::default();
        for (entry, hash) in chain {
            verifier.read(entry, hash)?;
        }
        verifier.finish(head.0, &head.1)
    }

    #[test]
    fn an_untouched_chain_verifies_and_a_cut_one_does_not() {
        let whole = chain(20);
        let head = (20, whole[19].1);
        assert_eq!(verify(&whole, head), Ok(20));
        assert_eq!(verify(&whole[..19], head), Err(BrokenChain::Truncated { expected: 20, found: 19 }));
        assert_eq!(verify(&[], (0, CHAIN_START)), Ok(0));
    }

    #[test]
    fn the_hash_of_an_entry_never_changes() {
        let text = blake3::Hash::from_bytes(chain(3)[2].1).to_hex();
        assert_eq!(text.as_str(), "3b01b234f167048d90bafc00cfe031d94c2115e0d1098c0a99c1aeafed40178b");
    }

    proptest! {
        /// Any change of any field of any entry, a removal and a swap are found.
        #[test]
        fn every_mutation_is_found(at in 0usize..20, field in 0u8..9, other in 0usize..20) {
            let mut entries = chain(20);
            let head = (20, entries[19].1);
            let entry = &mut entries[at].0;
            match field {
                0 => entry.actor.push('x'),
                1 => entry.actor_name.push('x'),
                2 => entry.action.push('x'),
                3 => entry.project.push('x'),
                4 => entry.subject.push('x'),
                5 => entry.message.push('x'),
                6 => entry.details.push(' '),
                7 => { entries.remove(at); }
                _ if at != other => entries.swap(at, other),
                _ => entry.at = entry.at.plus_ms(1),
            }
            prop_assert!(verify(&entries, head).is_err());
        }
    }
}
