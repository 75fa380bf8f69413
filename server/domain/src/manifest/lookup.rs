//! What the access rules of a manifest say about a path.

use crate::path::FolderPath;
use crate::pin::Visibility;

/// Who may fetch the path: what the rule of its nearest folder says, whatever the order of the rules. `None` when no
/// rule covers it; a rule for the root folder covers every path.
pub fn visibility(path: &str, rules: &[(FolderPath, Visibility)]) -> Option<Visibility> {
    let covering = rules.iter().filter(|(folder, _)| folder.contains(path));
    covering.max_by_key(|(folder, _)| folder.as_str().len()).map(|(_, visibility)| *visibility)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_folder_decides() {
        let rule = |folder: &str, visibility| (folder.parse::<FolderPath>().unwrap(), visibility);
        let mut rules = vec![
            rule("internal", Visibility::Private),
            rule("internal/press", Visibility::Public),
            rule("int", Visibility::Public),
        ];
        assert_eq!(visibility("internal/a.png", &rules), Some(Visibility::Private));
        assert_eq!(visibility("internal/press/a.png", &rules), Some(Visibility::Public));
        assert_eq!(visibility("internal/presses/a.png", &rules), Some(Visibility::Private));
        assert_eq!(visibility("internal", &rules), None);
        assert_eq!(visibility("a.png", &rules), None);

        rules.push(rule("", Visibility::Private));
        rules.reverse();
        assert_eq!(visibility("a.png", &rules), Some(Visibility::Private));
        assert_eq!(visibility("internal/press/a.png", &rules), Some(Visibility::Public));
    }
}
