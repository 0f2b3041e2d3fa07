//! Directories and the names in them, of which a power loss takes the latest.
//!
//! The changes of one directory reach the disk in their order, as a journal writes them, and at the latest when the
//! directory is synced. Nothing is promised between directories, nor between a name and the content behind it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path};

use super::content::Content;
use crate::Rng;

/// A place in [`Tree::nodes`].
pub(super) type NodeId = usize;

/// All files and directories there have ever been; those that have lost their names are still read by who holds them.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug)]
pub(super) enum Node {
    File(Content),
    Dir(Directory),
}

#[derive(Debug, Default)]
pub(super) struct Directory {
    names: BTreeMap<String, NodeId>,
    durable: BTreeMap<String, NodeId>,
    unsynced: Vec<NameChange>,
}

#[derive(Debug)]
enum NameChange {
    Link(String, NodeId),
    Rename(String, String),
    Unlink(String),
}

const ROOT: NodeId = 0;

impl Tree {
    pub(super) fn new() -> Self {
        Self { nodes: vec![Node::Dir(Directory::default())] }
    }

    /// The node at `path`.
    pub(super) fn find(&self, path: &Path) -> io::Result<NodeId> {
        let mut id = ROOT;
        for name in names_of(path)? {
            id = *self.dir(id)?.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(id)
    }

    pub(super) fn file(&self, id: NodeId) -> io::Result<&Content> {
        match self.nodes.get(id) {
            Some(Node::File(content)) => Ok(content),
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn file_mut(&mut self, id: NodeId) -> io::Result<&mut Content> {
        match self.nodes.get_mut(id) {
            Some(Node::File(content)) => Ok(content),
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn dir(&self, id: NodeId) -> io::Result<&Directory> {
        match self.nodes.get(id) {
            Some(Node::Dir(dir)) => Ok(dir),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn dir_mut(&mut self, id: NodeId) -> io::Result<&mut Directory> {
        match self.nodes.get_mut(id) {
            Some(Node::Dir(dir)) => Ok(dir),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// The directory that holds, or would hold, `path`, and the name in it.
    fn parent<'a>(&self, path: &'a Path) -> io::Result<(NodeId, &'a str)> {
        let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let name = path.file_name().and_then(|name| name.to_str());
        Ok((self.find(parent)?, name.ok_or(io::ErrorKind::InvalidFilename)?))
    }

    /// Makes a node at `path`, where there is none.
    pub(super) fn create(&mut self, path: &Path, node: Node) -> io::Result<NodeId> {
        let (parent, name) = self.parent(path)?;
        let id = self.nodes.len();
        self.dir_mut(parent)?.change(NameChange::Link(name.to_owned(), id));
        self.nodes.push(node);
        Ok(id)
    }

    pub(super) fn create_dir_all(&mut self, path: &Path) -> io::Result<()> {
        for ancestor in path.ancestors().collect::<Vec<_>>().into_iter().rev() {
            match self.find(ancestor) {
                Ok(id) => drop(self.dir(id)?),
                Err(_) => drop(self.create(ancestor, Node::Dir(Directory::default()))?),
            }
        }
        Ok(())
    }

    /// Renames within a directory: nothing that is tested here renames across two.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (parent, from_name) = self.parent(from)?;
        let (to_parent, to_name) = self.parent(to)?;
        if parent != to_parent {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        let id = self.find(from)?;
        if let Ok(replaced) = self.find(to)
            && (matches!(self.nodes.get(replaced), Some(Node::Dir(_))) || self.file(id).is_err())
        {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let change = NameChange::Rename(from_name.to_owned(), to_name.to_owned());
        self.dir_mut(parent)?.change(change);
        Ok(())
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.file(self.find(path)?)?;
        self.unlink(path)
    }

    pub(super) fn remove_dir(&mut self, path: &Path) -> io::Result<()> {
        if !self.dir(self.find(path)?)?.names.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        self.unlink(path)
    }

    fn unlink(&mut self, path: &Path) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        self.dir_mut(parent)?.change(NameChange::Unlink(name.to_owned()));
        Ok(())
    }

    /// The names in a directory, sorted, and what they stand for.
    pub(super) fn list(&self, path: &Path) -> io::Result<Vec<(&str, &Node)>> {
        let names = &self.dir(self.find(path)?)?.names;
        let nodes = &self.nodes;
        Ok(names.iter().filter_map(|(name, id)| Some((name.as_str(), nodes.get(*id)?))).collect())
    }

    pub(super) fn sync_dir(&mut self, path: &Path) -> io::Result<()> {
        let id = self.find(path)?;
        let dir = self.dir_mut(id)?;
        dir.durable.clone_from(&dir.names);
        dir.unsynced.clear();
        Ok(())
    }

    /// The bytes of all blocks of files that have a name.
    pub(super) fn allocated(&self) -> usize {
        self.allocated_in(ROOT)
    }

    fn allocated_in(&self, id: NodeId) -> usize {
        match self.nodes.get(id) {
            Some(Node::File(content)) => content.allocated(),
            Some(Node::Dir(dir)) => dir.names.values().map(|id| self.allocated_in(*id)).sum(),
            None => 0,
        }
    }

    /// The power goes: names and bytes that were not synced are there or not.
    pub(super) fn lose_power(&mut self, rng: &mut Rng) {
        for node in &mut self.nodes {
            match node {
                Node::File(content) => content.lose_power(rng),
                Node::Dir(dir) => dir.lose_power(rng),
            }
        }
    }
}

impl Directory {
    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced.push(change);
    }

    fn lose_power(&mut self, rng: &mut Rng) {
        let survivors = rng.index(self.unsynced.len() + 1);
        for change in self.unsynced.drain(..).take(survivors) {
            change.apply(&mut self.durable);
        }
        self.names.clone_from(&self.durable);
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, NodeId>) {
        match self {
            Self::Link(name, id) => drop(names.insert(name.clone(), *id)),
            Self::Rename(from, to) => {
                if let Some(id) = names.remove(from) {
                    names.insert(to.clone(), id);
                }
            }
            Self::Unlink(name) => drop(names.remove(name)),
        }
    }
}

/// The names on the way from the root to `path`.
fn names_of(path: &Path) -> io::Result<Vec<&str>> {
    path.components()
        .filter(|component| !matches!(component, Component::RootDir | Component::CurDir))
        .map(|component| {
            component.as_os_str().to_str().ok_or_else(|| io::ErrorKind::InvalidFilename.into())
        })
        .collect()
}
