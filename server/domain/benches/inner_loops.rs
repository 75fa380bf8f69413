//! The inner loops, timed: cutting and hashing, encoding and decoding a manifest's leaves, and the next manifest of
//! a million entries and its comparison. `cargo bench -p shelfmark-domain` prints the median of some runs of each;
//! what a user sees of them is what `scripts/bench` measures.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shelfmark_domain::chunking::Cutter;
use shelfmark_domain::hash::{ChunkId, ContentId};
use shelfmark_domain::manifest::{Edits, Leaf, Rebuild, RebuiltRoot, Root, Step, compare, differing};
use shelfmark_domain::metadata::Metadata;
use shelfmark_domain::pin::{AssetId, Entry, Pin};
use shelfmark_domain::time::Timestamp;

const RUNS: usize = 9;
const CONTENT_BYTES: usize = 64 << 20;
const ENTRIES: u64 = 1_000_000;
const CHANGES: u64 = 100;

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return; // `cargo test` runs this too, without optimisation
    }
    content();
    manifest();
}

fn content() {
    let bytes = noise(CONTENT_BYTES);
    let cut = median(|| chunks(&bytes, |_| ()));
    report("cut", throughput(bytes.len(), cut));
    let named = median(|| chunks(&bytes, |chunk| _ = black_box(ChunkId::of(chunk))));
    report("cut, name chunks", throughput(bytes.len(), named));
    let both = median(|| {
        let mut whole = blake3::Hasher::new();
        chunks(&bytes, |chunk| {
            black_box(ChunkId::of(chunk));
            whole.update(chunk);
        });
        black_box(whole.finalize());
    });
    report("cut, name chunks and content", throughput(bytes.len(), both));
}

fn chunks(bytes: &[u8], mut each: impl FnMut(&[u8])) {
    let (mut cutter, mut rest) = (Cutter::new(), bytes);
    while let Some(length) = cutter.cut(rest, true) {
        each(&rest[..length]);
        rest = &rest[length..];
    }
}

fn manifest() {
    let mut leaves = HashMap::new();
    let all = (0..ENTRIES).map(|number| (path(number), Some(entry(number, 1)))).collect();
    let base = rebuild(&mut leaves, &Arc::new(Root::empty()), all);
    println!("{} entries: {} leaves, root of {} bytes", ENTRIES, base.root.leaves.len(), base.bytes.len());

    let some: Vec<_> = base.root.leaves.iter().step_by(80).map(|leaf| Arc::clone(&leaves[&leaf.id])).collect();
    let entries: usize = some.iter().map(|leaf| leaf.entries.len()).sum();
    let encoded: Vec<_> = some.iter().map(|leaf| leaf.encode()).collect();
    let encode = median(|| some.iter().for_each(|leaf| _ = black_box(leaf.encode())));
    report("encode leaves", rate(entries, encode));
    let decode = median(|| encoded.iter().for_each(|bytes| _ = black_box(Leaf::decode(bytes))));
    report("decode leaves", rate(entries, decode));
    let root = median(|| _ = black_box(Root::decode(&base.bytes)));
    report("decode the root", shown(root));

    let edits: Edits = (0..CHANGES)
        .map(|number| number * (ENTRIES / CHANGES) + 7)
        .map(|number| (path(number), Some(entry(number, 2))))
        .collect();
    let before = Arc::new(base.root);
    let rebuilt = median(|| _ = black_box(rebuild(&mut leaves, &before, edits.clone())));
    report("rebuild with 100 scattered changes", shown(rebuilt));

    let after = rebuild(&mut leaves, &before, edits).root;
    let compared = median(|| {
        let (old, new) = differing(&before, &after);
        let of = |ids: Vec<ChunkId>| ids.iter().map(|id| Arc::clone(&leaves[id])).collect::<Vec<_>>();
        assert_eq!(compare(&of(old), &of(new)).len() as u64, CHANGES);
    });
    report("compare with what it was", shown(compared));
}

/// Makes the edits, with every leaf at hand.
fn rebuild(leaves: &mut HashMap<ChunkId, Arc<Leaf>>, base: &Arc<Root>, edits: Edits) -> RebuiltRoot {
    let mut rebuild = Rebuild::new(Arc::clone(base), edits);
    loop {
        match rebuild.step() {
            Step::Need(id) => rebuild.supply(id, &leaves[&id]),
            Step::Leaf { id, bytes, .. } => {
                let leaf = Leaf::decode(&bytes).expect("what was encoded can be decoded");
                leaves.insert(id, Arc::new(leaf));
            }
            Step::Done(done) => return done,
        }
    }
}

fn path(number: u64) -> String {
    format!("assets/{:03}/{:03}/image-{number:07}.webp", number / 10_000, number / 100 % 100)
}

fn entry(number: u64, version: i64) -> Entry {
    let mut asset = [0; 16];
    asset[8..].copy_from_slice(&number.to_be_bytes());
    Entry::Pin(Pin {
        asset: AssetId(asset),
        version,
        content: ContentId::of(format!("{number}.{version}").as_bytes()),
        size_bytes: 20_000 + number % 50_000,
        media_type: "image/webp".to_owned(),
        dimensions: Some((800, 600)),
        modified_at: Timestamp::from_micros(1_772_000_000_000_000 + version * 1_000),
        metadata: Metadata::default(),
    })
}

/// The SplitMix64 sequence.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 7u64;
    let words = (0..bytes / 8).flat_map(|_| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)).to_le_bytes()
    });
    words.collect()
}

fn median(mut run: impl FnMut()) -> Duration {
    let mut took: Vec<_> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    took.sort();
    took[RUNS / 2]
}

fn throughput(bytes: usize, took: Duration) -> String {
    format!("{:.0} MB/s", bytes as f64 / took.as_secs_f64() / 1e6)
}

fn rate(entries: usize, took: Duration) -> String {
    format!("{:.2} million entries/s", entries as f64 / took.as_secs_f64() / 1e6)
}

fn shown(took: Duration) -> String {
    format!("{:.2} ms", took.as_secs_f64() * 1e3)
}

fn report(name: &str, value: String) {
    println!("{name:36} {value:>26}");
}
