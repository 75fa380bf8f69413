//! An extract of the audit trail: the entries about one thing, in a form in which others can check without the trail
//! that they stand in its chain.
//!
//! Entries about other things, perhaps of people who are none of the reader's business, are left out. A run of them is
//! a gap that has only its numbers and its last entry's hash, which the next entry carries anyway: an entry's hash
//! covers its predecessor's hash together with its own fields, so one that is left out can't be recomputed, and nothing
//! of it but its hash can be given. What an extract proves is therefore: each entry in it is the one that its hash
//! names, entries beside each other follow from one another, and all stand before the head. That the hashes at the gaps
//! are the trail's own shows when they, or the head, are compared with the trail or with another extract of it.

use super::AuditEntry;

/// One line of an extract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// An entry with its hash.
    Entry { entry: AuditEntry, hash: [u8; 32] },
    /// The entries from one sequence to another are about other things; the hash is the last one's.
    Gap { from: i64, until: i64, hash: [u8; 32] },
}

/// Where an extract contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenExtract {
    #[error("the line for entry {found} stands where entry {expected} or a gap belongs")]
    Order { expected: i64, found: i64 },
    #[error("entry {0} does not follow from the line before it")]
    Previous(i64),
    #[error("entry {0} has been changed: its hash does not fit its fields")]
    Changed(i64),
    #[error("the extract ends at entry {found} and not at the head, entry {head}")]
    Head { head: i64, found: i64 },
    #[error("the hash of the last line is not that of the head")]
    HeadHash,
}

/// Makes an extract, or checks one, line by line.
#[derive(Clone, Copy, Debug)]
pub struct ExtractChain {
    sequence: i64,
    hash: [u8; 32],
}

impl ExtractChain {
    /// Begins after the entry with this sequence and hash.
    pub const fn after(sequence: i64, hash: [u8; 32]) -> Self {
        Self { sequence, hash }
    }

    /// The gap, if there is one, between what has been read and an entry that comes next.
    pub fn gap_before(&self, entry: &AuditEntry) -> Option<Link> {
        let from = self.sequence + 1;
        (entry.sequence > from).then(|| Link::Gap { from, until: entry.sequence - 1, hash: entry.previous })
    }

