//! What a disk holds after a power cut. A file's bytes are certain once the file was synced, a name once its folder
//! was; of everything later any part may have arrived: writes in blocks, in any order, names each for itself. A rename
//! within a folder is one change.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::journal::Step;
use crate::laws::ground::chance::Chance;

/// What SQLite maps into memory; the journal leaves it out.
pub const MAPPED: &str = "-shm";
const ROOT: usize = 0;

/// A place for files and folders, as the steps so far have left it.
#[derive(Clone)]
pub struct Disk<'j> {
    root: PathBuf,
    nodes: Vec<Node<'j>>,
    by_inode: HashMap<u64, usize>,
}

#[derive(Clone)]
enum Node<'j> {
    File { synced: Vec<u8>, since: Vec<Change<'j>> },
    Folder { synced: Names, since: Vec<Vec<Renaming>>, now: Names },
}

type Names = BTreeMap<String, usize>;
/// A name and what it names from now on.
type Renaming = (String, Option<usize>);

#[derive(Clone, Copy)]
enum Change<'j> {
    Write { at: u64, bytes: &'j [u8] },
    Truncate { size: u64 },
}

/// What of the changes since the last sync has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    Nothing,
    Everything,
    /// The first ones.
    Start,
    Any,
}

impl Arrived {
    fn one_of_them(chance: &mut Chance) -> Self {
        *chance.one_of(&[Self::Nothing, Self::Everything, Self::Start, Self::Any])
    }

    /// Which of so many changes.
    fn of(self, changes: usize, chance: &mut Chance) -> Vec<bool> {
        let start = chance.below(changes + 1);
        let arrived = |at| match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Start => at < start,
            Self::Any => chance.below(2) == 0,
        };
        (0..changes).map(arrived).collect()
    }
}

impl<'j> Disk<'j> {
    /// A disk on which everything below `root` is certain.
    pub fn of(root: &Path) -> Self {
        let mut disk = Self { root: root.to_owned(), nodes: Vec::new(), by_inode: HashMap::new() };
        disk.read(root);
        disk
    }

