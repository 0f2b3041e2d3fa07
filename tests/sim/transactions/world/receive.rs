//! What each message does where it arrives.

use std::collections::BTreeSet;

use coordinator::txn::{Answer, InitProducerId, Markers, Producer as Claimed, Shard, Turn};
use protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use protocol::messages::{StrBytes, TxnOffsetCommitRequest};
use protocol::{ErrorCode, PartitionId, Sequence, TopicPartition};
use storage::producer::{Begin, Origin, Source, VerificationGuard, Verified};

use super::super::client::{Body, Request};
use super::super::coordinator::{Said, Waiting};
use super::super::mutation::Mutation;
use super::super::partition::Body as Batch;
use super::{IDS, Message, OFFSETS, TIMEOUT_MS, World};

impl World {
    pub(super) fn receive(&mut self, message: Message) -> Result<(), String> {
        self.tell(&message);
        match message {
            Message::Request(request) => return self.on_request(request),
            Message::Verify(request, guard) => self.on_verify(request, guard),
            Message::Verified(request, guard, answer) => {
                let written = match answer {
                    Ok(_) => self.write(&request, Verified::By(guard))?,
                    Err(error) => Err(of_produce(error)),
                };
                self.respond(&request, written.map(|()| request.producer));
            }
            Message::Markers(markers) => self.on_markers(markers),
            Message::MarkersWritten(markers, error) => {
                let results: Vec<_> =
                    markers.partitions.iter().map(|it| (it.clone(), error)).collect();
                self.coordinate(|shard, turn| shard.on_markers_written(turn, &markers, &results));
            }
            Message::Response { client, number, answer } => {
                self.clients[client].on_answer(number, answer, &mut self.history);
            }
        }
        Ok(())
    }

    fn respond(&mut self, request: &Request, answer: Answer) {
        let Request { client, number, .. } = *request;
        self.messages.push(Message::Response { client, number, answer });
    }

    fn on_request(&mut self, request: Request) -> Result<(), String> {
        let id = IDS[request.transactional_id];
        match request.body {
            Body::Produce { .. } | Body::CommitOffset { .. } => return self.on_write(request),
            Body::Init { expected } => {
                let ticket = self.coordinator.ticket(Waiting::Client(request));
                let init =
                    InitProducerId { transactional_id: id, timeout_ms: TIMEOUT_MS, expected };
                self.coordinate(|shard, turn| shard.init_producer_id(turn, ticket, &init));
            }
            Body::Add { partition } => {
                let (claimed, version) = (claimed(&request), request.version);
                let ticket = self.coordinator.ticket(Waiting::Client(request));
                let partitions = BTreeSet::from([name(partition)]);
                self.coordinate(|shard, turn| {
                    shard.add_partitions(turn, ticket, claimed, &partitions, version);
                });
            }
            Body::End { is_commit } => {
                let (claimed, version) = (claimed(&request), request.version);
                let ticket = self.coordinator.ticket(Waiting::Client(request));
                self.coordinate(|shard, turn| {
                    shard.end_txn(turn, ticket, claimed, is_commit, version);
                });
            }
        }
        Ok(())
    }

    /// A partition gets something to write: it asks for the transaction if it does not know of it.
    fn on_write(&mut self, request: Request) -> Result<(), String> {
        let (number, sequence) = place(&request);
        if self.mutation == Some(Mutation::SkipVerification) {
            let written = self.write(&request, Verified::Unchecked)?;
            self.respond(&request, written.map(|()| request.producer));
            return Ok(());
        }
        let (producer_id, epoch) = request.producer;
        let bumps_epoch = request.version >= 2;
        let begin = Begin { producer_id, epoch, sequence, bumps_epoch };
        match self.partitions[number].begin(&begin) {
            Err(error) => self.respond(&request, Err(error)),
            Ok(Some(guard)) => self.messages.push(Message::Verify(request, guard)),
            Ok(None) => {
                let written = self.write(&request, Verified::Open)?;
                self.respond(&request, written.map(|()| request.producer));
            }
        }
        Ok(())
    }

