//! What is done at random.

use proptest::prelude::*;

/// How many clients there are. Each is in one of two groups, and some are static members that get in each other's way.
pub(super) const CLIENTS: u8 = 10;

/// One input.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Join {
        who: Who,
        protocols: u8,
        version: i16,
    },
    Sync {
        who: Who,
    },
    /// A heartbeat in the consumer protocol: it stays, joins, or leaves.
    Beat {
        who: Who,
        epoch: Option<i32>,
    },
    Heartbeat {
        who: Who,
    },
    Leave {
        who: Who,
    },
    Commit {
        who: Who,
        partition: u8,
        offset: i64,
        retention_ms: i64,
    },
    TxnCommit {
        who: Who,
        producer: u8,
        partition: u8,
        offset: i64,
    },
    EndTxn {
        producer: u8,
        is_commit: bool,
    },
    Fetch {
        group: u8,
        is_stable: bool,
    },
    DeleteOffsets {
        group: u8,
        partition: u8,
    },
    DeleteGroup {
        group: u8,
    },
    DeleteTopic {
        topic: u8,
    },
    SetTopic {
        topic: u8,
        partition_count: i32,
    },
    Advance {
        ms: u64,
    },
    Hold,
    Release,
    CommitOne,
    Fail,
    Reload,
}

/// Who asks, and whether it remembers rightly what it was told.
#[derive(Clone, Debug)]
pub(super) struct Who {
    pub(super) client: u8,
    /// It remembers nothing, as after a restart.
    pub(super) has_forgotten: bool,
    /// It mistakes its generation for another.
    pub(super) generation_change: i32,
}

fn who() -> impl Strategy<Value = Who> {
    let has_forgotten = prop::bool::weighted(0.05);
    let generation_change = prop_oneof![30 => Just(0), 1 => Just(-1), 1 => Just(1)];
    (0..CLIENTS, has_forgotten, generation_change).prop_map(
        |(client, has_forgotten, generation_change)| Who {
            client,
            has_forgotten,
            generation_change,
        },
    )
}

fn member_op() -> impl Strategy<Value = Op> {
    let versions = prop_oneof![Just(0), Just(3), Just(8), Just(9)];
    prop_oneof![
        10 => (who(), 0..16u8, versions)
            .prop_map(|(who, protocols, version)| Op::Join { who, protocols, version }),
        12 => who().prop_map(|who| Op::Sync { who }),
        3 => (who(), prop_oneof![4 => Just(Some(0)), 8 => Just(None), 1 => Just(Some(-1)), 1 => Just(Some(-2))])
            .prop_map(|(who, epoch)| Op::Beat { who, epoch }),
        4 => who().prop_map(|who| Op::Heartbeat { who }),
        1 => who().prop_map(|who| Op::Leave { who }),
    ]
}

fn offset_op() -> impl Strategy<Value = Op> {
    let (group, partition, offset) = (0..2u8, 0..4u8, 0..100i64);
    let retention_ms = prop_oneof![Just(-1), 0..5_000i64];
    prop_oneof![
        4 => (who(), partition.clone(), offset.clone(), retention_ms).prop_map(
            |(who, partition, offset, retention_ms)| {
                Op::Commit { who, partition, offset, retention_ms }
            }
        ),
        3 => (who(), 0..3u8, partition.clone(), offset).prop_map(
            |(who, producer, partition, offset)| Op::TxnCommit { who, producer, partition, offset }
        ),
        2 => (0..3u8, any::<bool>())
            .prop_map(|(producer, is_commit)| Op::EndTxn { producer, is_commit }),
        1 => (group.clone(), any::<bool>())
            .prop_map(|(group, is_stable)| Op::Fetch { group, is_stable }),
        1 => (group.clone(), partition)
            .prop_map(|(group, partition)| Op::DeleteOffsets { group, partition }),
        1 => group.prop_map(|group| Op::DeleteGroup { group }),
        1 => (0..2u8).prop_map(|topic| Op::DeleteTopic { topic }),
        1 => (0..2u8, 1..5i32)
            .prop_map(|(topic, partition_count)| Op::SetTopic { topic, partition_count }),
    ]
}

fn driver_op() -> impl Strategy<Value = Op> {
    let ms = prop_oneof![20 => 0..2_000u64, 3 => 0..12_000u64, 1 => 0..4_000_000u64];
    prop_oneof![
        20 => ms.prop_map(|ms| Op::Advance { ms }),
        3 => Just(Op::Hold),
        6 => Just(Op::Release),
        6 => Just(Op::CommitOne),
        1 => Just(Op::Fail),
        1 => Just(Op::Reload),
    ]
}

/// Some inputs.
pub(super) fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![9 => member_op(), 2 => offset_op(), 4 => driver_op()];
    prop::collection::vec(op, 1..300)
}
