//! `meta.properties`: whose a log directory is.
//!
//! Version 1, which KRaft writes, has `version`, `cluster.id`, `node.id` and `directory.id`; version 0, which is also
//! meant when none is said, calls the node `broker.id`. Keys that we do not know are kept when the file is written
//! again.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use protocol::{BrokerId, TopicId};

use super::{FormatError, properties};

/// The file's name.
pub const FILE_NAME: &str = "meta.properties";

const VERSION: &str = "version";
const CLUSTER_ID: &str = "cluster.id";
const NODE_ID: &str = "node.id";
const BROKER_ID: &str = "broker.id";
const DIRECTORY_ID: &str = "directory.id";

/// The identity of a log directory, which stays when the directory moves to another path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DirectoryId(pub [u8; 16]);

/// Every id of Kafka has the same text form.
impl fmt::Display for DirectoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TopicId(self.0).fmt(f)
    }
}

impl FromStr for DirectoryId {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let id: TopicId = text.parse().map_err(|_| {
            FormatError::new(format!("{DIRECTORY_ID} is `{text}`, not the base64 of 16 bytes"))
        })?;
        Ok(Self(id.0))
    }
}

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaProperties {
    /// The cluster that the data belongs to.
    pub cluster_id: String,
    /// The node that the directory belongs to.
    pub node_id: BrokerId,
    /// The directory itself; a directory from before Kafka 3.7 has no id yet.
    pub directory_id: Option<DirectoryId>,
    /// All other properties.
    pub others: BTreeMap<String, String>,
}

impl MetaProperties {
    /// The content of the file, as version 1 and in the order in which Java writes it.
    pub fn encode(&self) -> Vec<u8> {
        let node_id = self.node_id.to_string();
        let directory_id = self.directory_id.map(|id| id.to_string());
        let known = [
            (NODE_ID, Some(&*node_id)),
            (DIRECTORY_ID, directory_id.as_deref()),
            (VERSION, Some("1")),
            (CLUSTER_ID, Some(&*self.cluster_id)),
        ];
        let others = self.others.iter().map(|(key, value)| (&**key, &**value));
        properties::encode(
            known.into_iter().filter_map(|(key, value)| Some((key, value?))).chain(others),
        )
    }

    /// Reads the file.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut all = properties::decode(bytes)?;
        let version = all.remove(VERSION).unwrap_or_else(|| "0".to_owned());
        let node_key = match version.trim() {
            "0" => BROKER_ID,
            "1" => NODE_ID,
            _ => return Err(FormatError::new(format!("{VERSION} is `{version}`, not 0 or 1"))),
        };
        let mut required =
            |key| all.remove(key).ok_or_else(|| FormatError::new(format!("{key} is missing")));
        let node_id = required(node_key)?;
        let cluster_id = required(CLUSTER_ID)?;
        let node_id = node_id
            .parse()
            .map_err(|_| FormatError::new(format!("{node_key} is `{node_id}`, not a number")))?;
        let directory_id = all.remove(DIRECTORY_ID).map(|id| id.parse()).transpose()?;
        Ok(Self { cluster_id, node_id: BrokerId(node_id), directory_id, others: all })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Written by Kafka 4.3.1's PropertiesUtils; the first two lines are comments.
    const KAFKA: &str = "#\n#Sat Nov 21 14:10:50 UTC 2026\nnode.id=7\n\
        directory.id=JzJdc6Y9RZKHLVq0o0hjqA\nversion=1\ncluster.id=5L6g3nShT-eMCtK--X86sw\n";

    fn kafka() -> MetaProperties {
        MetaProperties {
            cluster_id: "5L6g3nShT-eMCtK--X86sw".to_owned(),
            node_id: BrokerId(7),
            directory_id: Some("JzJdc6Y9RZKHLVq0o0hjqA".parse().unwrap()),
            others: BTreeMap::new(),
        }
    }

    #[test]
    fn properties_as_kafka_writes_them_are_read_and_written() {
        assert_eq!(MetaProperties::decode(KAFKA.as_bytes()).unwrap(), kafka());
        let without_comments = KAFKA.splitn(3, '\n').last().unwrap();
        assert_eq!(String::from_utf8(kafka().encode()).unwrap(), without_comments);
    }

    #[test]
    fn decode_version_0_takes_the_broker_id() {
        let found = MetaProperties::decode(b"broker.id=3\ncluster.id=c\nextra=x y\n").unwrap();
        assert_eq!((found.node_id, found.directory_id), (BrokerId(3), None));
        assert_eq!(found.encode(), b"node.id=3\nversion=1\ncluster.id=c\nextra=x y\n");
    }

    #[test]
    fn decode_unusable_properties_says_which_key() {
        let rows = [
            ("version=2\n", "version is `2`, not 0 or 1"),
            ("version=1\ncluster.id=c\n", "node.id is missing"),
            ("version=1\nbroker.id=1\n", "node.id is missing"),
            ("version=1\nnode.id=1\n", "cluster.id is missing"),
            ("version=1\nnode.id=one\ncluster.id=c\n", "node.id is `one`, not a number"),
            (
                "version=1\nnode.id=1\ncluster.id=c\ndirectory.id=x\n",
                "directory.id is `x`, not the base64 of 16 bytes",
            ),
        ];
        for (text, reason) in rows {
            let err = MetaProperties::decode(text.as_bytes()).unwrap_err();
            assert_eq!(err.to_string(), reason);
        }
    }

    proptest! {
        #[test]
        fn properties_survive_a_round_trip(
            cluster_id: String,
            node_id: i32,
            directory_id in any::<Option<[u8; 16]>>(),
            others in proptest::collection::btree_map("x.{0,9}", any::<String>(), 0..4),
        ) {
            let properties = MetaProperties {
                cluster_id,
                node_id: BrokerId(node_id),
                directory_id: directory_id.map(DirectoryId),
                others,
            };
            prop_assert_eq!(MetaProperties::decode(&properties.encode()).unwrap(), properties);
        }

        #[test]
        fn decode_survives_any_bytes(bytes: Vec<u8>) {
            let _ = MetaProperties::decode(&bytes);
        }
    }
}
