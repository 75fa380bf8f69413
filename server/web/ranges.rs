//! The `Range` header (RFC 9110, section 14): which bytes of a content are asked for.

use std::ops::Range;

/// What a request gets of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it: nothing else was asked for, or nothing that can be understood or is worth doing.
    Whole,
    Part(Range<u64>),
    /// At least two parts that don't overlap, in the order in which they were asked for.
    Parts(Vec<Range<u64>>),
    /// No byte that was asked for exists.
    Nothing,
}

/// Reads a `Range` header for a content of `size_bytes`. A header that is malformed or has another unit is ignored, as
/// the standard asks; so is one with more than `parts_max` parts, or with parts that overlap: answering those costs
/// more than the whole content.
pub fn wanted(header: &[u8], size_bytes: u64, parts_max: usize) -> Wanted {
    let Some(list) = after_unit(header) else { return Wanted::Whole };
    let mut parts: Vec<Range<u64>> = Vec::new();
    let mut asked = 0;
    for spec in list.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|spec| !spec.is_empty()) {
        asked += 1;
        match part(spec, size_bytes) {
            None => return Wanted::Whole,
            Some(part) if part.is_empty() => {}
            Some(part) => parts.push(part),
        }
        if asked > parts_max {
            return Wanted::Whole;
        }
    }
    match (asked, parts.len()) {
        (0, _) => Wanted::Whole,
        (_, 0) => Wanted::Nothing,
        (_, 1) => Wanted::Part(parts.swap_remove(0)),
        _ if overlap(&parts) => Wanted::Whole,
        _ => Wanted::Parts(parts),
    }
}

fn after_unit(header: &[u8]) -> Option<&[u8]> {
    let (unit, rest) = header.split_at_checked(5)?;
    if unit.eq_ignore_ascii_case(b"bytes") { rest.strip_prefix(b"=") } else { None }
}

/// One part, cut to the content; empty when none of its bytes exist, `None` when it is malformed.
fn part(spec: &[u8], size_bytes: u64) -> Option<Range<u64>> {
    let dash = spec.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (&spec[..dash], &spec[dash + 1..]);
    if first.is_empty() {
        let length = number(last)?;
        return Some(size_bytes.saturating_sub(length)..size_bytes);
    }
    let first = number(first)?;
    let end = if last.is_empty() { size_bytes } else { number(last).filter(|last| *last >= first)?.saturating_add(1) };
    Some(first.min(size_bytes)..end.min(size_bytes))
}

/// A number of any length; one that is too large to count with is as good as the largest.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let append = |number: u64, digit: &u8| number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Some(digits.iter().fold(0, append))
}

fn overlap(parts: &[Range<u64>]) -> bool {
    let mut sorted: Vec<&Range<u64>> = parts.iter().collect();
    sorted.sort_unstable_by_key(|part| part.start);
    sorted.array_windows().any(|[left, right]| right.start < left.end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(header: &str) -> Wanted {
        wanted(header.as_bytes(), 10_000, 16)
    }

    #[test]
    fn the_examples_of_the_standard() {
        assert_eq!(of("bytes=0-499"), Wanted::Part(0..500));
        assert_eq!(of("bytes=500-999"), Wanted::Part(500..1_000));
        assert_eq!(of("bytes=-500"), Wanted::Part(9_500..10_000));
        assert_eq!(of("bytes=9500-"), Wanted::Part(9_500..10_000));
        assert_eq!(of("bytes=0-0,-1"), Wanted::Parts(vec![0..1, 9_999..10_000]));
        assert_eq!(of("bytes= 0-999, 4500-5499, -1000"), Wanted::Parts(vec![0..1_000, 4_500..5_500, 9_000..10_000]));
        assert_eq!(of("bytes=500-600,601-999"), Wanted::Parts(vec![500..601, 601..1_000]));
        assert_eq!(of("bytes=500-700,601-999"), Wanted::Whole);
    }

    #[test]
    fn a_part_ends_where_the_content_does() {
        assert_eq!(of("bytes=9000-20000"), Wanted::Part(9_000..10_000));
        assert_eq!(of("bytes=-20000"), Wanted::Part(0..10_000));
        assert_eq!(of("Bytes=0-99999999999999999999999"), Wanted::Part(0..10_000));
        assert_eq!(of("bytes=0-0,20000-"), Wanted::Part(0..1));
    }

    #[test]
    fn bytes_that_do_not_exist_are_told_from_what_is_malformed() {
        for header in ["bytes=10000-", "bytes=10000-10001", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(of(header), Wanted::Nothing, "{header}");
        }
        assert_eq!(wanted(b"bytes=0-", 0, 16), Wanted::Nothing);
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=a-",
            "bytes=1",
            "bytes=2-1",
            "bytes=0-1,x",
            "lines=0-1",
            "bytes=--1",
        ] {
            assert_eq!(of(header), Wanted::Whole, "{header}");
        }
    }

    #[test]
    fn more_parts_than_allowed_are_answered_with_the_whole() {
        let header = |parts: u64| {
            let parts: Vec<String> = (0..parts).map(|n| format!("{0}-{0}", n * 2)).collect();
            format!("bytes={}", parts.join(","))
        };
        assert!(matches!(of(&header(16)), Wanted::Parts(parts) if parts.len() == 16));
        assert_eq!(of(&header(17)), Wanted::Whole);
    }

    proptest! {
        /// What a header asks for is what slicing gives.
        #[test]
        fn a_range_is_a_slice(bytes in prop::collection::vec(any::<u8>(), 0..300), first in 0_usize..320, more in 0_usize..320) {
            let last = first + more;
            let expected = bytes.get(first..bytes.len().min(last + 1)).filter(|slice| !slice.is_empty());
            let got = match wanted(format!("bytes={first}-{last}").as_bytes(), bytes.len() as u64, 16) {
                Wanted::Part(part) => Some(&bytes[part.start as usize..part.end as usize]),
                Wanted::Nothing => None,
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            prop_assert_eq!(got, expected);
        }

        /// No header makes it fail, and every part lies in the content.
        #[test]
        fn whatever_is_sent_every_part_exists(header in "(bytes=)?[0-9, -]{0,40}", size in 0_u64..100) {
            let parts = match wanted(header.as_bytes(), size, 16) {
                Wanted::Part(part) => vec![part],
                Wanted::Parts(parts) => parts,
                Wanted::Whole | Wanted::Nothing => Vec::new(),
            };
            prop_assert!(parts.iter().all(|part| part.start < part.end && part.end <= size));
        }
    }
}
