use bytes::Bytes;
use proptest::prelude::*;
use shelfmark_domain::hash::PackId;
use shelfmark_domain::location::ChunkLocation;

use super::*;
use crate::store::{decode, train_dictionary};

fn reference(bytes: Vec<u8>) -> Reference {
    Reference::new(ChunkId::of(&bytes), bytes.into())
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Decodes what was encoded, from a pack that says the right things about it.
fn decoded(bytes: &[u8], encoded: &Encoded<'_>, reference: &Reference) -> Bytes {
    let location = ChunkLocation {
        chunk: ChunkId::of(bytes),
        pack: PackId::of(b"pack"),
        offset: 0,
        stored_length: encoded.stored.len() as u32,
        length: bytes.len() as u32,
        encoding: encoded.encoding,
        reference: encoded.reference,
    };
    assert_eq!(encoded.encoding.needs_reference(), encoded.reference == Some(reference.chunk()));
    decode(&location, encoded.stored.to_vec().into(), Some(reference)).unwrap()
}

/// A small picture like many others.
fn icon(n: u64) -> Vec<u8> {
    let path: String = noise(n, 40).iter().map(|byte| format!("L{},{} ", byte % 24, byte / 11)).collect();
    format!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\"><path d=\"M{path}Z\"/></svg>").into()
}

fn trained() -> Reference {
    let icons: Vec<Vec<u8>> = (0..2_000).map(icon).collect();
    let samples: Vec<&[u8]> = icons.iter().map(Vec::as_slice).collect();
    reference(train_dictionary(&samples).unwrap())
}

/// A manifest's root: names of leaves, in order, and what they are.
fn root(leaves: u64, changed: impl Fn(u64) -> bool) -> Vec<u8> {
    let line = |leaf| {
        let key = format!("assets/folder-{:04}/file-{:07}.svg", leaf / 10, leaf * 128);
        [key.as_bytes(), &[128], &noise(leaf + if changed(leaf) { leaves } else { 0 }, 32)].concat()
    };
    (0..leaves).flat_map(line).collect()
}

#[test]
fn a_large_root_costs_its_changes_against_its_predecessor() {
    for (leaves, changes, level) in [(7_800, 100, 3), (7_800, 100, 1), (78_000, 100, 3)] {
        let before = reference(root(leaves, |_| false));
        let after = root(leaves, |leaf| leaf % (leaves / changes) == 7);
        let encoded = Compressor::default().encode(&after, How::Against { reference: &before, level });
        assert_eq!(encoded.encoding, Encoding::ZstdWithReference);
        let (stored, of) = (encoded.stored.len(), after.len());
        assert!(stored < 6_000, "{stored} of {of}");
        assert_eq!(decoded(&after, &encoded, &before), after);
    }
}

#[test]
fn a_dictionary_makes_tiny_files_smaller_than_zstd_alone_does() {
    let (dictionary, icon) = (trained(), icon(5_000));
    let mut compressor = Compressor::default();
    let with = compressor.encode(&icon, How::Dictionary { reference: &dictionary, level: 3 });
    let without = compressor.encode(&icon, How::Plain { level: 3 });
    assert_eq!(with.encoding, Encoding::ZstdWithDictionary);
    assert!(with.stored.len() + 40 < without.stored.len(), "{} {}", with.stored.len(), without.stored.len());
    assert_eq!(decoded(&icon, &with, &dictionary), icon);
}

#[test]
fn what_does_not_shrink_is_stored_raw_and_known_beforehand() {
    let mut compressor = Compressor::default();
    let (media, text) = (noise(1, 300_000), "to be or not to be ".repeat(9_000));
    assert_eq!(compressor.encode(&media, How::Plain { level: 3 }).encoding, Encoding::Raw);
    assert!(!compressor.worth_compressing(&media) && !compressor.worth_compressing(b""));
    assert!(compressor.worth_compressing(text.as_bytes()));
}

#[test]
fn a_reference_that_does_not_help_is_not_kept() {
    let text: Vec<u8> = (0..2_000_u32).flat_map(|n| (n % 97).to_string().into_bytes()).collect();
    let stranger = reference(noise(1, 50_000));
    for how in [
        How::Against { reference: &stranger, level: 3 },
        How::Dictionary { reference: &stranger, level: 3 },
        How::Dictionary { reference: &trained(), level: 3 },
    ] {
        let noise = noise(2, 5_000);
        assert_eq!(Compressor::default().encode(&noise, how).encoding, Encoding::Raw);
        assert_ne!(Compressor::default().encode(&text, how).encoding, Encoding::Raw);
    }
}

#[test]
fn too_few_or_empty_samples_make_no_dictionary() {
    assert_eq!(train_dictionary(&[]), None);
    assert_eq!(train_dictionary(&[b"one".as_slice(); 63]), None);
    assert_eq!(train_dictionary(&[b"".as_slice(); 500]), None);
}

#[test]
fn a_lying_frame_is_damaged_and_takes_no_memory() {
    let bytes = vec![0; 100_000];
    let stored: Bytes = Compressor::default().encode(&bytes, How::Plain { level: 3 }).stored.into_owned().into();
    let honest = ChunkLocation {
        chunk: ChunkId::of(&bytes),
        pack: PackId::of(b"pack"),
        offset: 0,
        stored_length: stored.len() as u32,
        length: 100_000,
        encoding: Encoding::Zstd,
        reference: None,
    };
    assert!(decode(&honest, stored.clone(), None).is_ok());
    for length in [0, 99_999, 100_001, u32::MAX] {
        let lying = ChunkLocation { length, ..honest.clone() };
        assert!(decode(&lying, stored.clone(), None).is_err());
    }
    assert!(decode(&honest, stored.slice(1..), None).is_err());
    assert!(decode(&ChunkLocation { chunk: ChunkId::of(b"other"), ..honest }, stored, None).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_encoded_is_decoded_whatever_the_way(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..3_000),
            prop::collection::vec(0_u8..4, 0..30_000),
            "(<path d=\"M[0-9]{1,3}\"/>){0,60}".prop_map(String::into_bytes),
        ],
        against in prop::collection::vec(any::<u8>(), 0..500),
        edit in any::<prop::sample::Index>(),
        level in prop::sample::select(vec![-1, 1, 3, 9]),
    ) {
        let mut relative = bytes.clone();
        relative.splice(edit.index(bytes.len() + 1).., against.iter().copied());
        let dictionary = [&[0x37, 0xA4, 0x30, 0xEC], &against[..]].concat(); // says it is one and is not
        let mut compressor = Compressor::default();
        for reference in [relative, against, dictionary].map(reference) {
            for how in [
                How::Raw,
                How::Plain { level },
                How::Against { reference: &reference, level },
                How::Dictionary { reference: &reference, level },
            ] {
                let encoded = compressor.encode(&bytes, how);
                prop_assert!(encoded.stored.len() <= bytes.len());
                prop_assert_eq!(&decoded(&bytes, &encoded, &reference), &bytes);
            }
        }
    }
}
