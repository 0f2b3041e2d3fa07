//! The shard and its log: what becomes of appends, and who waits for them to be committed.

use std::time::Instant;

use protocol::{ErrorCode, Offset};

use super::Shard;
use crate::answer;
use crate::outcome::{Action, Append, Now, Then, Token};

/// How many answers may wait for the log at a time. More only come together when the replicas do not keep up, and then
/// clients are told to try again rather than to wait for the timeout.
const WAITING_MAX: usize = 10_000;

/// What follows when the log is committed so far.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Everything before this is to be committed. It never falls from one to the next.
    end: Offset,
    /// Until then (`offsets.commit.timeout.ms`). It never falls either.
    pub(super) deadline: Instant,
    then: Then,
}

impl Shard {
    /// The log has taken the records of an [`Action::Append`], the first at `base_offset`.
    pub fn on_appended(&mut self, now: Now, append: Append, base_offset: Offset) {
        let producer_id = append.producer.map(|(id, _)| id);
        let mut offset = base_offset;
        for record in append.records {
            self.replay(offset, producer_id, record);
            offset = offset.next();
        }
        if !matches!(append.then, Then::Nothing) {
            self.wait(now, append.then);
        }
    }

    /// The log has not taken the records of an [`Action::Append`], and will never have them.
    pub fn on_append_failed(
        &mut self,
        now: Now,
        append: Append,
        error: ErrorCode,
        out: &mut Vec<Action>,
    ) {
        self.follow(now, append.then, Err(error), out);
    }

    /// The log has committed everything before `high_watermark`.
    pub fn on_high_watermark(&mut self, now: Now, high_watermark: Offset, out: &mut Vec<Action>) {
        self.high_watermark = high_watermark;
        self.offsets.on_high_watermark(high_watermark);
        while let Some(waiting) = self.waiting.pop_front_if(|first| first.end <= high_watermark) {
            self.follow(now, waiting.then, Ok(()), out);
        }
    }

    /// True if no more answers may wait for the log.
    pub(crate) fn is_log_behind(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }

    /// Answers a request when everything is committed that has been appended so far.
    pub(crate) fn respond_when_committed(
        &mut self,
        now: Now,
        token: Token,
        response: impl Into<protocol::messages::Response>,
        out: &mut Vec<Action>,
    ) {
        let then = Then::Respond { token, response: Box::new(response.into()) };
        if self.log_end <= self.high_watermark {
            self.follow(now, then, Ok(()), out);
        } else {
            self.wait(now, then);
        }
    }

    fn wait(&mut self, now: Now, then: Then) {
        let deadline = now.instant + self.settings.offsets_commit_timeout;
        self.waiting.push_back(Waiting { end: self.log_end, deadline, then });
    }

    /// Gives up on what has waited for too long. Its records may still be committed, as in Kafka.
    pub(super) fn expire_waiting(&mut self, now: Now, out: &mut Vec<Action>) {
        while let Some(waiting) = self.waiting.pop_front_if(|first| first.deadline <= now.instant) {
            self.follow(now, waiting.then, Err(ErrorCode::RequestTimedOut), out);
        }
    }

    /// Gives up on everything that waits.
    pub(super) fn fail_waiting(&mut self, now: Now, error: ErrorCode, out: &mut Vec<Action>) {
        for waiting in std::mem::take(&mut self.waiting) {
            self.follow(now, waiting.then, Err(error), out);
        }
    }

    fn follow(
        &mut self,
        now: Now,
        then: Then,
        result: Result<(), ErrorCode>,
        out: &mut Vec<Action>,
    ) {
        match then {
            Then::Nothing => {}
            Then::Fence { group_id } if result.is_err() => self.watch(now, &group_id, out),
            Then::Fence { .. } => {}
            Then::Downgrade { group_id, downgrade, answer } => {
                self.with_classic(now, &group_id, out, |group, turn| {
                    group.on_taken_over(downgrade.rebalances, turn);
                });
                self.watch(now, &group_id, out);
                if let Some((token, response)) = answer {
                    self.follow(now, Then::Respond { token, response }, result, out);
                }
            }
            Then::Respond { token, mut response } => {
                if let Err(error) = result {
                    answer::fail(&mut response, error);
                }
                self.split(now, out).1.respond_boxed(token, response);
            }
            Then::Assign { group_id, assigned } => {
                self.with_classic(now, &group_id, out, |group, turn| match result {
                    Ok(()) => group.on_assigned(assigned, turn),
                    Err(error) => group.on_assignment_failed(assigned.token, error, turn),
                });
            }
            Then::Replace { group_id, replaced } => {
                self.with_classic(now, &group_id, out, |group, turn| {
                    group.on_replaced(&replaced, result, turn);
                });
            }
        }
    }
}
