//! What every store does, whatever is behind it. A function a law; each makes its own packs, so that laws may share
//! a store. Run on memory, a folder and, where `SHELFMARK_TEST_S3` names an endpoint, a bucket.

use bytes::Bytes;
use futures::TryStreamExt;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::hash::{ChunkId, PackId};
use shelfmark_domain::location::ChunkLocation;
use shelfmark_domain::pack::{Encoding, PackBuilder, SealedPack};
use shelfmark_domain::time::Timestamp;

use super::*;

/// Bytes that do not shrink.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(uuid::Uuid::now_v7().as_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

/// Bytes that do.
fn text(seed: u64, length: usize) -> Vec<u8> {
    let words = noise(seed, 64);
    (0..length).map(|at| b'a' + words[(at / 7 + at % 7) % 64] % 16).collect()
}

struct Sample {
    /// Each chunk's bytes.
    chunks: Vec<Vec<u8>>,
    pack: SealedPack,
    references: References,
}

fn builder() -> PackBuilder {
    PackBuilder::new(uuid::Uuid::now_v7().into_bytes(), 0)
}

fn push(pack: &mut PackBuilder, bytes: &[u8], how: How<'_>) -> Encoding {
    let encoded = Compressor::default().encode(bytes, how);
    pack.push(ChunkId::of(bytes), &encoded.stored, bytes.len() as u32, encoded.encoding, encoded.reference);
    encoded.encoding
}

/// A pack with chunks of all encodings, some of them larger than a batch.
fn sample() -> Sample {
    let reference = Reference::new(ChunkId::of(b"a near relative"), text(7, 40_000).into());
    let near = [&reference.bytes()[..20_000], &noise(1, 30), &reference.bytes()[20_000..]].concat();
    let chunks = vec![noise(2, 700_000), noise(3, 700_000), text(4, 90_000), near, noise(5, 1_300_000), noise(6, 10)];
    let mut pack = builder();
    for (at, bytes) in chunks.iter().enumerate() {
        let how = if at == 3 { How::Against { reference: &reference, level: 3 } } else { How::Plain { level: 3 } };
        let expected = [Encoding::Zstd, Encoding::ZstdWithReference].get(at.wrapping_sub(2));
        assert_eq!(push(&mut pack, bytes, how), *expected.unwrap_or(&Encoding::Raw));
    }
    Sample { chunks, pack: pack.seal(), references: References::from([(reference.chunk(), reference)]) }
}

fn raw_pack(chunks: &[Vec<u8>]) -> SealedPack {
    let mut pack = builder();
    for bytes in chunks {
        push(&mut pack, bytes, How::Raw);
    }
    pack.seal()
}

async fn read(store: &Store, pieces: Vec<Piece>, references: References) -> Result<Vec<u8>, StoreError> {
    let items: Vec<Bytes> = store.read(pieces, references).try_collect().await?;
    Ok(items.concat())
}

/// The pieces of a content that consists of these chunks which make up a range of it.
fn pieces(locations: &[ChunkLocation], range: std::ops::Range<usize>) -> Vec<Piece> {
    let mut start = 0;
    let mut pieces = Vec::new();
    for location in locations {
        let end = start + location.length as usize;
        let (from, to) = (range.start.clamp(start, end), range.end.clamp(start, end));
        let (skip, take) = ((from - start) as u32, (to - from) as u32);
        pieces.push(Piece { location: location.clone(), skip, take });
        start = end;
    }
    pieces
}

/// What is put is read back, whole and in any part, before and after its chunks have been checked.
pub async fn what_is_put_is_read_back_in_any_part(store: &Store) {
    let Sample { chunks, pack, references } = sample();
    let content = chunks.concat();
    let locations = store.put_pack(pack).await.unwrap().locations;

    let ends = [0, 1, 699_999, 700_000, 1_400_000, 1_450_000, 1_490_000, 1_500_000, 2_000_000, content.len()];
    for _ in 0..2 {
        for (at, &from) in ends.iter().enumerate() {
            for &to in &ends[at..] {
                let part = read(store, pieces(&locations, from..to), references.clone()).await.unwrap();
                assert!(part == content[from..to], "{from}..{to}");
            }
        }
    }
    for (location, bytes) in locations.iter().zip(&chunks) {
        assert_eq!(store.read_chunk(location.clone(), references.clone()).await.unwrap(), bytes);
    }
}

/// A pack is written again without harm, listed once, and its index is what was written.
pub async fn a_pack_is_listed_and_indexed(store: &Store) {
    let many: Vec<Vec<u8>> = (0..3_000_u32).map(|n| n.to_le_bytes().to_vec()).collect(); // an index of 100 KiB
    let pack = raw_pack(&many);
    let before = store.counters();
    for _ in 0..2 {
        store.put_pack(pack.clone()).await.unwrap();
    }
    let after = store.counters();
    assert_eq!((after.puts - before.puts) * pack.bytes.len() as u64, after.bytes_written - before.bytes_written);

    let listed: Vec<StoredPack> = store.list_packs().try_collect().await.unwrap();
    let found: Vec<&StoredPack> = listed.iter().filter(|listed| listed.id == pack.id).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].size_bytes, pack.bytes.len() as u64);
    assert!(found[0].modified_at > "2020-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
    assert_eq!(store.pack_index(&pack.id).await.unwrap().entries, pack.entries);
    assert_eq!(store.read_pack(&pack.id).await.unwrap(), pack.bytes);
    assert_eq!(store.read_stored(&pack.id, 3..9).await.unwrap(), &pack.bytes[3..9]);
    store.probe().await.unwrap();
}

