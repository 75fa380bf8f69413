//! Bytes and choices that follow from a seed. Whoever chooses at random prints the seed, and `SHELFMARK_TEST_SEED`
//! makes the same choices again.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

/// Bytes that do not shrink; equal seeds and lengths give equal bytes.
pub fn noise(seed: u64, length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes.into()
}

/// Bytes that shrink.
pub fn text(seed: u64, length: usize) -> Bytes {
    let words = noise(seed, 64);
    (0..length).map(|at| b'a' + words[(at / 7 + at % 7) % 64] % 16).collect()
}

/// Choices, one after the other.
#[derive(Debug)]
pub struct Chance {
    xof: blake3::OutputReader,
}

impl Chance {
    /// Choices that nobody foresees; the seed goes to the test's output.
    pub fn new() -> Self {
        let given = std::env::var("SHELFMARK_TEST_SEED").ok().map(|seed| seed.parse().expect("the seed is a number"));
        let seed = given.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
            since.as_nanos() as u64
        });
        println!("SHELFMARK_TEST_SEED={seed}");
        Self::of(seed)
    }

    /// The choices that follow from a seed.
    pub fn of(seed: u64) -> Self {
        Self { xof: blake3::Hasher::new().update(b"chance").update(&seed.to_le_bytes()).finalize_xof() }
    }

    /// A number from 0 to `end` - 1.
    pub fn below(&mut self, end: usize) -> usize {
        let mut bytes = [0; 8];
        self.xof.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % end as u64) as usize
    }

    /// One of them.
    pub fn one_of<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        &things[self.below(things.len())]
    }
}
