//! When a delivery that failed is tried again.

/// How a delivery is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// How often something is tried before it is given up; at least 1.
    pub tries_max: u32,
    /// The wait after the first failure, in milliseconds. Each later one is three times as long.
    pub first_ms: i64,
    /// The longest wait, in milliseconds.
    pub most_ms: i64,
}

impl Backoff {
    /// How long to wait after so many failures in milliseconds, or `None` to give up. `chance` spreads the waits by a
    /// fifth either way, so that not everything that failed together comes back together.
    pub fn wait_ms(&self, failures: u32, chance: u64) -> Option<i64> {
        if failures >= self.tries_max {
            return None;
        }
        let factor = 3_i64.saturating_pow(failures.saturating_sub(1));
        let wait = self.first_ms.saturating_mul(factor).min(self.most_ms);
        let spread = i64::try_from(chance % 401).unwrap_or(0) + 800; // thousandths: 800 to 1,200
        Some(wait / 1_000 * spread + wait % 1_000 * spread / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: Backoff = Backoff { tries_max: 12, first_ms: 10_000, most_ms: 6 * 3_600_000 };

    #[test]
    fn the_tries_are_spread_over_about_a_day() {
        let waits: i64 = (1..12).map(|failures| DAY.wait_ms(failures, 200).unwrap()).sum();
        assert!((20 * 3_600_000..30 * 3_600_000).contains(&waits), "{waits}");
        assert_eq!(DAY.wait_ms(12, 0), None);
    }

    proptest! {
        #[test]
        fn a_wait_is_never_shorter_than_four_fifths_of_the_first_nor_much_longer_than_the_longest(
            failures in 0_u32..100, chance: u64, tries_max in 1_u32..200,
        ) {
            let backoff = Backoff { tries_max, ..DAY };
            match backoff.wait_ms(failures, chance) {
                None => prop_assert!(failures >= tries_max),
                Some(wait) => {
                    prop_assert!(failures < tries_max);
                    prop_assert!((8_000..=DAY.most_ms / 5 * 6).contains(&wait), "{}", wait);
                }
            }
        }
    }
}
