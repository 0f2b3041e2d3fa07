//! A partition: a log in memory under the rules of `storage::producer`, and the group coordinator on top of one of them.

use std::sync::Arc;
use std::time::Duration;

use config::{Assignor, ConsumerGroupsConfig, GroupConfig, MigrationPolicy};
use coordinator::{Action, Append, Cluster, Now, Settings, Shard, Token, Topic};
use protocol::internal::KeyValue;
use protocol::internal::group::GroupRecord;
use protocol::messages::{
    OffsetFetchRequestGroup, Response, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};
use protocol::record::{Attributes, BatchHeader, ControlType, EndTxnMarker};
use protocol::{
    CoordinatorEpoch, ErrorCode, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence,
    Timestamp, TopicId,
};
use storage::index::txn::AbortedTxn;
use storage::producer::{
    Begin, Checked, Marker, Origin, Producers, Source, Staged, VerificationGuard, Verified,
};

use super::mutation::Mutation;

/// A record that a producer has sent, which no other is equal to.
pub(super) type Value = u32;

/// What is in a batch.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Data(Value),
    Offset(KeyValue),
    Marker(Marker),
}

#[derive(Clone, Debug)]
struct Entry {
    header: BatchHeader,
    body: Body,
}

/// One partition. Each batch has one record, so that its offset is its place in the log.
#[derive(Debug)]
pub(super) struct Partition {
    log: Vec<Entry>,
    producers: Producers,
    aborted: Vec<AbortedTxn>,
    /// The groups, if it is the partition that they are kept in.
    pub(super) group: Option<Shard>,
    /// The offsets that the group coordinator is about to append, and what it answers then.
    mutation: Option<Mutation>,
}

fn at(idx: usize) -> Offset {
    Offset(i64::try_from(idx).expect("the log is short"))
}

impl Partition {
    pub(super) fn new(has_groups: bool, mutation: Option<Mutation>) -> Self {
        Self {
            log: Vec::new(),
            producers: Producers::empty(Offset::ZERO),
            aborted: Vec::new(),
            group: has_groups.then(|| Shard::new(settings(), Arc::new(NoTopics), Offset::ZERO)),
            mutation,
        }
    }

    pub(super) fn end(&self) -> Offset {
        at(self.log.len())
    }

    pub(super) fn last_stable_offset(&self) -> Offset {
        self.producers.first_unstable_offset().unwrap_or_else(|| self.end())
    }

    /// Begins to ask for a transaction; `None` if it is open here.
    pub(super) fn begin(&mut self, begin: &Begin) -> Result<Option<VerificationGuard>, ErrorCode> {
        let guard = self.producers.begin_verification(begin, Timestamp(0));
        guard.map_err(|rejection| rejection.code)
    }

    /// Appends a batch of a producer.
    pub(super) fn append(
        &mut self,
        (producer_id, epoch): (ProducerId, ProducerEpoch),
        sequence: Sequence,
        body: Body,
        source: Source,
    ) -> Result<(), ErrorCode> {
        let is_control = matches!(body, Body::Marker(_));
        let attributes = Attributes::default().with_transactional(true).with_control(is_control);
        let header = BatchHeader {
            base_offset: self.end(),
            length: 100,
            leader_epoch: LeaderEpoch(0),
            magic: 2,
            crc: 0,
            attributes,
            last_offset_delta: 0,
            base_timestamp: Timestamp(0),
            max_timestamp: Timestamp(0),
            producer_id,
            producer_epoch: epoch,
            base_sequence: sequence,
            record_count: 1,
        };
        let source = self.weaken(&header, source);
        if self.check(&header, &body, source)? == Checked::New {
            self.log.push(Entry { header, body });
        }
        Ok(())
    }

    /// Takes out of the rules what the mutation breaks.
    fn weaken(&self, header: &BatchHeader, source: Source) -> Source {
        let is_old = |epoch: ProducerEpoch| header.producer_epoch < epoch;
        let known = self.producers.entry(header.producer_id);
        match self.mutation {
            Some(Mutation::SkipVerification) => Source { verified: Verified::Unchecked, ..source },
            Some(Mutation::AcceptDuplicate) if source.origin == Origin::Client => {
                Source { origin: Origin::Coordinator, ..source }
            }
            Some(Mutation::AcceptOldEpoch) if known.is_some_and(|it| is_old(it.epoch)) => {
                Origin::Replication.into()
            }
            _ => source,
        }
    }

