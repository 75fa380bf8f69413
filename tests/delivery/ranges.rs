//! Parts of contents.

use bytes::Bytes;
use reqwest::StatusCode;

use super::shelf::{Answer, Shelf, answer};
use crate::laws::ground::chance::{Chance, noise, text};

/// Sizes around what is kept in memory and what is one chunk, in bytes.
const SIZES: [usize; 6] = [1, 5_000, 70_000, 300_000, (2 << 20) + 1, 9_000_000];

async fn shelf_with_files() -> (Shelf, Vec<(String, Bytes)>) {
    let shelf = Shelf::start().await;
    let file = |(at, size): (usize, &usize)| [(at, false, *size), (at, true, *size)];
    let files = SIZES.iter().enumerate().flat_map(file).map(|(at, shrinks, size)| {
        let bytes = if shrinks { text(at as u64, size) } else { noise(at as u64, size) };
        (format!("{}-{size}.bin", if shrinks { "text" } else { "noise" }), bytes)
    });
    let files: Vec<(String, Bytes)> = files.collect();
    shelf.publish(files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone()))).await;
    (shelf, files)
}

async fn part(shelf: &Shelf, path: &str, range: &str) -> Answer {
    answer(shelf.get(&format!("/e/site/production/{path}")).header("range", range)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_random_ranges_are_the_bytes() {
    let (shelf, files) = shelf_with_files().await;
    let mut chance = Chance::new();
    for _ in 0..10_000 {
        let (path, bytes) = chance.one_of(&files).clone();
        let first = chance.below(bytes.len());
        let longest = *chance.one_of(&[1, 100, 70_000, 2_000_000]);
        let last = (first + chance.below(longest)).min(bytes.len() - 1);

        let got = part(&shelf, &path, &format!("bytes={first}-{last}")).await;

        assert_eq!(got.status, StatusCode::PARTIAL_CONTENT, "{path} {first}-{last}");
        assert_eq!(got.header("content-range"), format!("bytes {first}-{last}/{}", bytes.len()));
        assert!(got.body == bytes[first..=last], "{path} {first}-{last}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_counted_from_either_end() {
    let (shelf, files) = shelf_with_files().await;
    for (path, bytes) in &files {
        let size = bytes.len();
        assert_eq!(part(&shelf, path, "bytes=0-").await.body, bytes);
        assert_eq!(part(&shelf, path, "bytes=-1").await.body, bytes[size - 1..]);
        assert_eq!(part(&shelf, path, &format!("bytes=-{}", size * 2)).await.body, bytes);
        let beyond = part(&shelf, path, &format!("bytes={size}-")).await;
        assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
        beyond.problem();
        let ignored = part(&shelf, path, "lines=1-2").await;
        assert_eq!((ignored.status, ignored.body.len()), (StatusCode::OK, size));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_parts_come_in_one_body() {
    let (shelf, files) = shelf_with_files().await;
    for (path, bytes) in files.iter().filter(|(_, bytes)| bytes.len() > 1_000) {
        let got = part(&shelf, path, "bytes=900-999,0-9,-5").await;

        assert_eq!(got.status, StatusCode::PARTIAL_CONTENT);
        let boundary = got.header("content-type").strip_prefix("multipart/byteranges; boundary=").expect("it is named");
        let size = bytes.len();
        let mut expected = Vec::new();
        for (first, end) in [(900, 1_000), (0, 10), (size - 5, size)] {
            let head = format!(
                "\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {first}-{}/{size}\r\n\r\n",
                end - 1
            );
            expected.extend_from_slice(head.as_bytes());
            expected.extend_from_slice(&bytes[first..end]);
        }
        expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        assert!(got.body == expected, "{path}: {:?}", got.headers);
        let many: Vec<String> = (0..17).map(|at| format!("{0}-{0}", at * 2)).collect();
        let whole = part(&shelf, path, &format!("bytes={}", many.join(","))).await;
        assert_eq!((whole.status, whole.body.len()), (StatusCode::OK, size), "more parts than are worth it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_what_has_been_replaced_is_not_mixed_with_what_replaced_it() {
    let shelf = Shelf::start().await;
    let address = "/e/site/production/film.bin";
    let (old, new) = (noise(7, 3_000_000), noise(8, 3_000_000));
    shelf.publish([("film.bin", old.clone())]).await;
    let tag = shelf.fetch(address).await.header("etag").to_owned();
    let rest = || shelf.get(address).header("range", "bytes=1000000-").header("if-range", &tag);
    let resumed = answer(rest()).await;
    assert_eq!((resumed.status, resumed.body), (StatusCode::PARTIAL_CONTENT, old.slice(1_000_000..)));

    shelf.publish([("film.bin", new.clone())]).await;

    let anew = answer(rest()).await;
    assert_eq!((anew.status, anew.body), (StatusCode::OK, new));
}
