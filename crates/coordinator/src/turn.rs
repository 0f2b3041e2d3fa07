//! One input's turn: the time, the settings and the timers that it may use, and the actions that come of it.

use std::time::Duration;

use bytes::Bytes;
use protocol::internal::KeyValue;
use protocol::internal::group::GroupRecord;
use protocol::messages::Response;
use protocol::{ErrorCode, Offset, ProducerEpoch, ProducerId};

use crate::answer;
use crate::cluster::Cluster;
use crate::outcome::{Action, Append, Now, Then, Token};
use crate::settings::Settings;
use crate::timers::{Timer, Timers};

/// How many records one append has at most, where they need not be in one batch.
const PIECE_RECORDS_MAX: usize = 1_000;

/// What a batch takes besides its records.
const BATCH_OVERHEAD: usize = 61;

/// What a record takes at most besides its key and value.
const RECORD_OVERHEAD: usize = 32;

/// What an input works with beside the state that it is about.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) now: Now,
    pub(crate) settings: &'a Settings,
    pub(crate) cluster: &'a dyn Cluster,
    /// The version of the cluster that last brought new topics.
    pub(crate) new_topics_at: Offset,
    timers: &'a mut Timers,
    out: &'a mut Vec<Action>,
}

impl<'a> Turn<'a> {
    pub(crate) const fn new(
        now: Now,
        settings: &'a Settings,
        (cluster, new_topics_at): (&'a dyn Cluster, Offset),
        timers: &'a mut Timers,
        out: &'a mut Vec<Action>,
    ) -> Self {
        Self { now, settings, cluster, new_topics_at, timers, out }
    }

    /// Sets the timer to be due in `delay`. One that lies beyond all time is not set.
    pub(crate) fn set(&mut self, timer: Timer, delay: Duration) {
        if let Some(deadline) = self.now.instant.checked_add(delay) {
            self.timers.set(timer, deadline);
        }
    }

    /// Sets the timer, unless it runs already.
    pub(crate) fn set_if_absent(&mut self, timer: Timer, delay: Duration) {
        if !self.timers.is_set(&timer) {
            self.set(timer, delay);
        }
    }

    /// Stops the timer.
    pub(crate) fn cancel(&mut self, timer: &Timer) {
        self.timers.cancel(timer);
    }

    /// Answers a request at once.
    pub(crate) fn respond(&mut self, token: Token, response: impl Into<Response>) {
        self.respond_boxed(token, Box::new(response.into()));
    }

    /// Answers a request at once.
    pub(crate) fn respond_boxed(&mut self, token: Token, mut response: Box<Response>) {
        answer::fit(&mut response, token.api_version);
        self.out.push(Action::Respond { token, response });
    }

    /// Answers a request when the records are committed, or at once if there are none.
    pub(crate) fn respond_after(
        &mut self,
        records: Vec<GroupRecord>,
        producer: Option<(ProducerId, ProducerEpoch)>,
        token: Token,
        response: impl Into<Response>,
    ) {
        let mut response = Box::new(response.into());
        if records.is_empty() {
            return self.respond_boxed(token, response);
        }
        match encode(&records, self.settings.append_bytes_max) {
            Ok(batch) => {
                let then = Then::Respond { token, response };
                self.out.push(Action::Append(Append { batch, producer, records, then }));
            }
            Err(error) => {
                answer::fail(&mut response, error);
                self.respond_boxed(token, response);
            }
        }
    }

    /// Appends one record. It fails if the log cannot take it.
    pub(crate) fn append(&mut self, record: GroupRecord, then: Then) -> Result<(), ErrorCode> {
        self.append_all(vec![record], then).map_err(|(error, _)| error)
    }

    /// Appends records in one batch. It fails if the log cannot take that, and gives back what was to follow.
    pub(crate) fn append_all(
        &mut self,
        records: Vec<GroupRecord>,
        then: Then,
    ) -> Result<(), (ErrorCode, Then)> {
        let batch = match encode(&records, self.settings.append_bytes_max) {
            Ok(batch) => batch,
            Err(error) => return Err((error, then)),
        };
        self.out.push(Action::Append(Append { batch, producer: None, records, then }));
        Ok(())
    }

    /// Appends records that need not be in one batch, and for which nobody waits.
    pub(crate) fn append_in_pieces(&mut self, mut records: Vec<GroupRecord>) {
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(PIECE_RECORDS_MAX));
            self.append_piece(records);
            records = rest;
        }
    }

    /// Appends records in one batch, or each half in its own if they are too large for that.
    fn append_piece(&mut self, mut records: Vec<GroupRecord>) {
        match encode(&records, self.settings.append_bytes_max) {
            Ok(batch) => {
                let then = Then::Nothing;
                self.out.push(Action::Append(Append { batch, producer: None, records, then }));
            }
            Err(_) if records.len() > 1 => {
                let rest = records.split_off(records.len() / 2);
                self.append_piece(records);
                self.append_piece(rest);
            }
            Err(error) => {
                let group = records.first().map(GroupRecord::group_id);
                tracing::warn!(%error, group, "a record is too large for the log of the groups");
            }
        }
    }
}

/// The records as they are written, if one batch of the log can take them.
fn encode(records: &[GroupRecord], bytes_max: usize) -> Result<Vec<KeyValue>, ErrorCode> {
    let mut batch = Vec::with_capacity(records.len());
    let mut bytes = BATCH_OVERHEAD;
    for record in records {
        // What cannot be encoded has a string or an array that is longer than Kafka's can be.
        let record = record.encode().map_err(|_| ErrorCode::MessageTooLarge)?;
        bytes += RECORD_OVERHEAD + record.key.len() + record.value.as_ref().map_or(0, Bytes::len);
        batch.push(record);
    }
    if bytes <= bytes_max { Ok(batch) } else { Err(ErrorCode::MessageTooLarge) }
}