    fn check(
        &mut self,
        header: &BatchHeader,
        body: &Body,
        source: Source,
    ) -> Result<Checked, ErrorCode> {
        let marker = match body {
            Body::Marker(marker) => Some(marker),
            _ => None,
        };
        let mut staged = Staged::default();
        let checked = self.producers.check(&mut staged, header, marker, source);
        let checked = checked.map_err(|rejection| rejection.code)?;
        if checked == Checked::New {
            let end = header.next_offset();
            self.aborted.extend(self.producers.commit(staged, end));
            // There are no other replicas.
            self.producers.forget_ended_before(end);
        }
        Ok(checked)
    }

    /// Writes a marker.
    pub(super) fn end_transaction(
        &mut self,
        producer: (ProducerId, ProducerEpoch),
        is_commit: bool,
        coordinator_epoch: CoordinatorEpoch,
        transaction_version: i16,
    ) -> Result<(), ErrorCode> {
        let control = if is_commit { ControlType::Commit } else { ControlType::Abort };
        let value = EndTxnMarker { coordinator_epoch };
        let marker = Body::Marker(Marker { control, value, transaction_version });
        let offset = self.end();
        self.append(producer, Sequence::NONE, marker, Origin::Coordinator.into())?;
        if let Some(group) = &mut self.group {
            group.replay_marker(offset, producer.0, control);
            group.on_high_watermark(some_time(), offset.next(), &mut Vec::new());
        }
        Ok(())
    }

    /// Commits an offset of the group in a transaction.
    pub(super) fn commit_offset(
        &mut self,
        now: Now,
        request: &TxnOffsetCommitRequest,
        verified: Verified,
    ) -> Result<(), ErrorCode> {
        let mut group = self.group.take().expect("the groups are kept here");
        let mut out = Vec::new();
        group.commit_txn_offsets(now, Token { id: 0, api_version: 5 }, request, &mut out);
        let mut result = Err(ErrorCode::UnknownServerError);
        while let Some(action) = out.pop() {
            match action {
                Action::Respond { response, .. } => result = committed(&response),
                Action::Append(append) => {
                    let offset = self.end();
                    match self.append_offset(&append, verified) {
                        Ok(()) => {
                            if self.mutation == Some(Mutation::ApplyOffsetsAtOnce) {
                                let record = append.batch.first().expect("it has an offset");
                                group.replay(offset, None, decode(record));
                            }
                            group.on_appended(now, append, offset);
                            group.on_high_watermark(now, self.end(), &mut out);
                        }
                        Err(error) => group.on_append_failed(now, append, error, &mut out),
                    }
                }
            }
        }
        self.group = Some(group);
        result
    }

    fn append_offset(&mut self, append: &Append, verified: Verified) -> Result<(), ErrorCode> {
        let [record] = &append.batch[..] else { panic!("one offset is committed at a time") };
        let producer = append.producer.expect("it is committed in a transaction");
        let source = Source { origin: Origin::Coordinator, verified };
        self.append(producer, Sequence::NONE, Body::Offset(record.clone()), source)
    }

    /// The offset of the group for the partition 0 of its topic; -1 if there is none.
    pub(super) fn offset(&mut self, now: Now, request: &OffsetFetchRequestGroup) -> (i64, i16) {
        let group = self.group.as_mut().expect("the groups are kept here");
        let mut out = Vec::new();
        group.fetch_offsets(now, Token { id: 0, api_version: 9 }, request, true, &mut out);
        let Some(Action::Respond { response, .. }) = out.pop() else { panic!("it is answered") };
        let Response::OffsetFetch(response) = *response else { panic!("offsets were asked for") };
        let group = response.groups.first().expect("the group was asked for");
        let partitions = group.topics.iter().flat_map(|topic| &topic.partitions);
        let (offset, error) = partitions
            .map(|partition| (partition.committed_offset, partition.error_code))
            .next()
            .expect("the partition was asked for");
        (offset, error)
    }