    /// The gap, if there is one, between what has been read and the head.
    pub fn gap_to(&self, head: (i64, [u8; 32])) -> Option<Link> {
        (head.0 > self.sequence).then_some(Link::Gap { from: self.sequence + 1, until: head.0, hash: head.1 })
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn read(&mut self, link: &Link) -> Result<(), BrokenExtract> {
        let expected = self.sequence + 1;
        let (sequence, hash) = match link {
            Link::Gap { from, until, hash } if *from == expected && from <= until => (*until, *hash),
            Link::Gap { from, .. } => return Err(BrokenExtract::Order { expected, found: *from }),
            Link::Entry { entry, hash } => {
                if entry.sequence != expected {
                    return Err(BrokenExtract::Order { expected, found: entry.sequence });
                }
                if entry.previous != self.hash {
                    return Err(BrokenExtract::Previous(entry.sequence));
                }
                if entry.hash() != *hash {
                    return Err(BrokenExtract::Changed(entry.sequence));
                }
                (entry.sequence, *hash)
            }
        };
        (self.sequence, self.hash) = (sequence, hash);
        Ok(())
    }

    /// Ends the reading: the extract reaches to the head.
    ///
    /// # Errors
    /// `Head`, `HeadHash`.
    pub fn finish(self, head: (i64, [u8; 32])) -> Result<(), BrokenExtract> {
        if self.sequence != head.0 {
            return Err(BrokenExtract::Head { head: head.0, found: self.sequence });
        }
        if self.hash == head.1 { Ok(()) } else { Err(BrokenExtract::HeadHash) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::CHAIN_START;
    use super::*;
    use crate::time::Timestamp;

    fn chain(length: i64) -> Vec<(AuditEntry, [u8; 32])> {
        let mut previous = CHAIN_START;
        let entries = (1..=length).map(|sequence| {
            let entry = AuditEntry {
                sequence,
                at: Timestamp::from_micros(sequence),
                actor: "a".into(),
                actor_name: "ann".into(),
                action: "release.built".into(),
                project: "site".into(),
                subject: format!("R-{sequence}"),
                message: String::new(),
                details: "{}".into(),
                previous,
            };
            previous = entry.hash();
            (entry, previous)
        });
        entries.collect()
    }

    /// The extract of the entries that are wanted.
    fn extract(chain: &[(AuditEntry, [u8; 32])], wanted: impl Fn(usize) -> bool) -> Vec<Link> {
        let head = chain.last().map_or((0, CHAIN_START), |(entry, hash)| (entry.sequence, *hash));
        let (mut reader, mut links) = (ExtractChain::after(0, CHAIN_START), Vec::new());
        for (_, (entry, hash)) in chain.iter().enumerate().filter(|(at, _)| wanted(*at)) {
            let line = Link::Entry { entry: entry.clone(), hash: *hash };
            for link in reader.gap_before(entry).into_iter().chain([line]) {
                reader.read(&link).unwrap();
                links.push(link);
            }
        }
        links.extend(reader.gap_to(head));
        links
    }

    fn check(links: &[Link], head: (i64, [u8; 32])) -> Result<(), BrokenExtract> {
        let mut reader = ExtractChain::after(0, CHAIN_START);
        links.iter().try_for_each(|link| reader.read(link))?;
        reader.finish(head)
    }

    proptest! {
        #[test]
        fn every_extract_holds_and_none_with_a_changed_entry_does(
            wanted in prop::collection::vec(any::<bool>(), 20),
            at in 0_usize..40,
            field in 0_u8..10,
        ) {
            let chain = chain(20);
            let head = (20, chain[19].1);
            let mut links = extract(&chain, |at| wanted[at]);
            prop_assert_eq!(check(&links, head), Ok(()));
            let index = at % links.len();
            match &mut links[index] {
                Link::Entry { entry, hash } => match field {
                    0 => entry.actor.push('x'),
                    1 => entry.actor_name.push('x'),
                    2 => entry.action.push('x'),
                    3 => entry.project.push('x'),
                    4 => entry.subject.push('x'),
                    5 => entry.message.push('x'),
                    6 => entry.details.push('x'),
                    7 => entry.previous[at % 32] ^= 1,
                    8 => entry.at = entry.at.plus_ms(1),
                    _ => hash[at % 32] ^= 1,
                },
                Link::Gap { from, .. } if field < 3 => *from += 1,
                Link::Gap { until, .. } if field < 6 => *until += 1,
                Link::Gap { hash, .. } => hash[at % 32] ^= 1,
            }
            prop_assert!(check(&links, head).is_err());
        }

        #[test]
        fn no_line_can_be_taken_out_or_changed_with_another(
            wanted in prop::collection::vec(any::<bool>(), 20),
            at in 0_usize..40,
            to in 0_usize..40,
        ) {
            let chain = chain(20);
            let head = (20, chain[19].1);
            let links = extract(&chain, |at| wanted[at]);
            let (at, to) = (at % links.len(), to % links.len());
            let mut without = links.clone();
            without.remove(at);
            prop_assert!(check(&without, head).is_err());
            let mut swapped = links.clone();
            swapped.swap(at, to);
            prop_assert_eq!(check(&swapped, head).is_ok(), at == to);
        }
    }

    #[test]
    fn what_is_left_out_shows_nothing_but_the_last_hash() {
        let chain = chain(6);
        let links = extract(&chain, |at| at == 0 || at == 4);
        let gaps: Vec<&Link> = links.iter().filter(|link| matches!(link, Link::Gap { .. })).collect();
        assert_eq!(
            gaps,
            [&Link::Gap { from: 2, until: 4, hash: chain[3].1 }, &Link::Gap { from: 6, until: 6, hash: chain[5].1 }]
        );
    }
}
