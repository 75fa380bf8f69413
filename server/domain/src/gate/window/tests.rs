//! Windows across time zones and daylight-saving changes.

use super::*;

fn window(text: serde_json::Value) -> Window {
    serde_json::from_value(text).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn weekend() -> Window {
    window(serde_json::json!({ "name": "weekend", "kind": "freeze", "starts": "2026-01-02T17:00:00",
        "lasts": "P2DT15H", "zone": "Europe/Berlin", "rule": "FREQ=WEEKLY;BYDAY=FR" }))
}

#[test]
fn a_recurring_window_keeps_its_local_time_across_daylight_saving() {
    let weekend = weekend();
    // Winter time, the weekend on which summer time begins, summer time, the weekend on which it ends.
    for (start, end) in [
        ("2026-03-20T16:00:00Z", "2026-03-23T07:00:00Z"),
        ("2026-03-27T16:00:00Z", "2026-03-30T06:00:00Z"),
        ("2026-04-03T15:00:00Z", "2026-04-06T06:00:00Z"),
        ("2026-10-23T15:00:00Z", "2026-10-26T07:00:00Z"),
    ] {
        assert_eq!(weekend.open_at(at(start)), Some((at(start), at(end))), "{start}");
        assert_eq!(weekend.open_at(at(start).plus_ms(-1)), None);
        assert_eq!(weekend.open_at(at(end).plus_ms(-1)), Some((at(start), at(end))));
        assert_eq!(weekend.open_at(at(end)), None);
        assert_eq!(
            opens_at(std::slice::from_ref(&weekend), Class::Regular, at(start)),
            Some((&weekend, Some(at(end))))
        );
    }
    assert_eq!(opens_at(&[weekend], Class::Rollback, at("2026-03-28T12:00:00Z")), None);
}

#[test]
fn a_start_that_a_change_skips_or_repeats_is_the_one_of_rfc_5545() {
    let nightly = window(serde_json::json!({ "name": "night", "kind": "change", "starts": "2026-01-01T02:30:00",
        "lasts": "PT30M", "zone": "Europe/Berlin", "rule": "FREQ=DAILY" }));
    assert!(nightly.open_at(at("2026-03-29T01:30:00Z")).is_some(), "02:30 does not exist: 03:30 summer time");
    assert!(nightly.open_at(at("2026-10-25T00:30:00Z")).is_some(), "the first of two 02:30");
    assert!(nightly.open_at(at("2026-10-25T01:30:00Z")).is_none());
    assert_eq!(nightly.next_start(at("2026-10-25T00:30:00Z")), Some(at("2026-10-26T01:30:00Z")));
}

#[test]
fn freeze_windows_win_over_change_windows_and_the_way_opens_when_both_allow() {
    let office = window(serde_json::json!({ "name": "office", "kind": "change", "starts": "2026-01-01T09:00:00",
        "lasts": "PT8H", "zone": "UTC", "rule": "FREQ=DAILY", "classes": ["regular"] }));
    let fair = window(serde_json::json!({ "name": "fair", "kind": "freeze", "starts": "2026-05-04T00:00:00",
        "lasts": "P3D", "zone": "UTC" }));
    let windows = [office, fair];
    let open = |class, text| opens_at(&windows, class, at(text)).map(|(w, t)| (w.name().to_owned(), t));
    assert_eq!(open(Class::Regular, "2026-05-03T10:00:00Z"), None);
    assert_eq!(open(Class::Hotfix, "2026-05-03T20:00:00Z"), None, "no change window binds hotfixes");
    let opens = Some(at("2026-05-07T09:00:00Z"));
    assert_eq!(open(Class::Regular, "2026-05-05T10:00:00Z"), Some(("fair".to_owned(), opens)));
    assert_eq!(open(Class::Regular, "2026-05-03T18:00:00Z"), Some(("office".to_owned(), opens)));
    assert_eq!(
        open(Class::Hotfix, "2026-05-05T10:00:00Z"),
        Some(("fair".to_owned(), Some(at("2026-05-07T00:00:00Z"))))
    );
}

#[test]
fn a_way_that_never_opens_says_so() {
    let over = window(serde_json::json!({ "name": "launch", "kind": "change", "starts": "2026-01-01T09:00:00",
        "lasts": "PT8H", "zone": "UTC" }));
    assert_eq!(opens_at(std::slice::from_ref(&over), Class::Regular, at("2026-02-01T00:00:00Z")), Some((&over, None)));
    let always = window(serde_json::json!({ "name": "always", "kind": "freeze", "starts": "2026-01-01T00:00:00",
        "lasts": "P1D", "zone": "UTC", "rule": "FREQ=DAILY" }));
    assert_eq!(
        opens_at(std::slice::from_ref(&always), Class::Regular, at("2026-02-01T00:00:00Z")),
        Some((&always, None))
    );
}

#[test]
fn rules_end_and_have_exceptions() {
    let text = |rule: &str| {
        serde_json::json!({ "name": "w", "kind": "freeze", "starts": "2026-03-01T12:00:00",
        "lasts": "PT1H", "zone": "America/New_York", "rule": rule, "except": ["2026-03-03"] })
    };
    let twice = window(text("FREQ=DAILY;COUNT=4"));
    let noon = |day: u32, hour: u32| at(&format!("2026-03-{day:02}T{hour}:00:00Z"));
    assert!(twice.open_at(noon(2, 17)).is_some() && twice.open_at(noon(3, 17)).is_none());
    assert!(twice.open_at(noon(4, 17)).is_some() && twice.open_at(noon(5, 17)).is_none());
    let until = window(text("FREQ=DAILY;UNTIL=20260309T160000Z"));
    assert!(until.open_at(noon(9, 16)).is_some(), "noon is 16:00Z since summer time began");
    assert!(until.open_at(noon(10, 16)).is_none());
}

#[test]
fn what_can_be_no_window_is_refused() {
    let good = serde_json::json!({ "name": "w", "kind": "freeze", "starts": "2026-03-01T12:00:00", "lasts": "PT1H", "zone": "UTC" });
    assert!(serde_json::from_value::<Window>(good.clone()).is_ok());
    for (field, value) in [
        ("name", serde_json::json!("")),
        ("classes", serde_json::json!([])),
        ("classes", serde_json::json!(["break_glass"])),
        ("zone", serde_json::json!("Europe/Atlantis")),
        ("lasts", serde_json::json!("PT0S")),
        ("lasts", serde_json::json!("P500D")),
        ("lasts", serde_json::json!("-PT1H")),
        ("rule", serde_json::json!("FREQ=SECONDLY")),
        ("rule", serde_json::json!("FREQ=WEEKLY;BYDAY=XX")),
        ("rule", serde_json::json!("FREQ=DAILY;UNTIL=20261231")),
        ("rule", serde_json::json!("FREQ=DAILY\nRRULE:FREQ=SECONDLY")),
        ("starts", serde_json::json!("2026-03-01T12:00:00Z")),
        ("until", serde_json::json!("x")),
    ] {
        let mut wrong = good.clone();
        wrong[field] = value.clone();
        assert!(serde_json::from_value::<Window>(wrong).is_err(), "{field}: {value}");
    }
}