    fn read(&mut self, path: &Path) -> usize {
        let (number, meta) = (self.nodes.len(), fs::metadata(path).unwrap());
        self.by_inode.insert(meta.ino(), number);
        if meta.is_file() {
            self.nodes.push(Node::File { synced: fs::read(path).unwrap(), since: Vec::new() });
            return number;
        }
        self.nodes.push(Node::empty_folder());
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if !name.ends_with(MAPPED) {
                let named = self.read(&entry.path());
                self.rename(number, vec![(name, Some(named))]);
            }
        }
        self.nodes[number].sync();
        number
    }

    /// Does one step.
    pub fn step(&mut self, step: Step<'j>) {
        match step {
            Step::Create { path, inode } => {
                self.make(path, inode, Node::File { synced: Vec::new(), since: Vec::new() });
            }
            Step::MakeFolder { path, inode } => self.make(path, inode, Node::empty_folder()),
            Step::Write { inode, at, bytes } => self.change(inode, Change::Write { at, bytes }),
            Step::Truncate { inode, size } => self.change(inode, Change::Truncate { size }),
            Step::Sync { inode } => {
                let node = self.by_inode[&inode];
                self.nodes[node].sync();
            }
            Step::Remove { path } => {
                let (folder, name) = self.place(path);
                self.rename(folder, vec![(name, None)]);
            }
            Step::Link { from, to } => {
                let (named, (folder, name)) = (self.find(from), self.place(to));
                self.rename(folder, vec![(name, Some(named))]);
            }
            Step::Rename { from, to } => {
                let (named, (old, from), (new, to)) = (self.find(from), self.place(from), self.place(to));
                assert_eq!(old, new, "nothing moves from folder to folder");
                self.rename(new, vec![(from, None), (to, Some(named))]);
            }
        }
    }

    fn make(&mut self, path: &str, inode: u64, node: Node<'j>) {
        let (number, (folder, name)) = (self.nodes.len(), self.place(path));
        self.nodes.push(node);
        self.by_inode.insert(inode, number); // a removed file's number may be used again
        self.rename(folder, vec![(name, Some(number))]);
    }

    fn change(&mut self, inode: u64, change: Change<'j>) {
        match &mut self.nodes[self.by_inode[&inode]] {
            Node::File { since, .. } => since.push(change),
            Node::Folder { .. } => panic!("a folder has no bytes"),
        }
    }

    fn rename(&mut self, folder: usize, renaming: Vec<Renaming>) {
        let Node::Folder { since, now, .. } = &mut self.nodes[folder] else { panic!("only folders have names") };
        rename(now, &renaming);
        since.push(renaming);
    }

    /// The folder that a path is in, and its name there.
    fn place(&self, path: &str) -> (usize, String) {
        let (folder, name) = path.rsplit_once('/').expect("paths are absolute");
        (self.find(folder), name.to_owned())
    }

    fn find(&self, path: &str) -> usize {
        let inside = Path::new(path).strip_prefix(&self.root).expect("only what is below the root is in the journal");
        inside.iter().fold(ROOT, |folder, name| match &self.nodes[folder] {
            Node::Folder { now, .. } => now[name.to_str().unwrap()],
            Node::File { .. } => panic!("{path} leads through a file"),
        })
    }

    /// Writes what is left after a power cut to a folder. Whether the root itself is there is not in question.
    pub fn after_power_cut(&self, to: &Path, chance: &mut Chance) {
        // Losing everything that is not certain finds most; a mixture finds the rest.
        let all = [Some(Arrived::Nothing), None, None][chance.below(3)];
        self.write(ROOT, to, all, chance);
    }

    /// Writes everything that has been done to a folder.
    pub fn as_seen(&self, to: &Path) {
        self.write(ROOT, to, Some(Arrived::Everything), &mut Chance::of(0));
    }

    fn write(&self, node: usize, to: &Path, all: Option<Arrived>, chance: &mut Chance) {
        let arrived = all.unwrap_or_else(|| Arrived::one_of_them(chance));
        match &self.nodes[node] {
            Node::File { synced, since } => fs::write(to, bytes(synced, since, arrived, chance)).unwrap(),
            Node::Folder { synced, since, .. } => {
                fs::create_dir_all(to).unwrap();
                let mut names = synced.clone();
                let which = arrived.of(since.len(), chance);
                for (renaming, _) in since.iter().zip(which).filter(|(_, arrived)| *arrived) {
                    rename(&mut names, renaming);
                }
                for (name, named) in names {
                    self.write(named, &to.join(name), all, chance);
                }
            }
        }
    }
}

impl Node<'_> {
    fn empty_folder() -> Self {
        Self::Folder { synced: Names::new(), since: Vec::new(), now: Names::new() }
    }

    fn sync(&mut self) {
        match self {
            Self::File { synced, since } => since.drain(..).for_each(|change| apply(synced, change)),
            Self::Folder { synced, since, now } => {
                since.clear();
                synced.clone_from(now);
            }
        }
    }
}

fn rename(names: &mut Names, renaming: &[Renaming]) {
    for (name, named) in renaming {
        match named {
            Some(named) => names.insert(name.clone(), *named),
            None => names.remove(name),
        };
    }
}

fn apply(file: &mut Vec<u8>, change: Change<'_>) {
    match change {
        Change::Truncate { size } => file.resize(size as usize, 0),
        Change::Write { at, bytes } => {
            let (at, end) = (at as usize, at as usize + bytes.len());
            if file.len() < end {
                file.resize(end, 0);
            }
            file[at..end].copy_from_slice(bytes);
        }
    }
}

/// What a file holds when only some of the changes have arrived, by blocks of the disk.
fn bytes(synced: &[u8], since: &[Change<'_>], arrived: Arrived, chance: &mut Chance) -> Vec<u8> {
    let block = *chance.one_of(&[512, 4_096]);
    let mut changes = Vec::new();
    for change in since {
        match *change {
            Change::Truncate { .. } => changes.push(*change),
            Change::Write { at, bytes } => {
                let blocks = bytes.chunks(block).enumerate();
                changes.extend(blocks.map(|(n, bytes)| Change::Write { at: at + (n * block) as u64, bytes }));
            }
        }
    }
    let mut file = synced.to_vec();
    let which = arrived.of(changes.len(), chance);
    changes.into_iter().zip(which).filter(|(_, arrived)| *arrived).for_each(|(change, _)| apply(&mut file, change));
    file
}
