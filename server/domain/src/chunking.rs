//! Where a content is cut into chunks. The cuts follow the bytes (FastCDC), so that two versions of a file have
//! most chunks in common, wherever the edit is.
//!
//! The size of chunks grows with the offset in the content, not with its size: an upload's size need not be known,
//! a small file gets small chunks, a 5 TiB file has some 2.3 million of them, and two versions of a file are cut
//! alike in the same place. A size class starts with the first chunk at or after its threshold.
//!
//! Cut points decide what is stored once, so they never change: another crate version or other sizes would store
//! every next version of a large file anew. The golden test guards that.

use fastcdc::v2020::{self, Normalization};

/// The bytes of the largest chunk that any size class makes.
pub const CHUNK_BYTES_MAX: usize = CLASSES[CLASSES.len() - 1].average * 4;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const GIB: u64 = 1 << 30;

/// How large chunks are that start before an offset. The smallest is a quarter of the average, the largest four
/// times it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SizeClass {
    before: u64,
    average: usize,
}

const CLASSES: [SizeClass; 5] = [
    SizeClass { before: 16 * MIB as u64, average: 16 * KIB },
    SizeClass { before: GIB, average: 64 * KIB },
    SizeClass { before: 64 * GIB, average: 256 * KIB },
    SizeClass { before: 1024 * GIB, average: MIB },
    SizeClass { before: u64::MAX, average: 4 * MIB },
];

const _: () = {
    assert!(CLASSES[0].average / 4 >= v2020::MINIMUM_MIN);
    assert!(CLASSES[CLASSES.len() - 1].average <= v2020::AVERAGE_MAX);
    assert!(CLASSES[CLASSES.len() - 1].average / 4 <= v2020::MINIMUM_MAX);
    assert!(CHUNK_BYTES_MAX <= v2020::MAXIMUM_MAX);
};

impl SizeClass {
    fn at(offset: u64) -> Self {
        CLASSES.into_iter().find(|class| offset < class.before).unwrap_or(CLASSES[CLASSES.len() - 1])
    }

    const fn max(self) -> usize {
        self.average * 4
    }

    const fn min(self) -> usize {
        self.average / 4
    }
}

/// Finds the cut points of one content, from its start to its end. It holds no bytes: the caller has them in a
/// buffer that starts where the last chunk ended.
#[derive(Clone, Debug)]
pub struct Cutter {
    offset: u64,
    class: SizeClass,
    /// The gear hash's masks before and after the average size.
    masks: (u64, u64),
}

impl Cutter {
    /// A cutter at the start of a content.
    pub fn new() -> Self {
        Self::at(0)
    }

    fn at(offset: u64) -> Self {
        let class = SizeClass::at(offset);
        Self { offset, class, masks: v2020::select_masks(class.average, Normalization::Level1) }
    }

    /// The length of the next chunk, which starts at the start of `buffer`, and moves past it. `None` when more
    /// bytes are needed: `buffer` has fewer than [`wanted`](Self::wanted) and the content goes on, or is empty.
    ///
    /// `is_end` says that the content ends with the buffer.
    pub fn cut(&mut self, buffer: &[u8], is_end: bool) -> Option<usize> {
        if buffer.is_empty() || (!is_end && buffer.len() < self.wanted()) {
            return None;
        }
        let (early, late) = self.masks;
        let (_, length) = v2020::cut(
            buffer,
            self.class.min(),
            self.class.average,
            self.class.max(),
            early,
            late,
            early << 1,
            late << 1,
        );
        self.offset = self.offset.saturating_add(length as u64);
        if self.offset >= self.class.before {
            *self = Self::at(self.offset);
        }
        Some(length)
    }

    /// How many bytes `buffer` should hold, unless the content ends before, so that `cut` finds the next chunk.
    pub fn wanted(&self) -> usize {
        self.class.max()
    }
}

