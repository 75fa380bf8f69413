//! Bytes that the API sends: whole, in ranges, conditionally.

use reqwest::Method;
use reqwest::header::HeaderName;

use crate::service::{Answer, TestService};

const SMALL: &[u8] = b"0123456789";

async fn ask(service: &TestService, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = service.request(method, &format!("/projects/site/files/{path}"));
    for (name, value) in headers {
        request = request.header(HeaderName::from_bytes(name.as_bytes()).unwrap(), *value);
    }
    service.send(request).await
}

/// Bytes that don't repeat, so that a wrong place is a wrong byte.
fn large() -> Vec<u8> {
    let mut bytes = vec![0; 5 << 20];
    blake3::Hasher::new().update(b"large").finalize_xof().fill(&mut bytes);
    bytes
}

#[tokio::test]
async fn a_whole_content_comes_with_all_that_a_cache_needs() {
    for service in TestService::on_each_database().await {
        service.put("a.txt", SMALL).await;
        service.running.services.engine.clock.jump_ms(3_000); // a date says nothing in the seconds around a change
        let answer = ask(&service, Method::GET, "a.txt", &[]).await;
        let tag = format!("\"{}\"", blake3::hash(SMALL));
        assert_eq!((answer.status.as_u16(), &answer.bytes[..]), (200, SMALL));
        assert_eq!((answer.header("etag"), answer.header("accept-ranges")), (&tag[..], "bytes"));
        assert_eq!((answer.header("content-type"), answer.header("x-content-type-options")), ("text/plain", "nosniff"));
        assert!(answer.header("last-modified").ends_with("GMT"));
        let head = ask(&service, Method::HEAD, "a.txt", &[]).await;
        assert_eq!((head.status.as_u16(), head.header("content-length"), head.header("etag")), (200, "10", &tag[..]));
        for name in ["if-none-match", "if-range"] {
            let status =
                ask(&service, Method::GET, "a.txt", &[(name, &tag), ("range", "bytes=0-0")]).await.status.as_u16();
            assert_eq!(status, if name == "if-range" { 206 } else { 304 });
        }
        ask(&service, Method::GET, "a.txt", &[("if-match", "\"another\"")]).await.problem(412, "stale");
    }
}

#[tokio::test]
async fn ranges_are_slices_of_small_and_of_large_contents() {
    for service in TestService::on_each_database().await {
        let large = large();
        service.put("small.bin", SMALL).await;
        service.put("large.bin", large.clone()).await;
        let end = large.len() - 1;
        for (path, bytes, header, first, last) in [
            ("small.bin", SMALL, "bytes=2-4".to_owned(), 2, 4),
            ("small.bin", SMALL, "bytes=-3".to_owned(), 7, 9),
            ("large.bin", &large[..], "bytes=0-0".to_owned(), 0, 0),
            ("large.bin", &large[..], "bytes=1000000-3999999".to_owned(), 1_000_000, 3_999_999),
            ("large.bin", &large[..], format!("bytes={}-", end - 9), end - 9, end),
        ] {
            let answer = ask(&service, Method::GET, path, &[("range", &header)]).await;
            assert_eq!(answer.status.as_u16(), 206, "{header}");
            assert_eq!(answer.header("content-range"), format!("bytes {first}-{last}/{}", bytes.len()));
            assert!(answer.bytes == bytes[first..=last], "{header}");
        }
        let answer = ask(&service, Method::GET, "large.bin", &[]).await;
        assert_eq!(answer.header("content-length"), large.len().to_string());
        assert!(answer.bytes == large);
    }
}

#[tokio::test]
async fn several_ranges_come_as_parts() {
    for service in TestService::on_each_database().await {
        let large = large();
        service.put("small.bin", SMALL).await;
        service.put("large.bin", large.clone()).await;
        for (path, bytes) in [("small.bin", SMALL), ("large.bin", &large[..])] {
            let answer = ask(&service, Method::GET, path, &[("range", "bytes=0-1, 5-7")]).await;
            assert_eq!(answer.status.as_u16(), 206);
            let boundary =
                answer.header("content-type").strip_prefix("multipart/byteranges; boundary=").unwrap().to_owned();
            let mut expected = Vec::new();
            for (first, last) in [(0, 1), (5, 7)] {
                let head = format!(
                    "\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {first}-{last}/{}\r\n\r\n",
                    bytes.len()
                );
                expected.extend_from_slice(head.as_bytes());
                expected.extend_from_slice(&bytes[first..=last]);
            }
            expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
            assert_eq!(answer.bytes, expected);
            assert_eq!(answer.header("content-length"), expected.len().to_string());
        }
    }
}

#[tokio::test]
async fn a_range_that_cannot_be_is_told_apart_from_one_that_is_not_understood() {
    for service in TestService::on_each_database().await {
        service.put("a.txt", SMALL).await;
        service.put("empty.txt", "").await;
        let beyond = ask(&service, Method::GET, "a.txt", &[("range", "bytes=10-")]).await;
        assert_eq!(beyond.header("content-range"), "bytes */10");
        beyond.problem(416, "range-not-satisfiable");
        for header in ["bytes=x", "lines=1-2", "bytes=5-2", "bytes=0-5,3-8"] {
            let answer = ask(&service, Method::GET, "a.txt", &[("range", header)]).await;
            assert_eq!((answer.status.as_u16(), &answer.bytes[..]), (200, SMALL), "{header}");
        }
        let empty = ask(&service, Method::GET, "empty.txt", &[]).await;
        assert_eq!((empty.status.as_u16(), empty.header("content-length"), empty.bytes.len()), (200, "0", 0));
    }
}

#[tokio::test]
async fn what_a_browser_could_run_gets_no_authority() {
    for service in TestService::on_each_database().await {
        service.put("a.html", "<script>alert(1)</script>").await;
        let shown = ask(&service, Method::GET, "a.html", &[]).await;
        assert!(shown.header("content-security-policy").starts_with("sandbox;"));
        let saved = service.read("/projects/site/files/a.html?download").await;
        assert_eq!(saved.header("content-disposition"), "attachment; filename=\"a.html\"; filename*=UTF-8''a.html");
    }
}

#[tokio::test]
async fn bytes_that_are_gone_are_a_problem_and_not_a_cut_answer() {
    let service = TestService::start().await;
    service.put("large.bin", large()).await;
    let store = service.running.services.config.data.folder.join("store/packs");
    std::fs::remove_dir_all(store).unwrap();
    ask(&service, Method::GET, "large.bin", &[]).await.problem(500, "corrupt");
}
