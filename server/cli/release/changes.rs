//! `shelfmark release add` and `remove`: the lines of a release.

use std::str::FromStr;

use anyhow::bail;
use reqwest::Method;
use serde_json::{Value, json};
use shelfmark_domain::name::{EnvironmentName, ParameterName, ReleaseNumber, SearchName, WorkItemNumber};
use shelfmark_domain::path::{AssetPath, FolderPath};

use super::environment::VisibilityChoice;
use crate::cli::output::{Table, count, field, plain, print, print_json_of};
use crate::cli::people::session::Session;
use crate::cli::problem::WrongUse;

/// Adds changes to a release: assets at a version, folders, removals, parameters, access rules.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  shelfmark release add R-12 --latest
  shelfmark release add R-12 img/logo.svg img/hero.jpg@3 icons/ --remove img/old.svg
  shelfmark release add R-12 --set theme.colour=blue --access internal/=private
  shelfmark release add R-12 --item W-7")]
pub struct AddArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// An asset at its latest version, an asset at version N (PATH@N), or a folder (FOLDER/; / for everything)
    #[arg(value_name = "PATH[@N]|FOLDER/")]
    items: Vec<Item>,
    /// What a saved search finds now; may be repeated
    #[arg(long, value_name = "SEARCH")]
    search: Vec<SearchName>,
    /// Every asset at its latest version, and what was removed from the library
    #[arg(long)]
    latest: bool,
    /// No longer serve this path; may be repeated
    #[arg(long, value_name = "PATH")]
    remove: Vec<AssetPath>,
    /// Give a parameter a value; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<Setting>,
    /// The values of --set hold for this environment only; the release must set the parameter for the others
    #[arg(long = "for", value_name = "ENV", requires = "set")]
    environment: Option<EnvironmentName>,
    /// Take a parameter away; may be repeated
    #[arg(long, value_name = "NAME")]
    unset: Vec<ParameterName>,
    /// Who may fetch what is below a folder: PREFIX=public or PREFIX=private; may be repeated
    #[arg(long, value_name = "PREFIX=public|private")]
    access: Vec<Access>,
    /// Take the access rule of a folder away; may be repeated
    #[arg(long, value_name = "PREFIX")]
    no_access: Vec<FolderPath>,
    /// An authorised work item, with the versions that answer it; may be repeated, and goes by itself
    #[arg(long, value_name = "W-N",
        conflicts_with_all = ["items", "latest", "remove", "set", "unset", "access", "no_access"])]
    item: Vec<WorkItemNumber>,
    /// Take resolved items too, whose requesters have not said yes
    #[arg(long, requires = "item")]
    unauthorised: bool,
}

/// Takes changes or work items out of a release again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  shelfmark release remove R-12 img/logo.svg -/parameters/theme.colour
  shelfmark release remove R-12 --item W-7")]
pub struct RemoveArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// The keys of the changes, as `release show` lists them
    #[arg(required_unless_present = "item", value_name = "KEY", allow_hyphen_values = true)]
    keys: Vec<String>,
    /// A work item, with the lines that came only with it; may be repeated
    #[arg(long, value_name = "W-N", conflicts_with = "keys")]
    item: Vec<WorkItemNumber>,
}

/// What a positional argument of `add` means.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Latest(AssetPath),
    At(AssetPath, i64),
    Folder(FolderPath),
}

impl FromStr for Item {
    type Err = anyhow::Error;

    /// An `@` is part of the path unless only digits follow it: `icon@2x.png` is a path, `icon.png@2` a version.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        if text.ends_with('/') {
            return Ok(Self::Folder(text.parse()?));
        }
        Ok(match path_and_version(text)? {
            (path, None) => Self::Latest(path),
            (path, Some(number)) => Self::At(path, number),
        })
    }
}

/// Reads `PATH` or `PATH@N`.
///
/// # Errors
/// When it is no path, or `N` no version's number.
pub fn path_and_version(text: &str) -> anyhow::Result<(AssetPath, Option<i64>)> {
    let split = text.rsplit_once('@').filter(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let Some((path, digits)) = split else { return Ok((text.parse()?, None)) };
    match digits.parse() {
        Ok(number) if number >= 1 => Ok((path.parse()?, Some(number))),
        _ => bail!("{digits:?} is not a version's number; versions count from 1"),
    }
}

impl Item {
    fn change(&self) -> Value {
        match self {
            Self::Latest(path) => json!({ "kind": "asset", "path": path }),
            Self::At(path, version) => json!({ "kind": "asset", "path": path, "version": version }),
            Self::Folder(folder) => json!({ "kind": "folder", "path": with_slash(folder) }),
        }
    }
}

/// `NAME=VALUE` of a parameter.
#[derive(Clone, Debug)]
struct Setting {
    name: ParameterName,
    value: String,
}

impl FromStr for Setting {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let Some((name, value)) = text.split_once('=') else { bail!("write it as NAME=VALUE") };
        Ok(Self { name: name.parse()?, value: value.to_owned() })
    }
}