/// A deleted pack is missing, also when it was read just before; deleting it again is fine.
pub async fn a_deleted_pack_is_missing(store: &Store) {
    let pack = raw_pack(&[noise(1, 1_000)]);
    let id = pack.id;
    let location = store.put_pack(pack).await.unwrap().locations.remove(0);
    store.read_chunk(location.clone(), References::new()).await.unwrap();

    for id in [id, id, PackId::of(b"never written")] {
        store.delete_pack(&id).await.unwrap();
    }

    let missing = |error| matches!(error, StoreError::Missing { .. }) && error.kind() == FailureKind::Corrupt;
    assert!(missing(store.read_chunk(location, References::new()).await.unwrap_err()));
    assert!(missing(store.pack_index(&id).await.unwrap_err()));
    assert!(missing(store.read_pack(&id).await.unwrap_err()));
    assert!(missing(store.read_stored(&id, 0..1).await.unwrap_err()));
}

/// A flipped byte is found, and no wrong byte is ever handed on. (A frame has bits that do not matter: flipping one
/// of them changes nothing that is read.)
pub async fn a_flipped_byte_is_damage_and_never_wrong_bytes(store: &Store) {
    let Sample { chunks, pack, references } = sample();
    for (at, entry) in pack.entries.iter().enumerate() {
        for position in [0, entry.stored_length / 2, entry.stored_length - 1] {
            // Written under a name of its own, as a disk would damage it.
            let mut damaged = pack.clone();
            damaged.id = PackId::of(&noise(at as u64, 9));
            damaged.bytes[(entry.offset + u64::from(position)) as usize] ^= 0x20;
            let locations = store.put_pack(damaged).await.unwrap().locations;

            let whole = locations.iter().cloned().map(Piece::whole).collect();
            let mut items = store.read(whole, references.clone());
            let mut right = Vec::new();
            let end = loop {
                match items.try_next().await {
                    Ok(Some(item)) => right.extend_from_slice(&item),
                    end => break end,
                }
            };

            match end {
                Err(StoreError::Damaged { chunk, .. }) => {
                    assert_eq!(chunk, entry.chunk);
                    assert!(chunks[..at].concat().starts_with(&right));
                }
                Ok(_) => assert!(entry.encoding != Encoding::Raw && right == chunks.concat()),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// A damaged index is no index, and a pack is not taken for another.
pub async fn a_damaged_index_is_damage(store: &Store) {
    let mut pack = raw_pack(&[noise(1, 100)]);
    let last = pack.bytes.len() - 45;
    pack.bytes[last] ^= 1;
    store.put_pack(pack.clone()).await.unwrap();
    assert!(matches!(store.pack_index(&pack.id).await, Err(StoreError::DamagedPack { .. })));

    pack.bytes[last] ^= 1;
    pack.id = PackId::of(&noise(2, 9));
    store.put_pack(pack.clone()).await.unwrap();
    assert!(matches!(store.pack_index(&pack.id).await, Err(StoreError::DamagedPack { .. })));
}

/// A pack that was cut short is an error wherever it was cut.
pub async fn a_pack_cut_short_is_damage(store: &Store) {
    let whole = raw_pack(&[noise(1, 300_000), noise(2, 900_000), noise(3, 5)]);
    for length in [0, 4, 5, 299_999, 300_005, 1_200_004] {
        let mut pack = whole.clone();
        pack.id = PackId::of(&noise(length as u64, 9));
        pack.bytes.truncate(length);
        let id = pack.id;
        let locations = store.put_pack(pack).await.unwrap().locations;

        let error =
            read(store, locations.into_iter().map(Piece::whole).collect(), References::new()).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Corrupt, "{length}: {error:?}");
        assert_eq!(store.pack_index(&id).await.unwrap_err().kind(), FailureKind::Corrupt);
        assert_eq!(store.read_stored(&id, 0..2_000_000).await.unwrap_err().kind(), FailureKind::Corrupt);
    }
}

/// However many neighbouring chunks a remote store is asked for, it is asked once.
pub async fn neighbours_are_one_request(store: &Store) {
    let chunks: Vec<Vec<u8>> = (0..40).map(|seed| noise(seed, 100_000)).collect();
    let locations = store.put_pack(raw_pack(&chunks)).await.unwrap().locations;

    let before = store.counters();
    let part = read(store, pieces(&locations, 150_000..3_950_000), References::new()).await.unwrap();

    assert!(part == chunks.concat()[150_000..3_950_000]);
    assert_eq!(store.counters().gets - before.gets, 1);
    assert_eq!(store.counters().bytes_read - before.bytes_read, 3_900_000); // whole chunks: they are checked
}

/// A chunk whose reference is not given is an error and not a guess.
pub async fn a_missing_reference_is_damage(store: &Store) {
    let Sample { pack, references, .. } = sample();
    let location = store.put_pack(pack).await.unwrap().locations.remove(3);
    assert!(store.read_chunk(location.clone(), references).await.is_ok());
    assert!(matches!(
        store.read_chunk(location, References::new()).await,
        Err(StoreError::Damaged { why: "the chunk it was compressed against is missing", .. })
    ));
}

async fn every_law(store: &Store) {
    what_is_put_is_read_back_in_any_part(store).await;
    a_pack_is_listed_and_indexed(store).await;
    a_deleted_pack_is_missing(store).await;
    a_flipped_byte_is_damage_and_never_wrong_bytes(store).await;
    a_damaged_index_is_damage(store).await;
    a_pack_cut_short_is_damage(store).await;
    a_missing_reference_is_damage(store).await;
}

#[tokio::test]
async fn memory_keeps_every_law() {
    let store = Store::open(StoreConfig::Memory).await.unwrap();
    every_law(&store).await;
    neighbours_are_one_request(&store).await;
}

#[tokio::test]
async fn a_folder_keeps_every_law() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/store");
    every_law(&Store::open(StoreConfig::Folder { path: path.clone() }).await.unwrap()).await;
    every_law(&Store::open(StoreConfig::Folder { path }).await.unwrap()).await; // also when opened again
}

#[tokio::test]
async fn a_folder_reads_only_what_is_wanted_of_a_raw_chunk_that_was_checked() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig::Folder { path: folder.path().to_owned() };
    let store = Store::open(config.clone()).await.unwrap();
    let chunks = [noise(1, 100_000), noise(2, 100_000)];
    let locations = store.put_pack(raw_pack(&chunks)).await.unwrap().locations;
    let wanted = pieces(&locations, 99_000..101_000);

    for (store, read_bytes) in [(&store, 200_000), (&store, 2_000), (&Store::open(config).await.unwrap(), 200_000)] {
        let before = store.counters();
        assert!(read(store, wanted.clone(), References::new()).await.unwrap() == chunks.concat()[99_000..101_000]);
        let after = store.counters();
        assert_eq!((after.gets - before.gets, after.bytes_read - before.bytes_read), (1, read_bytes));
    }
}

#[tokio::test]
async fn a_folder_reads_a_damaged_pack_again_once_it_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(StoreConfig::Folder { path: folder.path().to_owned() }).await.unwrap();
    let bytes = noise(1, 50_000);
    let whole = raw_pack(std::slice::from_ref(&bytes));
    let file = folder.path().join(keys::pack(&whole.id).as_ref());
    let location = store.put_pack(whole.clone()).await.unwrap().locations.remove(0);

    std::fs::write(&file, &whole.bytes[..40_000]).unwrap();
    let error = store.read_chunk(location.clone(), References::new()).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");

    let beside = folder.path().join("copy");
    std::fs::write(&beside, &whole.bytes).unwrap();
    std::fs::rename(&beside, &file).unwrap();
    assert_eq!(store.read_chunk(location, References::new()).await.unwrap(), bytes);
}

