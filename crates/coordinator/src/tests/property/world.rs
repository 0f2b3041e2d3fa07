//! A shard, and clients that remember what they were told.

use std::collections::HashMap;
use std::time::Duration;

use protocol::internal::group::GroupRecord;
use protocol::messages::Response;
use protocol::record::ControlType;
use protocol::{ErrorCode, ProducerId, TopicId};

use super::op::{CLIENTS, Op, Who};
use super::request;
use crate::group::Group;
use crate::tests::driver::{Driver, Event, kafka_settings};
use crate::{Action, DeletedTopic, Now, Shard, Token};

/// A request and its answers.
#[derive(Debug)]
struct Sent {
    client: u8,
    answers: usize,
}

/// What a client was told.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) member_id: String,
    pub(super) generation: i32,
}

/// The shard and its clients.
#[derive(Debug)]
pub(super) struct World {
    driver: Driver,
    sent: HashMap<u64, Sent>,
    known: Vec<Known>,
    /// True if the log may lack what the shard knows.
    has_failed: bool,
}

fn check_group(group: &Group) {
    match group {
        Group::Classic(group) => group.check(),
        Group::Consumer(group) => group.check(),
    }
}

fn check_replayed(live: &Group, replayed: &Group) {
    match (live, replayed) {
        (Group::Classic(live), Group::Classic(replayed)) => {
            assert!(replayed.generation() <= live.generation());
            if let Some(lasting) = live.lasting() {
                assert_eq!(Some(lasting), replayed.lasting());
            }
        }
        (Group::Consumer(live), Group::Consumer(replayed)) => {
            assert_eq!(live.lasting(), replayed.lasting());
        }
        _ => panic!("{live:?} is of another kind than {replayed:?}"),
    }
}

/// The group of a client.
pub(super) const fn group_of(client: u8) -> u8 {
    client % 2
}

impl World {
    pub(super) fn new() -> Self {
        let mut settings = kafka_settings();
        settings.group_max_size = 4;
        settings.group_initial_rebalance_delay = Duration::from_secs(1);
        settings.offsets_retention_ms = 1_000_000;
        let known = vec![Known::default(); CLIENTS.into()];
        let mut driver = Driver::new(settings);
        driver.set_topic("t0", TopicId([1; 16]), 3);
        Self { driver, sent: HashMap::new(), known, has_failed: false }
    }

    /// What a client believes to know.
    fn recall(&self, who: &Who) -> Known {
        if who.has_forgotten {
            return Known::default();
        }
        let mut known = self.known[usize::from(who.client)].clone();
        known.generation += who.generation_change;
        known
    }

    fn send(
        &mut self,
        client: u8,
        api_version: i16,
        send: impl FnOnce(&mut Shard, Now, Token, &mut Vec<Action>),
    ) {
        let token = self.driver.token(api_version);
        self.sent.insert(token.id, Sent { client, answers: 0 });
        self.driver.input(|shard, now, out| send(shard, now, token, out));
    }

    /// Puts a record into the log that the shard did not write.
    pub(super) fn inject(&mut self, record: &GroupRecord) {
        self.driver.inject(record);
    }

    /// Does it, and takes in what comes of it.
    pub(super) fn apply(&mut self, op: &Op) {
        match op {
            Op::Advance { ms } => self.driver.advance(Duration::from_millis(*ms)),
            Op::Hold => self.driver.is_held = true,
            Op::Release => self.driver.release(),
            Op::CommitOne => self.driver.commit_one(),
            Op::Fail => {
                self.driver.next_failure = Some(ErrorCode::NotEnoughReplicas);
                self.has_failed = true;
            }
            Op::Reload => {
                self.driver.reload();
                self.has_failed = self.driver.next_failure.is_some();
            }
            Op::EndTxn { producer, is_commit } => {
                let marker = if *is_commit { ControlType::Commit } else { ControlType::Abort };
                self.driver.end_txn(ProducerId((*producer).into()), marker);
            }
            Op::DeleteTopic { topic } => {
                let name = format!("t{topic}");
                self.driver.set_topic(&name, TopicId::ZERO, 0);
                let topic = DeletedTopic { id: TopicId::ZERO, name: name.into() };
                self.driver.input(|shard, now, out| shard.on_topics_deleted(now, &[topic], out));
            }
            Op::SetTopic { topic, partition_count } => {
                let id = TopicId([topic + 1; 16]);
                self.driver.set_topic(&format!("t{topic}"), id, *partition_count);
            }
            op => self.request(op),
        }
        self.listen();
    }

