//! `shelfmark references`, `declare` and `impact`: what assets use, who uses them, and what a change would touch.

use std::str::FromStr;

use anyhow::bail;
use reqwest::Method;
use serde_json::{Value, json};
use shelfmark_domain::path::AssetPath;

use super::api::segment;
use super::asset::live;
use super::output::{Table, count, field, plain, print, print_json};
use crate::cli::people::session::Session;

/// Most users and uses on a page.
const PAGE: u32 = 1_000;

/// Shows what an asset uses and where it is used, at latest and in each environment
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark references img/logo.svg")]
pub struct ReferencesArgs {
    /// Where the asset is
    path: AssetPath,
    /// Show what this version uses; the latest one when left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    version: Option<i64>,
}

/// Says what an asset needs, where its bytes don't; what was said before is replaced
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  shelfmark declare art/poster.psd --need font=fonts/inter.ttf --need photo=img/hero.jpg
  shelfmark declare art/poster.psd --nothing")]
pub struct DeclareArgs {
    /// Where the asset is
    path: AssetPath,
    /// What it needs, with what that is to it; may be repeated
    #[arg(long, value_name = "KIND=PATH", required_unless_present = "nothing", conflicts_with = "nothing")]
    need: Vec<DeclaredNeed>,
    /// It needs nothing
    #[arg(long)]
    nothing: bool,
}

/// Says what changing, moving or removing an asset would touch
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  shelfmark impact img/logo.svg
  shelfmark impact img/logo.svg --change move --to brand/logo.svg")]
pub struct ImpactArgs {
    /// Where the asset is
    path: AssetPath,
    /// What you mean to do with it
    #[arg(long, value_enum, default_value_t = Change::Remove)]
    change: Change,
    /// Of a move: where to
    #[arg(long, value_name = "PATH")]
    to: Option<AssetPath>,
}

/// What somebody means to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Change {
    /// Take it away
    Remove,
    /// Put other bytes at the same path
    Replace,
    /// Put it at another path
    Move,
}

/// `KIND=PATH`.
#[derive(Clone, Debug)]
struct DeclaredNeed {
    kind: String,
    path: AssetPath,
}

impl FromStr for DeclaredNeed {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let Some((kind, path)) = text.split_once('=') else { bail!("write it as KIND=PATH, such as font=fonts/a.ttf") };
        Ok(Self { kind: kind.to_owned(), path: path.parse()? })
    }
}

/// `shelfmark references`
///
/// # Errors
/// What the server refused.
pub async fn show(session: &Session, args: ReferencesArgs) -> anyhow::Result<()> {
    let version = args.version.map(|number| format!("&version={number}")).unwrap_or_default();
    let address = format!("{}?limit={PAGE}{version}", address_of(session, &args.path, "references").await?);
    let mut whole: Value = session.api.get(&address).await?;
    for (list, cursor) in [("uses", "uses_cursor"), ("used_by", "used_by_cursor")] {
        let (mut items, mut next) = take(&mut whole[list]);
        while let Some(from) = next {
            let mut page: Value = session.api.get(&format!("{address}&{cursor}={}", segment(&from))).await?;
            let (more, after) = take(&mut page[list]);
            items.extend(more);
            next = after;
        }
        whole[list] = json!({ "items": items, "next_cursor": null });
    }
    session.show(&whole, |whole| {
        let (uses, users) = (items(whole, "uses"), items(whole, "used_by"));
        let mut text = format!("{} uses {}.\n", args.path, count(uses.len() as u64, "asset"));
        if !uses.is_empty() {
            text.push_str(&format!("{}\n", uses_table(uses)));
        }
        text.push_str(&format!("It is used by {}.\n", count(users.len() as u64, "asset")));
        if !users.is_empty() {
            text.push_str(&users_table(users));
        }
        text.push_str(incomplete(whole));
        text.trim_end().to_owned()
    })
}

/// `shelfmark declare`
///
/// # Errors
/// What the server refused.
pub async fn declare(session: &Session, args: DeclareArgs) -> anyhow::Result<()> {
    let address = address_of(session, &args.path, "declared-references").await?;
    let needs: Vec<Value> = args.need.iter().map(|need| json!({ "kind": need.kind, "path": need.path })).collect();
    let answer = session.api.send_json(Method::PUT, &address, &json!({ "needs": needs })).await?;
    session.show(&answer, |_| match needs.len() {
        0 => format!("{} needs nothing but what its bytes say.", args.path),
        many => format!("{} needs {}.", args.path, count(many as u64, "asset")),
    })
}

