//! Consumers of the new protocol that behave: whatever happens, no partition has two owners, and all converge.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use protocol::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, Response};
use protocol::{ErrorCode, TopicId};
use uuid::Uuid;

use crate::group::Group;
use crate::tests::driver::{Driver, Event, kafka_settings};
use crate::{Client, wire};

const GROUP: &str = "g";
const CONSUMERS: usize = 6;
/// A consumer that is alive heartbeats this often at least: within its session.
const SILENCE_MAX_MS: u64 = 40_000;

/// A partition of a topic.
type Place = (u8, i32);

#[derive(Clone, Debug)]
enum Op {
    Beat {
        consumer: usize,
    },
    /// It has given up what it was told to.
    Revoke {
        consumer: usize,
    },
    Subscribe {
        consumer: usize,
        topics: u8,
        by_regex: bool,
    },
    Leave {
        consumer: usize,
        for_a_while: bool,
    },
    /// It is gone without a word, and another process takes its place.
    Die {
        consumer: usize,
    },
    LoseAnswer {
        consumer: usize,
    },
    SetTopic {
        topic: u8,
        partition_count: i32,
    },
    Advance {
        ms: u64,
    },
    Reload,
    Fail,
}

fn op() -> impl Strategy<Value = Op> {
    let consumer = 0..CONSUMERS;
    prop_oneof![
        30 => consumer.clone().prop_map(|consumer| Op::Beat { consumer }),
        15 => consumer.clone().prop_map(|consumer| Op::Revoke { consumer }),
        3 => (consumer.clone(), 0..8u8, any::<bool>())
            .prop_map(|(consumer, topics, by_regex)| Op::Subscribe { consumer, topics, by_regex }),
        3 => (consumer.clone(), any::<bool>())
            .prop_map(|(consumer, for_a_while)| Op::Leave { consumer, for_a_while }),
        2 => consumer.clone().prop_map(|consumer| Op::Die { consumer }),
        3 => consumer.prop_map(|consumer| Op::LoseAnswer { consumer }),
        2 => (0..3u8, 0..6i32)
            .prop_map(|(topic, partition_count)| Op::SetTopic { topic, partition_count }),
        5 => (0..10_000u64).prop_map(|ms| Op::Advance { ms }),
        1 => Just(Op::Reload),
        1 => Just(Op::Fail),
    ]
}

/// A consumer as Kafka's own are: it reports what it has, and takes what it is given.
#[derive(Debug, Default)]
struct Consumer {
    member_id: String,
    instance_id: Option<String>,
    epoch: i32,
    topics: u8,
    by_regex: bool,
    /// It has these until it has given them up.
    owned: BTreeSet<Place>,
    /// It is to have these.
    assigned: BTreeSet<Place>,
    silent_ms: u64,
    lives: u32,
}

impl Consumer {
    fn request(&self) -> ConsumerGroupHeartbeatRequest {
        let mut owned: Vec<TopicPartitions> = Vec::new();
        for (topic, partition) in &self.owned {
            let id = Uuid::from_bytes([topic + 1; 16]);
            match owned.last_mut().filter(|last| last.topic_id == id) {
                Some(last) => last.partitions.push(*partition),
                None => owned.push(
                    TopicPartitions::default().with_topic_id(id).with_partitions(vec![*partition]),
                ),
            }
        }
        let names = (0..3).filter(|topic| !self.by_regex && self.topics >> topic & 1 == 1);
        let letters = (0..3).filter(|topic| self.topics >> topic & 1 == 1);
        let letters: String = letters.map(|topic| topic.to_string()).collect();
        let regex = if self.by_regex { format!("t[{letters}9]") } else { String::new() };
        ConsumerGroupHeartbeatRequest::default()
            .with_group_id(wire(GROUP).into())
            .with_member_id(wire(&self.member_id))
            .with_member_epoch(self.epoch)
            .with_instance_id(self.instance_id.as_deref().map(wire))
            .with_rebalance_timeout_ms(50_000)
            .with_subscribed_topic_names(Some(
                names.map(|topic| wire(&format!("t{topic}")).into()).collect(),
            ))
            .with_subscribed_topic_regex(Some(wire(&regex)))
            .with_topic_partitions(Some(owned))
    }