#[tokio::test]
async fn what_a_crash_left_half_written_is_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(StoreConfig::Folder { path: folder.path().to_owned() }).await.unwrap();
    let pack = raw_pack(&[noise(1, 10)]);
    let file = folder.path().join(keys::pack(&pack.id).as_ref());
    store.put_pack(pack.clone()).await.unwrap();
    std::fs::write(format!("{}#1", file.display()), b"half").unwrap();

    assert_eq!(store.list_packs().try_collect::<Vec<_>>().await.unwrap().len(), 1);
    assert_eq!(store.remove_unfinished("2020-01-01T00:00:00Z".parse().unwrap()).await.unwrap(), 0);
    assert_eq!(store.remove_unfinished("2200-01-01T00:00:00Z".parse().unwrap()).await.unwrap(), 1);
    assert_eq!(store.read_pack(&pack.id).await.unwrap(), pack.bytes);
}

#[tokio::test]
async fn a_bucket_keeps_every_law() {
    let Ok(endpoint) = std::env::var("SHELFMARK_TEST_S3") else { return };
    let config = S3Config {
        endpoint: Some(endpoint),
        bucket: "assets".into(),
        region: "us-east-1".into(),
        access_key: Some("AKTEST".into()),
        secret_key: Some("SKTEST".into()),
        prefix: format!("laws/{}", uuid::Uuid::now_v7()),
        allow_http: true,
        virtual_hosted_style: false,
    };
    let store = Store::open(StoreConfig::S3(config)).await.unwrap();
    every_law(&store).await;
    neighbours_are_one_request(&store).await;
}
