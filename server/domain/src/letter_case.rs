//! Paths that differ only in the case of letters. They are two paths here, but the file systems of some computers
//! can't hold both side by side, so people are told.

use std::collections::HashMap;

/// The path in lower case, letter by letter: what becomes of a letter depends on no other one, so a folder's lower
/// case is the start of that of its paths.
pub fn folded(path: &str) -> String {
    if path.is_ascii() { path.to_ascii_lowercase() } else { path.chars().flat_map(char::to_lowercase).collect() }
}

/// Pairs of paths that differ only in case: each with the first of its kind.
pub fn collisions<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<[String; 2]> {
    let mut hashed: Vec<(u64, &str)> = paths.map(|path| (folded_hash(path), path)).collect();
    hashed.sort_unstable_by_key(|(hash, _)| *hash);
    let alike = hashed.chunk_by(|a, b| a.0 == b.0).filter(|alike| alike.iter().any(|(_, path)| *path != alike[0].1));
    let mut suspects: Vec<&str> = alike.flatten().map(|(_, path)| *path).collect();
    suspects.sort_unstable();
    let mut seen: HashMap<String, &str> = HashMap::new();
    let mut found: Vec<[String; 2]> = Vec::new();
    for path in suspects {
        let first = *seen.entry(folded(path)).or_insert(path);
        if first != path {
            found.push([first.to_owned(), path.to_owned()]);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The FNV-1a hash of the path in lower case. Most paths differ in it, and need no lower-case copy to be compared.
fn folded_hash(path: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let start = 0xcbf2_9ce4_8422_2325;
    if path.is_ascii() {
        path.bytes().map(|byte| byte.to_ascii_lowercase()).fold(start, step)
    } else {
        folded(path).bytes().fold(start, step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_differ_only_in_case_are_told_once() {
        let paths = ["Logo.svg", "a", "logo.svg", "Größe", "GRÖSSE", "größe", "logo.svg"];
        let found = collisions(paths.into_iter());
        assert_eq!(found, [["Größe", "größe"], ["Logo.svg", "logo.svg"]].map(|pair| pair.map(str::to_owned)));
    }

    #[test]
    fn the_lower_case_of_a_folder_begins_that_of_its_paths() {
        for (folder, rest) in [("ΟΔΟΣ", "/Σ"), ("İ", "I"), ("IMG/", "Ä.PNG"), ("", "X")] {
            assert_eq!(folded(&format!("{folder}{rest}")), folded(folder) + &folded(rest));
        }
    }
}