    fn request(&mut self, op: &Op) {
        match op {
            Op::Join { who, protocols, version } => {
                let request = request::join(who.client, &self.recall(who), *protocols);
                self.send(who.client, *version, |shard, now, token, out| {
                    shard.join_group(now, request::client(token), token, &request, out);
                });
            }
            Op::Sync { who } => {
                let request = request::sync(who.client, &self.recall(who), &self.known);
                self.send(who.client, 4, |shard, now, token, out| {
                    shard.sync_group(now, token, &request, out);
                });
            }
            Op::Beat { who, epoch } => {
                let known = self.recall(who);
                let request = request::beat(who.client, &known, epoch.unwrap_or(known.generation));
                self.send(who.client, 1, |shard, now, token, out| {
                    let client = request::client(token);
                    shard.consumer_group_heartbeat(now, client, token, &request, out);
                });
            }
            Op::Heartbeat { who } => {
                let request = request::heartbeat(who.client, &self.recall(who));
                self.send(who.client, 4, |shard, now, token, out| {
                    shard.heartbeat(now, token, &request, out);
                });
            }
            Op::Leave { who } => {
                let request = request::leave(who.client, &self.recall(who));
                self.send(who.client, 5, |shard, now, token, out| {
                    shard.leave_group(now, token, &request, out);
                });
            }
            op => self.request_about_offsets(op),
        }
    }

    fn request_about_offsets(&mut self, op: &Op) {
        match op {
            Op::Commit { who, partition, offset, retention_ms } => {
                let mut request =
                    request::commit(who.client, &self.recall(who), *partition, *offset);
                request.retention_time_ms = *retention_ms;
                self.send(who.client, 9, |shard, now, token, out| {
                    shard.commit_offsets(now, token, &request, out);
                });
            }
            Op::TxnCommit { who, producer, partition, offset } => {
                let mut request = request::txn_commit(who.client, *partition, *offset);
                request.producer_id = i64::from(*producer).into();
                self.send(who.client, 5, |shard, now, token, out| {
                    shard.commit_txn_offsets(now, token, &request, out);
                });
            }
            Op::Fetch { group, is_stable } => {
                let (request, is_stable) = (request::fetch_all(*group), *is_stable);
                self.send(*group, 9, |shard, now, token, out| {
                    shard.fetch_offsets(now, token, &request, is_stable, out);
                });
            }
            Op::DeleteOffsets { group, partition } => {
                let request = request::delete_offsets(*group, *partition);
                self.send(*group, 0, |shard, now, token, out| {
                    shard.delete_offsets(now, token, &request, out);
                });
            }
            Op::DeleteGroup { group } => {
                let ids = [request::group_id(*group).into()];
                self.send(*group, 2, |shard, now, token, out| {
                    shard.delete_groups(now, token, &ids, out);
                });
            }
            op => unreachable!("{op:?} is no request"),
        }
    }

    /// Lets the clients learn from their answers, and counts these.
    fn listen(&mut self) {
        for event in std::mem::take(&mut self.driver.events) {
            let Event::Answered(token, response) = event else { continue };
            let sent = self.sent.get_mut(&token.id).expect("only what was sent is answered");
            sent.answers += 1;
            let known = &mut self.known[usize::from(sent.client)];
            let error = match *response {
                Response::JoinGroup(body) => {
                    if [ErrorCode::None, ErrorCode::MemberIdRequired]
                        .map(ErrorCode::code)
                        .contains(&body.error_code)
                    {
                        known.member_id = body.member_id.to_string();
                        known.generation = body.generation_id;
                    }
                    body.error_code
                }
                Response::ConsumerGroupHeartbeat(body) => {
                    if let Some(member_id) = body.member_id {
                        known.member_id = member_id.to_string();
                        known.generation = body.member_epoch;
                    }
                    body.error_code
                }
                Response::SyncGroup(body) => body.error_code,
                Response::Heartbeat(body) => body.error_code,
                _ => 0,
            };
            if error == ErrorCode::UnknownMemberId.code() {
                *known = Known::default();
            }
        }
    }

    /// Fails if something is not true that always is.
    pub(super) fn check(&mut self) {
        let live = &self.driver.shard;
        live.groups.values().for_each(check_group);
        let replayed = self.driver.replayed();
        assert_eq!(live.offsets.current(), replayed.offsets.current());
        assert_eq!(live.offsets.pending(), replayed.offsets.pending());
        if !self.has_failed {
            assert!(live.groups.keys().eq(replayed.groups.keys()));
            for (live, replayed) in live.groups.values().zip(replayed.groups.values()) {
                check_replayed(live, replayed);
            }
        }
        (0..2).for_each(|group| self.check_reader(group));
    }

    /// Who reads sees what the committed part of the log alone would give.
    fn check_reader(&mut self, group: u8) {
        let mut committed = self.driver.replayed_to_high_watermark();
        let (now, token) = (self.driver.now(), self.driver.token(9));
        let (mut expected, mut seen) = (Vec::new(), Vec::new());
        let request = request::fetch_all(group);
        committed.fetch_offsets(now, token, &request, false, &mut expected);
        self.driver.shard.fetch_offsets(now, token, &request, false, &mut seen);
        assert_eq!(format!("{expected:?}"), format!("{seen:?}"));
    }

    /// Unloads the shard, and fails unless everybody has one answer.
    pub(super) fn finish(mut self) {
        self.driver.reload();
        self.listen();
        for (id, sent) in &self.sent {
            assert_eq!(sent.answers, 1, "request {id}");
        }
    }
}