    fn on_verify(&mut self, request: Request, guard: VerificationGuard) {
        let (number, version) = (place(&request).0, request.version);
        let claimed = claimed(&request);
        let ticket = self.coordinator.ticket(Waiting::Partition(request, guard));
        self.coordinate(|shard, turn| {
            if version >= 2 {
                let partitions = BTreeSet::from([name(number)]);
                shard.add_partitions(turn, ticket, claimed, &partitions, version);
            } else {
                shard.verify_partition(turn, ticket, claimed, &name(number));
            }
        });
    }

    /// Writes what a request brings. Whoever has been replaced must not get that far.
    fn write(
        &mut self,
        request: &Request,
        verified: Verified,
    ) -> Result<Result<(), ErrorCode>, String> {
        let (number, sequence) = place(request);
        let now = self.now;
        let partition = &mut self.partitions[number];
        let end = partition.end();
        let result = match request.body {
            Body::Produce { value, .. } => {
                let source = Source { origin: Origin::Client, verified };
                partition.append(request.producer, sequence, Batch::Data(value), source)
            }
            Body::CommitOffset { offset } => {
                partition.commit_offset(now, &commit_of(request, offset), verified)
            }
            _ => unreachable!("it is not written"),
        };
        if partition.end() > end {
            self.history.write(request.transactional_id, request.producer)?;
        }
        Ok(result)
    }

    fn on_markers(&mut self, markers: Markers) {
        let partition = markers.partitions.first().expect("each message is for one partition");
        let number = usize::try_from(partition.partition.0).expect("it is one of ours");
        let is_skipped = self.mutation == Some(Mutation::SkipMarker) && self.random.percent(20);
        let result = match is_skipped {
            true => Ok(()),
            false => self.partitions[number].end_transaction(
                (markers.producer_id, markers.producer_epoch),
                markers.is_commit,
                markers.coordinator_epoch,
                markers.transaction_version,
            ),
        };
        let error = result.err().unwrap_or(ErrorCode::None);
        self.messages.push(Message::MarkersWritten(markers, error));
    }

    pub(super) fn coordinate(&mut self, input: impl FnOnce(&mut Shard, &mut Turn<'_>)) {
        for said in self.coordinator.input(self.now, &mut self.random, input) {
            match said {
                Said::Answer(Waiting::Client(request), answer) => {
                    if let (Body::Init { .. }, Ok(producer)) = (request.body, answer) {
                        self.history.initialize(request.transactional_id, producer);
                    }
                    self.respond(&request, answer);
                }
                Said::Answer(Waiting::Partition(request, guard), answer) => {
                    self.messages.push(Message::Verified(request, guard, answer));
                }
                Said::Markers(markers) => {
                    for partition in &markers.partitions {
                        let partitions = vec![partition.clone()];
                        let markers = Markers { partitions, ..markers.clone() };
                        self.messages.push(Message::Markers(markers));
                    }
                }
            }
        }
    }
}

fn claimed(request: &Request) -> Claimed<'static> {
    let (id, epoch) = request.producer;
    Claimed { transactional_id: IDS[request.transactional_id], id, epoch }
}

/// Where a request writes, and with which sequence number.
fn place(request: &Request) -> (usize, Sequence) {
    match request.body {
        Body::Produce { partition, sequence, .. } => (partition, Sequence(sequence)),
        _ => (OFFSETS, Sequence::NONE),
    }
}

fn name(number: usize) -> TopicPartition {
    TopicPartition::new("t", PartitionId(i32::try_from(number).expect("there are few")))
}

/// What a producer is told when its transaction could not be asked for (`AddPartitionsToTxnManager`).
fn of_produce(error: ErrorCode) -> ErrorCode {
    if error == ErrorCode::ProducerFenced { ErrorCode::InvalidProducerEpoch } else { error }
}

fn commit_of(request: &Request, offset: i64) -> TxnOffsetCommitRequest {
    let partition = TxnOffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = TxnOffsetCommitRequestTopic::default()
        .with_name(StrBytes::from_static_str("in").into())
        .with_partitions(vec![partition]);
    TxnOffsetCommitRequest::default()
        .with_group_id(StrBytes::from_static_str(IDS[request.transactional_id]).into())
        .with_generation_id(-1)
        .with_producer_id(request.producer.0.0.into())
        .with_producer_epoch(request.producer.1.0)
        .with_topics(vec![topic])
}
