//! Bytes that are not what they were.

use std::fs::{self, File};
use std::path::Path;

use bytes::Bytes;
use reqwest::StatusCode;

use super::shelf::Shelf;
use crate::laws::ground::chance::{Chance, noise};

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_content_is_never_sent_as_a_whole() {
    let mut chance = Chance::new();
    for size in [500, 100_000, 6_000_000] {
        let shelf = Shelf::start().await;
        let bytes = noise(size as u64, size);
        shelf.publish([("film.bin", bytes.clone())]).await;
        let at = chance.below(size);
        assert_eq!(flip(&shelf, &bytes, at), 1, "the byte lies in one pack");

        let response = shelf.get("/e/site/production/film.bin").send().await.expect("the server answers");

        let status = response.status();
        match response.bytes().await {
            Ok(body) => assert_eq!((status, body != bytes), (StatusCode::INTERNAL_SERVER_ERROR, true), "byte {at}"),
            Err(_) => assert_eq!(status, StatusCode::OK, "it breaks off at byte {at}"),
        }
        if size < 1_000_000 {
            let answer = shelf.fetch("/e/site/production/film.bin").await;
            assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
            assert!(answer.json()["type"].as_str().is_some_and(|kind| kind.ends_with("corrupt")), "{answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_whose_pack_is_cut_short_or_gone_is_an_error() {
    let damages: [fn(&Path); 2] = [
        |pack| File::options().write(true).open(pack).expect("it opens").set_len(100).expect("it is cut"),
        |pack| fs::remove_file(pack).expect("it is removed"),
    ];
    for damage in damages {
        for size in [500, 100_000, 6_000_000] {
            let shelf = Shelf::start().await;
            shelf.publish([("film.bin", noise(size as u64, size))]).await;
            shelf.packs().iter().for_each(|pack| damage(pack));

            let answer = shelf.fetch("/e/site/production/film.bin").await;

            assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
            assert!(answer.json()["type"].as_str().is_some_and(|kind| kind.ends_with("corrupt")), "{answer:?}");
        }
    }
}

/// Flips a bit of a stored byte of the content, which is stored as it is; in how many packs.
fn flip(shelf: &Shelf, bytes: &Bytes, at: usize) -> usize {
    const CONTEXT: usize = 16;
    let from = at.saturating_sub(CONTEXT).min(bytes.len() - CONTEXT);
    let wanted = &bytes[from..from + CONTEXT];
    let mut flipped = 0;
    for pack in shelf.packs() {
        let mut stored = fs::read(&pack).expect("it is read");
        if let Some(found) = stored.windows(CONTEXT).position(|window| window == wanted) {
            stored[found] ^= 1;
            fs::write(&pack, stored).expect("it is written");
            flipped += 1;
        }
    }
    flipped
}