/// `PREFIX=public|private`.
#[derive(Clone, Debug)]
struct Access {
    folder: FolderPath,
    visibility: VisibilityChoice,
}

impl FromStr for Access {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (folder, visibility) = match text.rsplit_once('=') {
            Some((folder, "public")) => (folder, VisibilityChoice::Public),
            Some((folder, "private")) => (folder, VisibilityChoice::Private),
            _ => bail!("write it as PREFIX=public or PREFIX=private"),
        };
        Ok(Self { folder: folder.parse()?, visibility })
    }
}

/// `shelfmark release add`
///
/// # Errors
/// `WrongUse` when there is nothing to add; what the server refused: nothing is added then.
pub async fn add(session: &Session, args: AddArgs) -> anyhow::Result<()> {
    if !args.item.is_empty() {
        return add_items(session, &args).await;
    }
    let address = session.at(&format!("/releases/{}/changes", args.release))?;
    let mut changes = plain_changes(&args);
    for setting in &args.set {
        changes.push(match &args.environment {
            None => json!({ "kind": "parameter", "name": setting.name, "value": setting.value }),
            Some(environment) => override_for(session, &address, setting, environment).await?,
        });
    }
    if changes.is_empty() {
        return Err(WrongUse("there is nothing to add; name paths, or give --latest, --set or the like".into()).into());
    }
    let answer = session.api.post(&address, &json!({ "add": changes })).await?;
    session.show(&answer, |answer| {
        let [added, total] = ["added", "changes"].map(|name| answer.get(name).and_then(Value::as_u64).unwrap_or(0));
        let said = format!("Added {}; {} has {} now.", count(added, "change"), args.release, count(total, "change"));
        said + &conflicts(answer)
    })
}

/// What to know of other releases that change the same.
fn conflicts(answer: &Value) -> String {
    let keys = answer.get("conflicts").and_then(Value::as_u64).unwrap_or(0);
    if keys == 0 {
        return String::new();
    }
    let others = answer.get("conflicts_with").and_then(Value::as_array).into_iter().flatten();
    let others: Vec<&str> = others.filter_map(Value::as_str).collect();
    format!("\nOther open releases change {} of it too: {}.", count(keys, "key"), others.join(", "))
}

async fn add_items(session: &Session, args: &AddArgs) -> anyhow::Result<()> {
    let address = session.at(&format!("/releases/{}/items", args.release))?;
    let body = json!({ "items": args.item, "unauthorised": args.unauthorised });
    let answer = session.api.post(&address, &body).await?;
    session.show(&answer, |answer| {
        let [lines, total] = ["lines", "changes"].map(|name| answer.get(name).and_then(Value::as_u64).unwrap_or(0));
        let items = count(args.item.len() as u64, "work item");
        format!("Added {items} with {}; {} has {} now.", count(lines, "change"), args.release, count(total, "change"))
    })
}

fn plain_changes(args: &AddArgs) -> Vec<Value> {
    let mut changes: Vec<Value> = Vec::new();
    if args.latest {
        changes.push(json!({ "kind": "latest" }));
    }
    changes.extend(args.search.iter().map(|name| json!({ "kind": "saved_search", "name": name })));
    changes.extend(args.items.iter().map(Item::change));
    changes.extend(args.remove.iter().map(|path| json!({ "kind": "remove", "path": path })));
    changes.extend(args.unset.iter().map(|name| json!({ "kind": "remove_parameter", "name": name })));
    changes.extend(
        args.access
            .iter()
            .map(|rule| json!({ "kind": "access", "prefix": with_slash(&rule.folder), "visibility": rule.visibility })),
    );
    let taken = args.no_access.iter().map(|folder| json!({ "kind": "remove_access", "prefix": with_slash(folder) }));
    changes.extend(taken);
    changes
}