    /// It begins again, with nothing.
    fn drop_all(&mut self) {
        self.epoch = 0;
        self.owned.clear();
        self.assigned.clear();
    }

    fn listen(&mut self, response: &ConsumerGroupHeartbeatResponse) {
        match ErrorCode::from_code(response.error_code) {
            Some(ErrorCode::None) => {}
            Some(ErrorCode::CoordinatorNotAvailable | ErrorCode::UnreleasedInstanceId) => return,
            _ => return self.drop_all(),
        }
        self.epoch = response.member_epoch;
        if let Some(assignment) = &response.assignment {
            self.assigned = assignment
                .topic_partitions
                .iter()
                .flat_map(|topic| {
                    let number = topic.topic_id.as_bytes()[0] - 1;
                    topic.partitions.iter().map(move |partition| (number, *partition))
                })
                .collect();
            self.owned.extend(&self.assigned);
        }
    }

    /// Another process takes its place, under the same instance id.
    fn renew(&mut self, number: usize) {
        self.drop_all();
        self.lives += 1;
        self.member_id = format!("c{number}-{}", self.lives);
    }
}

#[derive(Debug)]
struct World {
    driver: Driver,
    consumers: Vec<Consumer>,
    counts: [i32; 3],
    has_failed: bool,
}

impl World {
    fn new() -> Self {
        let mut driver = Driver::new(kafka_settings());
        let counts = [4, 1, 0];
        driver.set_topic("t0", TopicId([1; 16]), 4);
        driver.set_topic("t1", TopicId([2; 16]), 1);
        let consumer = |number| {
            let instance_id = (number % 3 == 0).then(|| format!("i{number}"));
            let mut consumer = Consumer { instance_id, topics: 1, ..Consumer::default() };
            consumer.renew(number);
            consumer
        };
        let consumers = (0..CONSUMERS).map(consumer).collect();
        Self { driver, consumers, counts, has_failed: false }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Beat { consumer } => self.beat(*consumer, true),
            Op::LoseAnswer { consumer } => self.beat(*consumer, false),
            Op::Revoke { consumer } => self.revoke(*consumer),
            Op::Subscribe { consumer, topics, by_regex } => {
                self.consumers[*consumer].topics = *topics;
                self.consumers[*consumer].by_regex = *by_regex;
            }
            Op::Leave { consumer, for_a_while } => self.leave(*consumer, *for_a_while),
            Op::Die { consumer } => self.consumers[*consumer].renew(*consumer),
            Op::SetTopic { topic, partition_count } => self.set_topic(*topic, *partition_count),
            Op::Advance { ms } => self.advance(*ms),
            Op::Reload => {
                self.driver.reload();
                self.has_failed = false;
            }
            Op::Fail => {
                self.driver.next_failure = Some(ErrorCode::NotEnoughReplicas);
                self.has_failed = true;
            }
        }
    }

    fn send(&mut self, request: &ConsumerGroupHeartbeatRequest) -> ConsumerGroupHeartbeatResponse {
        let token = self.driver.token(1);
        self.driver.events.clear();
        let client = Client { id: "c", host: "/127.0.0.1", uuid: Uuid::nil() };
        self.driver.input(|shard, now, out| {
            shard.consumer_group_heartbeat(now, client, token, request, out);
        });
        let mut answers = std::mem::take(&mut self.driver.events).into_iter();
        let answer = answers.find_map(|event| match event {
            Event::Answered(to, response) if to == token => Some(*response),
            _ => None,
        });
        match answer {
            Some(Response::ConsumerGroupHeartbeat(response)) => response,
            other => panic!("{request:?} is answered by {other:?}"),
        }
    }

    fn beat(&mut self, consumer: usize, is_heard: bool) {
        self.consumers[consumer].silent_ms = 0;
        let request = self.consumers[consumer].request();
        let response = self.send(&request);
        if is_heard {
            self.consumers[consumer].listen(&response);
        }
    }

    /// What the consumer gave up is reported by its next heartbeat.
    fn revoke(&mut self, consumer: usize) {
        let consumer = &mut self.consumers[consumer];
        consumer.owned = consumer.assigned.clone();
    }

    fn leave(&mut self, consumer: usize, for_a_while: bool) {
        let mut request = self.consumers[consumer].request();
        let is_static = request.instance_id.is_some();
        request.member_epoch = if for_a_while && is_static { -2 } else { -1 };
        self.send(&request);
        self.consumers[consumer].renew(consumer);
    }

    /// A topic that loses partitions is one that was deleted and made again.
    fn set_topic(&mut self, topic: u8, partition_count: i32) {
        let count = &mut self.counts[usize::from(topic)];
        if partition_count < *count {
            self.driver.set_topic(&format!("t{topic}"), TopicId([topic + 1; 16]), 0);
            *count = 0;
        } else if partition_count > 0 {
            self.driver.set_topic(&format!("t{topic}"), TopicId([topic + 1; 16]), partition_count);
            *count = partition_count;
        }
    }

    /// Time passes, and nobody is silent for too long.
    fn advance(&mut self, ms: u64) {
        for consumer in 0..CONSUMERS {
            self.consumers[consumer].silent_ms += ms;
            if self.consumers[consumer].silent_ms > SILENCE_MAX_MS {
                self.beat(consumer, true);
            }
        }
        self.driver.advance(Duration::from_millis(ms));
    }

    fn group(&self) -> Option<&crate::consumer::Group> {
        match self.driver.shard.groups.get(GROUP) {
            Some(Group::Consumer(group)) => Some(group),
            _ => None,
        }
    }

    /// What members have that the coordinator takes for members, they alone have.
    fn check(&self) {
        let Some(group) = self.group() else { return };
        group.check();
        let mut owned = BTreeSet::new();
        for consumer in &self.consumers {
            if group.member_ids().any(|id| **id == *consumer.member_id) && consumer.epoch > 0 {
                for place in &consumer.owned {
                    assert!(owned.insert(*place), "{place:?} has two owners: {self:?}");
                }
            }
        }
        if !self.has_failed {
            let replayed = self.driver.replayed();
            let Some(Group::Consumer(replayed)) = replayed.groups.get(GROUP) else {
                panic!("the group is not in the log")
            };
            assert_eq!(group.lasting(), replayed.lasting());
        }
    }

    /// Everybody goes on, and in the end has what it is to have.
    fn converge(&mut self) {
        self.driver.next_failure = None;
        self.driver.advance(Duration::from_secs(1));
        for _ in 0..8 * CONSUMERS {
            for consumer in 0..CONSUMERS {
                self.beat(consumer, true);
                self.revoke(consumer);
            }
            self.driver.advance(Duration::from_secs(5));
            self.check();
        }
        let all: u8 = self.consumers.iter().fold(0, |all, consumer| all | consumer.topics);
        let counts = (0..3u8).zip(self.counts);
        let counts = counts.filter(|(topic, count)| all >> topic & 1 == 1 && *count > 0);
        let counts: Vec<_> =
            counts.map(|(topic, count)| (TopicId([topic + 1; 16]), count)).collect();
        self.group().expect("there are members").check_converged(&counts);
        for consumer in &self.consumers {
            assert_eq!(consumer.owned, consumer.assigned);
        }
    }
}

proptest! {
    #[test]
    fn no_partition_has_two_owners_and_all_converge(ops in prop::collection::vec(op(), 1..250)) {
        let mut world = World::new();
        for op in &ops {
            world.apply(op);
            world.check();
        }
        world.converge();
    }
}