    /// Stops, and comes back with what is in the log.
    pub(super) fn crash(&mut self) {
        let log = std::mem::take(&mut self.log);
        *self = Self::new(self.group.is_some(), self.mutation);
        for Entry { header, body } in log {
            let checked = self.check(&header, &body, Origin::Replication.into());
            assert_eq!(checked, Ok(Checked::New), "it was in the log");
            if let Some(group) = &mut self.group {
                let offset = header.base_offset;
                match &body {
                    Body::Marker(marker) => {
                        group.replay_marker(offset, header.producer_id, marker.control);
                    }
                    Body::Offset(record) => {
                        group.replay(offset, Some(header.producer_id), decode(record));
                    }
                    Body::Data(_) => {}
                }
            }
            self.log.push(Entry { header, body });
        }
        let end = self.end();
        if let Some(group) = &mut self.group {
            group.on_high_watermark(some_time(), end, &mut Vec::new());
        }
    }

    /// What a consumer of committed records gets from `from` on, and where it goes on (`CompletedFetch`).
    pub(super) fn read_committed(&self, from: Offset) -> (Vec<Value>, Offset) {
        let bound = match self.mutation {
            Some(Mutation::ServePastLso) => self.end(),
            _ => self.last_stable_offset(),
        };
        let mut ahead: Vec<_> = self
            .aborted
            .iter()
            .filter(|txn| txn.last_offset >= from && txn.first_offset < bound)
            .collect();
        ahead.sort_by_key(|txn| std::cmp::Reverse(txn.first_offset));
        let (mut aborting, mut values) = (Vec::new(), Vec::new());
        let first = usize::try_from(from.0).expect("it is a place in the log");
        for Entry { header, body } in self.log.iter().skip(first) {
            if header.base_offset >= bound {
                break;
            }
            while let Some(txn) = ahead.pop_if(|txn| txn.first_offset <= header.base_offset) {
                aborting.push(txn.producer_id);
            }
            match body {
                Body::Marker(marker) if marker.control == ControlType::Abort => {
                    aborting.retain(|producer_id| *producer_id != header.producer_id);
                }
                Body::Data(value) if !aborting.contains(&header.producer_id) => {
                    values.push(*value);
                }
                _ => {}
            }
        }
        (values, bound.max(from))
    }
}

fn settings() -> Arc<Settings> {
    Arc::new(Settings {
        group_min_session_timeout_ms: 6_000,
        group_max_session_timeout_ms: 1_800_000,
        group_initial_rebalance_delay: Duration::ZERO,
        group_max_size: usize::MAX,
        consumer_protocol: false,
        consumer: ConsumerGroupsConfig {
            max_size: usize::MAX,
            assignors: vec![Assignor::Uniform],
            migration_policy: MigrationPolicy { upgrade: false, downgrade: false },
            regex_refresh_interval_ms: 600_000,
        },
        offset_metadata_max_bytes: 4_096,
        offsets_retention_ms: i64::MAX,
        offsets_retention_check_interval: Duration::from_secs(600),
        offsets_commit_timeout: Duration::from_secs(5),
        append_bytes_max: 1 << 20,
    })
}

/// A cluster that groups find no topics in: they only keep offsets here.
#[derive(Debug)]
struct NoTopics;

impl Cluster for NoTopics {
    fn version(&self) -> Offset {
        Offset::ZERO
    }

    fn topic(&self, _: &str) -> Option<Topic> {
        None
    }

    fn topic_by_id(&self, _: TopicId) -> Option<Topic> {
        None
    }

    fn topic_names<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Arc<str>> + 'a> {
        Box::new(std::iter::empty())
    }

    fn racks(&self, _: TopicId) -> Vec<Vec<String>> {
        Vec::new()
    }

    fn group_config(&self, _: &str) -> GroupConfig {
        GroupConfig {
            consumer_session_timeout_ms: 45_000,
            consumer_heartbeat_interval_ms: 5_000,
            consumer_assignment_interval_ms: 0,
        }
    }
}

fn decode(record: &KeyValue) -> GroupRecord {
    GroupRecord::decode(&record.key, record.value.as_deref()).expect("we wrote it")
}

/// What the first partition of the response says.
fn committed(response: &Response) -> Result<(), ErrorCode> {
    let Response::TxnOffsetCommit(TxnOffsetCommitResponse { topics, .. }) = response else {
        panic!("an offset was committed")
    };
    let partition = topics.iter().flat_map(|topic| &topic.partitions).next();
    match partition.map(|partition| partition.error_code) {
        Some(0) => Ok(()),
        code => Err(ErrorCode::from_code(code.unwrap_or(-1)).expect("it is one of ours")),
    }
}

/// A group that only keeps offsets does not look at the time when its log moves.
fn some_time() -> Now {
    Now { instant: std::time::Instant::now(), timestamp: Timestamp(0) }
}