/// A parameter change sets all of a parameter, so one environment's value is put into what the release sets already.
async fn override_for(
    session: &Session,
    address: &str,
    setting: &Setting,
    environment: &EnvironmentName,
) -> anyhow::Result<Value> {
    let changes = session.api.list(address, 1_000, usize::MAX).await?;
    let is_it =
        |change: &&Value| field(change, "kind") == "parameter" && field(change, "name") == setting.name.as_str();
    let Some(present) = changes.iter().find(is_it) else {
        let name = &setting.name;
        bail!("the release does not set {name} yet; set its value for all environments first: --set {name}=VALUE");
    };
    let mut by_environment =
        present.get("by_environment").cloned().filter(Value::is_object).unwrap_or_else(|| json!({}));
    by_environment[environment.as_str()] = setting.value.clone().into();
    let value = field(present, "value");
    Ok(json!({ "kind": "parameter", "name": setting.name, "value": value, "by_environment": by_environment }))
}

/// `shelfmark release remove`
///
/// # Errors
/// What the server refused.
pub async fn remove(session: &Session, args: RemoveArgs) -> anyhow::Result<()> {
    if !args.item.is_empty() {
        return remove_items(session, args.release, &args.item).await;
    }
    let address = session.at(&format!("/releases/{}/changes", args.release))?;
    let answer = session.api.send_json(Method::DELETE, &address, &json!({ "keys": args.keys })).await?;
    session.show(&answer, |answer| {
        let [gone, left] = ["removed", "changes"].map(|name| answer.get(name).and_then(Value::as_u64).unwrap_or(0));
        format!("Removed {}; {} has {} now.", count(gone, "change"), args.release, count(left, "change"))
    })
}

async fn remove_items(session: &Session, release: ReleaseNumber, items: &[WorkItemNumber]) -> anyhow::Result<()> {
    let mut answers = Vec::new();
    for item in items {
        let address = session.at(&format!("/releases/{release}/items/{item}"))?;
        let answer: Value = session.api.send_for(session.api.request(Method::DELETE, &address)).await?;
        if !session.is_json {
            let [gone, left] = ["lines", "changes"].map(|name| answer.get(name).and_then(Value::as_u64).unwrap_or(0));
            print(&format!(
                "Removed {item} with {}; {release} has {} now.",
                count(gone, "change"),
                count(left, "change")
            ))?;
        }
        answers.push(answer);
    }
    if session.is_json { print_json_of(answers) } else { Ok(()) }
}

/// The changes of a release as `show` lists them.
pub fn table(changes: &[Value]) -> String {
    let mut table = Table::new(&["CHANGE", "KEY", "VERSION", "VALUE", "BY"]);
    for change in changes {
        let value = match change.get("visibility") {
            Some(visibility) if !visibility.is_null() => field(change, "visibility"),
            _ => plain(&field(change, "value")),
        };
        table.row([field(change, "kind"), field(change, "key"), field(change, "version"), value, {
            field(change, "added_by")
        }]);
    }
    table.text()
}

fn with_slash(folder: &FolderPath) -> String {
    if folder.is_root() { String::new() } else { format!("{folder}/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_at_sign_is_a_version_only_before_digits() {
        let path = |text: &str| text.parse::<AssetPath>().unwrap();
        assert_eq!("a/icon@2x.png".parse::<Item>().unwrap(), Item::Latest(path("a/icon@2x.png")));
        assert_eq!("a/icon@2x.png@3".parse::<Item>().unwrap(), Item::At(path("a/icon@2x.png"), 3));
        assert_eq!("icons/".parse::<Item>().unwrap(), Item::Folder("icons".parse().unwrap()));
        assert_eq!("/".parse::<Item>().unwrap().change(), json!({ "kind": "folder", "path": "" }));
        for text in ["", "a@0", "../a", "a//"] {
            assert!(text.parse::<Item>().is_err(), "{text}");
        }
    }

    #[test]
    fn rules_and_settings_are_read() {
        let rule: Access = "internal/=private".parse().unwrap();
        assert_eq!((rule.folder.as_str(), json!(rule.visibility)), ("internal", json!("private")));
        let setting: Setting = "theme.colour=a=b".parse().unwrap();
        assert_eq!((setting.name.as_str(), setting.value.as_str()), ("theme.colour", "a=b"));
        assert!("x".parse::<Setting>().is_err() && "a b=c".parse::<Setting>().is_err());
        assert!("internal/=hidden".parse::<Access>().is_err());
    }
}