/// `shelfmark impact`
///
/// # Errors
/// What the server refused.
pub async fn impact(session: &Session, args: ImpactArgs) -> anyhow::Result<()> {
    let change = match args.change {
        Change::Remove => "remove",
        Change::Replace => "replace",
        Change::Move => "move",
    };
    let to = args.to.map(|to| format!("&to={}", segment(to.as_str()))).unwrap_or_default();
    let path = segment(args.path.as_str());
    let address = session.at(&format!("/impact?path={path}&change={change}{to}&limit={PAGE}"))?;
    let mut whole: Value = session.api.get(&address).await?;
    let (mut users, mut next) = take(&mut whole["used_by"]);
    let mut releases = whole["releases"].as_array().cloned().unwrap_or_default();
    while let Some(from) = next {
        let mut page: Value = session.api.get(&format!("{address}&cursor={}", segment(&from))).await?;
        let (more, after) = take(&mut page["used_by"]);
        users.extend(more);
        next = after;
        let new = page["releases"].as_array().cloned().unwrap_or_default();
        releases.extend(new.into_iter().filter(|line| !whole["releases"].as_array().is_some_and(|l| l.contains(line))));
    }
    whole["used_by"] = json!({ "items": users, "next_cursor": null });
    whole["releases"] = releases.into();
    if session.is_json {
        return Ok(print_json(&whole)?);
    }
    Ok(print(&report(&whole))?)
}

/// The report as people read it.
fn report(whole: &Value) -> String {
    let users = items(whole, "used_by");
    let verb = if whole["breaks"] == true { "would find nothing" } else { "would get other bytes" };
    let mut parts = vec![match users.len() {
        0 => "Nothing refers to it.".to_owned(),
        many => format!("{} {verb}:\n{}", count(many as u64, "asset"), users_table(users)),
    }];
    for (list, title, heads, names) in [
        (
            "environments",
            "Environments that serve it",
            ["ENVIRONMENT", "BUILD", "VERSION", "PATH"],
            ["environment", "build", "version", "path"],
        ),
        (
            "releases",
            "Releases under way",
            ["RELEASE", "STATE", "VERSION", "PATH"],
            ["release", "state", "version", "path"],
        ),
    ] {
        let rows = whole[list].as_array().map(Vec::as_slice).unwrap_or_default();
        if !rows.is_empty() {
            let mut table = Table::new(&heads);
            rows.iter().for_each(|row| table.row(names.map(|name| field(row, name))));
            parts.push(format!("{title}:\n{}", table.text()));
        }
    }
    let lost = whole["lost"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !lost.is_empty() {
        let lines: Vec<String> = lost.iter().map(|one| plain(&field(one, "reference"))).collect();
        parts.push(format!("Its own references that would lead to nothing:\n{}", lines.join("\n")));
    }
    let text = parts.join("\n\n");
    format!("{text}{}", incomplete(whole))
}

fn incomplete(whole: &Value) -> &'static str {
    match whole["complete"] == false {
        true => "\nContents that came in just now are still being read; ask again for those who use it.",
        false => "",
    }
}

async fn address_of(session: &Session, path: &AssetPath, what: &str) -> anyhow::Result<String> {
    let asset = live(session, path).await?;
    session.at(&format!("/assets/{}/{what}", field(&asset, "id")))
}

fn take(page: &mut Value) -> (Vec<Value>, Option<String>) {
    let next = page["next_cursor"].as_str().map(str::to_owned);
    match page["items"].take() {
        Value::Array(items) => (items, next),
        _ => (Vec::new(), next),
    }
}

fn items<'a>(whole: &'a Value, list: &str) -> &'a [Value] {
    whole[list]["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn names(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn uses_table(uses: &[Value]) -> String {
    let mut table = Table::new(&["PATH", "REFERENCE", "HOW", "VERSION", "IN"]);
    for used in uses {
        let cells = ["path", "reference", "how", "version"].map(|name| field(used, name));
        table.row(cells.into_iter().chain([names(&used["environments"]).join(", ")]));
    }
    table.text()
}

fn users_table(users: &[Value]) -> String {
    let mut table = Table::new(&["PATH", "REFERENCE", "IN"]);
    for user in users {
        let uses = user["uses"].as_array().into_iter().flatten();
        let references: Vec<String> = uses.map(|used| field(used, "reference")).collect();
        let mut places = names(&user["environments"]);
        if user["latest"] == true {
            places.insert(0, "latest".to_owned());
        }
        table.row([field(user, "path"), references.join(", "), places.join(", ")]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_who_what_and_where() {
        let whole = json!({ "breaks": true, "complete": false,
            "used_by": { "items": [{ "path": "a.css", "latest": true, "environments": ["production"],
                "uses": [{ "reference": "../b.svg" }] }], "next_cursor": null },
            "environments": [{ "environment": "production", "build": "R-1.1", "version": 2, "path": "b.svg" }],
            "releases": [], "lost": [{ "reference": "x.png", "path": "c/x.png" }] });
        let text = report(&whole);
        for part in ["1 asset would find nothing", "../b.svg", "latest, production", "R-1.1", "x.png", "ask again"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(report(&json!({})), "Nothing refers to it.");
    }

    #[test]
    fn a_need_has_a_kind_and_a_path() {
        let need: DeclaredNeed = "font=a=b.ttf".parse().unwrap();
        assert_eq!((need.kind.as_str(), need.path.as_str()), ("font", "a=b.ttf"));
        assert!("a.ttf".parse::<DeclaredNeed>().is_err() && "font=../a".parse::<DeclaredNeed>().is_err());
    }
}