impl Default for Cutter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The SplitMix64 sequence: the same bytes on every machine and for ever.
    fn noise(seed: u64, bytes: usize) -> Vec<u8> {
        let mut state = seed;
        let words = (0..bytes.div_ceil(8)).flat_map(|_| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (mixed ^ (mixed >> 31)).to_le_bytes()
        });
        words.take(bytes).collect()
    }

    /// Cuts a content that arrives in pieces of these lengths, over and over.
    fn cut_fed(mut cutter: Cutter, content: &[u8], pieces: &[usize]) -> Vec<usize> {
        let (mut lengths, mut start, mut end) = (Vec::new(), 0, 0);
        for piece in pieces.iter().cycle() {
            end = content.len().min(end + piece);
            while let Some(length) = cutter.cut(&content[start..end], end == content.len()) {
                lengths.push(length);
                start += length;
            }
            if end == content.len() {
                break;
            }
        }
        lengths
    }

    fn cut(content: &[u8]) -> Vec<usize> {
        cut_fed(Cutter::new(), content, &[content.len().max(1)])
    }

    #[test]
    fn cut_points_stay_what_they_are() {
        let lengths = [
            16594, 4854, 6680, 16852, 17387, 7368, 18027, 21446, 6470, 9809, 26573, 20507, 8036, 12200, 40036, 15552,
            16406, 18455, 16748,
        ];
        assert_eq!(cut(&noise(1, 300_000)), lengths);

        let content = noise(1, CHUNK_BYTES_MAX);
        let first = CLASSES.map(|class| Cutter::at(class.before - 1).cut(&content, true));
        assert_eq!(first, [16594, 28128, 278_755, 278_755, 4_585_015].map(Some));
    }

    #[test]
    fn size_classes_follow_the_offset() {
        let content = noise(2, 17 << 20);
        let lengths = cut(&content);
        assert_eq!(lengths.iter().sum::<usize>(), content.len());
        let mut offset = 0;
        for length in &lengths[..lengths.len() - 1] {
            let average = if offset < 16 * MIB { 16 * KIB } else { 64 * KIB };
            assert!((average / 4..=average * 4).contains(length), "{length} at {offset}");
            offset += length;
        }
        for (offset, wanted) in
            [(0, 64 * KIB), (GIB - 1, 256 * KIB), (GIB, MIB), (64 * GIB, 4 * MIB), (1024 * GIB, 16 * MIB)]
        {
            assert_eq!(Cutter::at(offset).wanted(), wanted);
        }
        assert_eq!(CHUNK_BYTES_MAX, 16 * MIB);
    }

    #[test]
    fn bytes_without_a_cut_point_are_cut_at_the_maximum() {
        let mut cutter = Cutter::at(u64::MAX);
        assert_eq!(cutter.cut(&vec![0; CHUNK_BYTES_MAX + 1], false), Some(CHUNK_BYTES_MAX));
    }

    #[test]
    fn an_empty_content_has_no_chunks() {
        assert_eq!(Cutter::new().cut(&[], true), None);
        assert_eq!(Cutter::new().cut(&[1], false), None);
        assert_eq!(Cutter::new().cut(&[1], true), Some(1));
    }

    #[test]
    fn an_edit_near_the_start_changes_few_chunks() {
        let before = noise(3, 3 << 20);
        let mut after = before.clone();
        after.splice(1_000..1_010, *b"an insertion of another length");

        let chunks = |content: &[u8]| {
            let mut start = 0;
            let mut names = std::collections::HashSet::new();
            for length in cut(content) {
                names.insert(blake3::hash(&content[start..start + length]));
                start += length;
            }
            names
        };

        assert!(chunks(&after).difference(&chunks(&before)).count() <= 3);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn cut_points_do_not_depend_on_how_bytes_arrive(
            seed: u64, bytes in 0_usize..400_000, pieces in prop::collection::vec(1_usize..100_000, 1..5),
            offset in prop::sample::select(vec![0, 16 * MIB as u64 - 100_000, GIB - 1]),
        ) {
            let content = noise(seed, bytes);
            let whole = cut_fed(Cutter::at(offset), &content, &[bytes.max(1)]);
            prop_assert_eq!(whole.iter().sum::<usize>(), bytes); // joined, the chunks are the content
            prop_assert!(whole.iter().all(|length| *length > 0));
            prop_assert_eq!(cut_fed(Cutter::at(offset), &content, &pieces), whole);
        }
    }
}
