//! What a pack says to people about itself.

use std::fmt::Write as _;

use super::Source;
use super::format::LeftOut;

/// What stands in which file; a path that ends with `/` is a folder's.
const CONTENTS: &[(&str, &str)] = &[
    ("release.json", "the release, its review and its lessons"),
    ("changes.ndjson", "its lines: which version at which path, parameters, access rules"),
    ("builds.ndjson", "its builds with the hashes of their manifests"),
    ("manifests/", "what a build that was deployed serves, path by path"),
    ("notes/", "the notes for editors, web platforms and users, as they are and as they were published"),
    ("items.ndjson", "its work items and incidents"),
    ("comments.ndjson", "what was said about them"),
    ("versions.ndjson", "the versions that answer them"),
    ("authorisations.ndjson", "the requesters' authorisations and the versions that they cover"),
    ("evidence.ndjson", "what tests came to"),
    ("evidence/", "a file of test evidence, by the BLAKE3 of its content"),
    ("approvals.ndjson", "approvals and rejections of its builds"),
    ("reports.ndjson", "reports of outside checks on its builds"),
    ("waivers.ndjson", "exceptions that held during its life"),
    ("locks.ndjson", "freezes, holds and stops of the project's environments during its life"),
    ("checklist.ndjson", "the points that it had to confirm, with its answers"),
    ("deployments.ndjson", "where it was deployed and what the gate said, and the rollbacks from it"),
    ("reviews.ndjson", "reviews of deployments for which the glass was broken"),
    ("incidents.ndjson", "incidents, and the deployments that caused them"),
    ("audit.ndjson", "the entries of the audit trail that are about it, with the proof of their chain"),
];

const PROOF: &str = "\
## What is proven

`shelfmark audit verify --pack FILE` checks this pack without the service. `index.json` has the BLAKE3 hash of each other
file, and `index.json.b3` that of `index.json`: the seal. Whoever keeps the seal elsewhere finds any change of any file;
`b3sum` prints the same hashes.

Each line of `audit.ndjson` is an entry of the audit trail with all its fields, the hash of the entry before it and its own
hash, or a gap: a run of entries about other things, with its first and last number and its last entry's hash, and nothing
else of them. An entry's hash is BLAKE3 over a version byte (1), the hash before it, its sequence and instant (microseconds
since 1970; both as 64 bits, little endian), and actor, actor_name, action, project, subject, message and details, each as
its length (64 bits, little endian) and its bytes. So it is proven that each entry here is the one that its hash names, that
entries beside each other follow from one another, and that the lines reach without a hole from the trail's first entry to
its head at the moment of the export (`head` in `index.json`).

It is not proven by this pack alone that the hashes at the gaps are the trail's own, nor that no entry about the release
lies in a gap: the entries there can't be shown. An administrator proves the first by comparing the head, or any hash here,
with the trail (`shelfmark audit verify`) or with another pack: a trail that was changed has other hashes from there on.
";

/// The text of the pack's README.
pub(super) fn text(source: &Source<'_>, written: &[(String, Option<u64>)], left_out: &[LeftOut]) -> String {
    let (project, release) = (&source.project.name, source.release);
    let mut text = format!("# Evidence of {} ({project})\n\n", release.number);
    let _ = writeln!(
        text,
        "The release is {}. Its title and all else that people wrote stand in the files.\n",
        release.state.as_str()
    );
    text.push_str("Files that end with `.ndjson` have one JSON object a line. Instants are UTC.\n\n");
    text.push_str("| File | Lines | What it holds |\n| --- | --- | --- |\n");
    for (path, lines) in written {
        let is_of = |(name, _): &&(&str, &str)| name == path || (name.ends_with('/') && path.starts_with(name));
        let what = CONTENTS.iter().find(is_of).map_or("", |(_, what)| what);
        let lines = lines.map(|lines| lines.to_string()).unwrap_or_default();
        let _ = writeln!(text, "| {path} | {lines} | {what} |"); // writing to a String can't fail
    }
    if !left_out.is_empty() {
        let bytes: u64 = left_out.iter().map(|one| one.bytes).sum();
        let _ = writeln!(
            text,
            "\n{} files of test evidence with {bytes} bytes are too large together and are not here; `index.json` names \
             their contents.",
            left_out.len()
        );
    }
    text.push('\n');
    text.push_str(PROOF);
    text
}
