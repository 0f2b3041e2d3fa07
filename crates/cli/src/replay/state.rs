//! How far a replay has got, in a file that is replaced as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use protocol::{Offset, TopicPartition};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What makes a replay this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) cluster_id: String,
    pub(super) topic: String,
    /// A topic that was created anew is another.
    pub(super) topic_id: String,
    /// Those that were asked for; all if none were.
    pub(super) partitions: Vec<i32>,
    pub(super) filter: String,
    pub(super) target: String,
}

/// How far it has got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) replay: Identity,
    pub(super) partitions: BTreeMap<i32, Stretch>,
    /// How many records have fitted the filter.
    pub(super) replayed: u64,
    /// How long the file is that they went to.
    pub(super) written_bytes: u64,
}

/// What is left of a partition.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stretch {
    pub(super) next: i64,
    pub(super) end: i64,
}

impl State {
    /// Nothing is replayed yet.
    pub(super) fn new(
        replay: Identity,
        starts: &BTreeMap<TopicPartition, Offset>,
        ends: &BTreeMap<TopicPartition, Offset>,
    ) -> Self {
        let stretches = starts.iter().map(|(partition, start)| {
            let end = ends.get(partition).copied().unwrap_or(*start);
            (partition.partition.0, Stretch { next: start.0, end: end.0.max(start.0) })
        });
        Self { replay, partitions: stretches.collect(), replayed: 0, written_bytes: 0 }
    }

    /// The state of an earlier run; none if there was none. That of another replay is refused.
    pub(super) fn load(path: &Path, replay: &Identity) -> Result<Option<Self>, Error> {
        let shown = path.display();
        let bytes = match fs::read(path) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result.map_err(Error::io(shown.to_string()))?,
        };
        let state: Self = serde_json::from_slice(&bytes).map_err(|err| {
            Error::invalid(format!(
                "{shown} is not the state of a replay ({err}); name another file"
            ))
        })?;
        if state.replay == *replay {
            return Ok(Some(state));
        }
        Err(Error::invalid(format!(
            "{shown} belongs to another replay, of {} to {}; name another file, or delete it to begin anew",
            state.replay.topic, state.replay.target
        )))
    }

    /// Replaces the file.
    pub(super) fn save(&self, path: &Path) -> Result<(), Error> {
        let new = path.with_added_extension("new");
        let text = serde_json::to_vec_pretty(self).expect("keys are strings and numbers");
        let written = fs::write(&new, text).and_then(|()| fs::rename(&new, path));
        written.map_err(Error::io(format!("the state cannot be kept in {}", path.display())))
    }

    /// Goes on to `next` in a partition; returns by how much that is more.
    pub(super) fn advance(&mut self, partition: i32, next: i64) -> u64 {
        let Some(stretch) = self.partitions.get_mut(&partition) else { return 0 };
        let next = next.clamp(stretch.next, stretch.end);
        let advanced = next.abs_diff(stretch.next);
        stretch.next = next;
        advanced
    }

    /// How many offsets are left.
    pub(super) fn left(&self) -> u64 {
        self.partitions.values().map(|it| it.end.abs_diff(it.next)).sum()
    }
}

#[cfg(test)]
mod tests {
    use protocol::PartitionId;

    use super::*;

    fn identity(topic: &str) -> Identity {
        Identity {
            cluster_id: "c".to_owned(),
            topic: topic.to_owned(),
            topic_id: "id".to_owned(),
            partitions: Vec::new(),
            filter: String::new(),
            target: "topic u".to_owned(),
        }
    }

    fn state() -> State {
        let offsets = |offset: i64| {
            BTreeMap::from([(TopicPartition::new("t", PartitionId(0)), Offset(offset))])
        };
        State::new(identity("t"), &offsets(10), &offsets(20))
    }

    #[test]
    fn state_that_is_saved_is_loaded_by_the_same_replay_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("replay.state");
        assert_eq!(State::load(&path, &identity("t")).unwrap(), None);
        let mut state = state();
        assert_eq!(state.advance(0, 14), 4);
        state.save(&path).unwrap();
        assert_eq!(State::load(&path, &identity("t")).unwrap(), Some(state));
        let err = State::load(&path, &identity("other")).unwrap_err();
        assert!(err.to_string().contains("another replay, of t to topic u"), "{err}");
        fs::write(&path, "{").unwrap();
        assert!(State::load(&path, &identity("t")).is_err());
    }

    #[test]
    fn progress_stays_within_the_stretch() {
        let mut state = state();
        assert_eq!((state.left(), state.advance(0, 5)), (10, 0));
        assert_eq!((state.advance(0, 25), state.left()), (10, 0));
        assert_eq!(state.advance(7, 1), 0);
    }
}
