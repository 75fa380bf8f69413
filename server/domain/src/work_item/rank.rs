//! Ranks: where an item stands among those of its status on the board. Ranks are far apart, so that an item is put
//! between two others by changing its own rank only; where there is no room any more, all of them are spread anew.

/// The distance of neighbours that have just been spread.
pub const RANK_STEP: i64 = 1 << 32;

/// The ranks between which an item is put; `None` at an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    pub before: Option<i64>,
    pub after: Option<i64>,
}

/// A rank between the neighbours; `None` when there is no room.
pub fn rank_between(Neighbours { before, after }: Neighbours) -> Option<i64> {
    match (before, after) {
        (None, None) => Some(0),
        (Some(before), None) => before.checked_add(RANK_STEP),
        (None, Some(after)) => after.checked_sub(RANK_STEP),
        (Some(before), Some(after)) => {
            let between = i64::midpoint(before, after);
            (before < between && between < after).then_some(between)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A column of a board: items and their ranks, as the catalog keeps them.
    #[derive(Debug, Default)]
    struct Column(Vec<(usize, i64)>);

    impl Column {
        fn spread(&mut self) {
            self.0.sort_by_key(|(item, rank)| (*rank, *item));
            for (place, (_, rank)) in self.0.iter_mut().enumerate() {
                *rank = i64::try_from(place).unwrap() * RANK_STEP;
            }
        }

        fn order(&self) -> Vec<usize> {
            let mut sorted = self.0.clone();
            sorted.sort_by_key(|(item, rank)| (*rank, *item));
            sorted.into_iter().map(|(item, _)| item).collect()
        }

        /// Puts an item at a place among the others; says whether the others had to be spread.
        fn put(&mut self, item: usize, place: usize) -> bool {
            self.0.retain(|(other, _)| *other != item);
            self.0.sort_by_key(|(item, rank)| (*rank, *item));
            let at = |column: &Self, place: usize| column.0.get(place).map(|(_, rank)| *rank);
            let neighbours = |column: &Self| Neighbours {
                before: place.checked_sub(1).and_then(|place| at(column, place)),
                after: at(column, place),
            };
            let room = rank_between(neighbours(self));
            if room.is_none() {
                self.spread();
            }
            let rank = room.or_else(|| rank_between(neighbours(self))).expect("ranks that were spread have room");
            self.0.push((item, rank));
            room.is_none()
        }
    }

    proptest! {
        #[test]
        fn items_stand_where_they_were_put(moves in prop::collection::vec((0_usize..12, 0_usize..12), 1..300)) {
            let (mut column, mut model) = (Column::default(), Vec::new());
            for (item, place) in moves {
                model.retain(|other| *other != item);
                let place = place.min(model.len());
                model.insert(place, item);
                column.put(item, place);
                prop_assert_eq!(column.order(), model.clone());
            }
        }
    }

    #[test]
    fn room_between_two_lasts_for_thirty_moves_and_is_made_again() {
        let mut column = Column::default();
        column.put(0, 0);
        column.put(1, 1);
        let spread: Vec<bool> = (2..200).map(|item| column.put(item, 1)).collect();
        assert!(spread[..30].iter().all(|spread| !spread));
        assert!(spread.iter().filter(|spread| **spread).count() <= 7, "{spread:?}");
        assert_eq!(column.order()[..3], [0, 199, 198]);
    }
}
