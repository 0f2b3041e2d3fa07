//! Records that no coordinator writes: they may be in a log all the same, and do no harm.

use std::time::Duration;

use bytes::Bytes;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use protocol::Timestamp;
use protocol::internal::group::{GroupKey, GroupMetadataValue, GroupRecord, MemberMetadata};

use super::op::{Op, Who};
use super::request::group_id;
use super::world::World;

fn timeout_ms() -> impl Strategy<Value = i32> {
    select(vec![i32::MIN, -1, 0, 1, 10_000, i32::MAX])
}

fn member() -> impl Strategy<Value = MemberMetadata> {
    let id = select(vec!["", "a", "b"]);
    let instance_id = of(select(vec!["", "i"]));
    (id, instance_id, timeout_ms(), timeout_ms(), prop::collection::vec(any::<u8>(), 0..12))
        .prop_map(
            |(member_id, instance_id, rebalance_timeout_ms, session_timeout_ms, subscription)| {
                MemberMetadata {
                    member_id: member_id.to_owned(),
                    group_instance_id: instance_id.map(str::to_owned),
                    client_id: String::new(),
                    client_host: String::new(),
                    rebalance_timeout_ms,
                    session_timeout_ms,
                    subscription: subscription.into(),
                    assignment: Bytes::new(),
                }
            },
        )
}

fn value() -> impl Strategy<Value = GroupMetadataValue> {
    let protocol_type = select(vec!["", "consumer", "connect"]);
    let (protocol, leader) = (of(select(vec!["", "roundrobin"])), of(select(vec!["", "a", "c"])));
    let generation = select(vec![i32::MIN, -1, 0, i32::MAX]);
    let timestamp = select(vec![i64::MIN, -1, 0, i64::MAX]);
    let members = prop::collection::vec(member(), 0..4);
    (protocol_type, protocol, leader, generation, timestamp, members).prop_map(
        |(protocol_type, protocol, leader, generation, timestamp, members)| GroupMetadataValue {
            protocol_type: protocol_type.to_owned(),
            generation,
            protocol: protocol.map(str::to_owned),
            leader: leader.map(str::to_owned),
            current_state_timestamp: Timestamp(timestamp),
            members,
        },
    )
}

proptest! {
    #[test]
    fn damaged_record_of_a_group_does_no_harm(value in value(), is_left_alone in any::<bool>()) {
        let mut world = World::new();
        let key = GroupKey { group_id: group_id(0).to_string() };
        world.inject(&GroupRecord::GroupMetadata(key, Some(value)));
        for client in [0, 2, 6] {
            let who = Who { client, has_forgotten: false, generation_change: 0 };
            world.apply(&Op::Join { who: who.clone(), protocols: 0, version: 3 });
            world.apply(&Op::Heartbeat { who: who.clone() });
            if !is_left_alone {
                world.apply(&Op::Advance { ms: 2_000 });
            }
            world.apply(&Op::Sync { who: who.clone() });
            world.apply(&Op::Leave { who });
        }
        world.apply(&Op::Advance { ms: Duration::from_hours(1).as_millis().try_into().unwrap() });
        world.finish();
    }
}
