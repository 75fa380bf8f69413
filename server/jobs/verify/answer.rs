//! Comparing an answer with what a policy wants it to be.

use serde_json_path::JsonPath;
use shelfmark_domain::gate::{AddressRule, JsonRule};
use shelfmark_domain::hash::ContentId;

use crate::web::outbound::Reply;

/// Longest part of a found value that is shown, in characters.
const SHOWN_MAX: usize = 120;

/// What is as it should be, or the first thing that is not.
pub(super) fn check(rule: &AddressRule, answer: &Reply) -> Result<String, String> {
    if answer.status != rule.status {
        let private = if answer.status == 401 && rule.url.starts_with('/') {
            "; it is fetched without credentials, as everyone sees it"
        } else {
            ""
        };
        return Err(format!("it answered {} instead of {}{private}", answer.status, rule.status));
    }
    for (name, wanted) in &rule.headers {
        let found: Vec<String> = answer
            .headers
            .get_all(name.as_str())
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        if !found.contains(wanted) {
            let found = if found.is_empty() { "absent".to_owned() } else { shown(&found.join(", ")) };
            return Err(format!("the header {name} is {found} instead of {wanted}"));
        }
    }
    if let Some(wanted) = &rule.body_blake3 {
        let found = ContentId::of(&answer.body).to_string();
        if found != *wanted {
            return Err(format!("the body has the BLAKE3 {found} instead of {wanted}"));
        }
    }
    if !rule.json.is_empty() {
        let document = serde_json::from_slice(&answer.body).map_err(|_| "the body is no JSON".to_owned())?;
        rule.json.iter().try_for_each(|rule| check_json(rule, &document))?;
    }
    Ok(format!("it answered {} and is as it should be", answer.status))
}

/// Whatever the path finds must be the value, and it must find something.
fn check_json(rule: &JsonRule, document: &serde_json::Value) -> Result<(), String> {
    let path = JsonPath::parse(&rule.path).map_err(|error| format!("{} is no JSONPath: {error}", rule.path))?;
    let found = path.query(document).all();
    match found.iter().find(|value| ***value != rule.equals) {
        Some(other) => Err(format!("{} is {} instead of {}", rule.path, shown(&other.to_string()), rule.equals)),
        None if found.is_empty() => Err(format!("{} leads to nothing instead of {}", rule.path, rule.equals)),
        None => Ok(()),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(rule: serde_json::Value, status: u16, body: &str) -> Result<String, String> {
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        let answer = Reply { status, headers, body: body.as_bytes().to_vec(), is_cut: false };
        check(&serde_json::from_value(rule).unwrap(), &answer)
    }

    #[test]
    fn what_is_as_it_should_be_passes() {
        let body = r#"{"version":"1.2","items":[{"id":1},{"id":1}]}"#;
        let rule = json!({ "url": "https://x/", "headers": { "Content-Type": "application/json" },
            "body_blake3": ContentId::of(body.as_bytes()).to_string(),
            "json": [{ "path": "$.version", "equals": "1.2" }, { "path": "$.items[*].id", "equals": 1 }] });
        assert!(checked(rule, 200, body).is_ok());
        assert!(checked(json!({ "url": "/e/x", "status": 401 }), 401, "").is_ok());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |extra: serde_json::Value, body| {
            let mut rule = json!({ "url": "/e/site/production/a" });
            rule.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            checked(rule, 200, body).unwrap_err()
        };
        assert_eq!(wrong(json!({ "status": 204 }), ""), "it answered 200 instead of 204");
        let header = wrong(json!({ "headers": { "content-type": "text/css" } }), "");
        assert_eq!(header, "the header content-type is application/json instead of text/css");
        assert_eq!(wrong(json!({ "headers": { "x-a": "1" } }), ""), "the header x-a is absent instead of 1");
        assert!(wrong(json!({ "body_blake3": "0".repeat(64) }), "x").starts_with("the body has the BLAKE3 "));
        let json = |path: &str| json!({ "json": [{ "path": path, "equals": 2 }] });
        assert_eq!(wrong(json("$.a"), "<html>"), "the body is no JSON");
        assert_eq!(wrong(json("$.a"), r#"{"a":1}"#), "$.a is 1 instead of 2");
        assert_eq!(wrong(json("$.b"), r#"{"a":2}"#), "$.b leads to nothing instead of 2");
        assert_eq!(wrong(json("$[*]"), "[2,3]"), "$[*] is 3 instead of 2");
        assert!(wrong(json("a b"), "{}").contains("is no JSONPath"));
        let private = checked(json!({ "url": "/e/x" }), 401, "").unwrap_err();
        assert!(private.contains("without credentials"), "{private}");
    }
}
