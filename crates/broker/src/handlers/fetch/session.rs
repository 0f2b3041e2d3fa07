//! Incremental fetch sessions (KIP-227): a consumer names its partitions once, and then only what changes.
//!
//! Pure but for the lock: who asks what is decided here, what is read is not. The cache is bounded by
//! `max.incremental.fetch.session.cache.slots`; a consumer that gets no slot goes on naming all its partitions.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use protocol::messages::fetch_response::PartitionData;
use protocol::messages::{FetchRequest, TopicName};
use protocol::{ErrorCode, Timestamp, TopicId};

use super::super::{Numbers, each_once};

/// A session may be taken away from its client when it has not been used for this long
/// (`FetchSession.MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS`).
const EVICTABLE_AFTER_MS: i64 = 120_000;

/// The epochs with a meaning of their own: the first request, and the last.
const INITIAL_EPOCH: i32 = 0;
const FINAL_EPOCH: i32 = -1;

/// What names a partition in a session.
type Key = (TopicName, TopicId, i32);

/// A partition that a client fetches.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) topic: TopicName,
    pub(super) topic_id: TopicId,
    pub(super) fetch: FetchPartition,
    /// What the client was told last: high watermark and log start offset.
    told: (i64, i64),
}

impl Wanted {
    fn new(topic: &FetchTopic, fetch: FetchPartition) -> Self {
        let topic_id = TopicId(*topic.topic_id.as_bytes());
        Self { topic: topic.topic.clone(), topic_id, fetch, told: (-1, -1) }
    }

    fn key(&self) -> Key {
        (self.topic.clone(), self.topic_id, self.fetch.partition)
    }
}

/// How an answer relates to a session.
#[derive(Debug, Clone)]
pub(super) enum Context {
    /// There is no session: all partitions are answered.
    Sessionless,
    /// The first answer of a session: all partitions are answered.
    Full(Arc<Mutex<Session>>),
    /// Only partitions with news are answered.
    Incremental(Arc<Mutex<Session>>),
}

/// One client's partitions.
#[derive(Debug)]
pub(super) struct Session {
    id: i32,
    epoch: i32,
    /// Whether its topics are known by their ids.
    by_id: bool,
    /// By the turns in which they are read; one that had data goes to the end, so that all get theirs.
    partitions: BTreeMap<u64, Wanted>,
    /// The turn of each.
    turns: HashMap<Key, u64>,
    next_turn: u64,
    used: Timestamp,
}

/// All sessions of a broker.
#[derive(Debug)]
pub(crate) struct Sessions {
    slots: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    sessions: HashMap<i32, Arc<Mutex<Session>>>,
    next_id: i32,
}

impl Sessions {
    pub(crate) fn new(slots: usize) -> Self {
        Self { slots, inner: Mutex::default() }
    }

    /// What a request asks for, and how it is to be answered. Its topics are named by their ids or by their names.
    pub(super) fn resolve(
        &self,
        request: &mut FetchRequest,
        by_id: bool,
        now: Timestamp,
    ) -> Result<(Context, Vec<Wanted>), ErrorCode> {
        let topics = std::mem::take(&mut request.topics);
        let wanted = named(&topics);
        // A request may name a million partitions: nobody else waits while they are sorted out.
        if matches!(request.session_epoch, INITIAL_EPOCH | FINAL_EPOCH) {
            let is_first = request.session_epoch == INITIAL_EPOCH && !wanted.is_empty();
            let session = is_first.then(|| Session::new(&wanted, by_id, now));
            let mut inner = self.lock();
            inner.sessions.remove(&request.session_id);
            let session = session.and_then(|session| self.open(&mut inner, session, now));
            return Ok((session.map_or(Context::Sessionless, Context::Full), wanted));
        }
        let session = self.lock().sessions.get(&request.session_id).cloned();
        let session = session.ok_or(ErrorCode::FetchSessionIdNotFound)?;
        let mut locked = session.lock().unwrap_or_else(PoisonError::into_inner);
        if locked.epoch != request.session_epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        // The client speaks another version than when it began.
        if locked.by_id != by_id {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        locked.change(wanted, &request.forgotten_topics_data);
        locked.used = now;
        locked.epoch = locked.epoch.checked_add(1).unwrap_or(1);
        let wanted: Vec<_> = locked.partitions.values().cloned().collect();
        drop(locked);
        if wanted.is_empty() {
            self.lock().sessions.remove(&request.session_id);
            return Ok((Context::Sessionless, wanted));
        }
        Ok((Context::Incremental(session), wanted))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session, if there is a slot for it: one that is free, or one whose session is not used any more.
    fn open(
        &self,
        inner: &mut Inner,
        mut session: Session,
        now: Timestamp,
    ) -> Option<Arc<Mutex<Session>>> {
        if inner.sessions.len() >= self.slots && !inner.evict(now) {
            return None;
        }
        while inner.next_id <= 0 || inner.sessions.contains_key(&inner.next_id) {
            inner.next_id = inner.next_id.checked_add(1).unwrap_or(1).max(1);
        }
        session.id = inner.next_id;
        let session = Arc::new(Mutex::new(session));
        inner.sessions.insert(inner.next_id, Arc::clone(&session));
        inner.next_id = inner.next_id.checked_add(1).unwrap_or(1);
        Some(session)
    }
}

impl Inner {
    /// Takes the slot of the session that has not been used for the longest time, if that is long enough.
    fn evict(&mut self, now: Timestamp) -> bool {
        // One that is locked is in use.
        let used = |session: &Arc<Mutex<Session>>| session.try_lock().ok().map(|it| it.used);
        let sessions = self.sessions.iter();
        let oldest = sessions.filter_map(|(id, session)| Some((used(session)?, *id))).min();
        match oldest {
            Some((used, id)) if now.0.saturating_sub(used.0) >= EVICTABLE_AFTER_MS => {
                self.sessions.remove(&id);
                true
            }
            _ => false,
        }
    }
}

/// The partitions that a request names, each once.
fn named(topics: &[FetchTopic]) -> Vec<Wanted> {
    let mut numbers = Numbers::new();
    let named = topics.iter().flat_map(|topic| {
        let number = numbers.of((&topic.topic, topic.topic_id));
        topic.partitions.iter().map(move |fetch| (number, topic, fetch))
    });
    let named = each_once(named, |(number, _, fetch)| (*number, fetch.partition));
    named.map(|(_, topic, fetch)| Wanted::new(topic, fetch.clone())).collect()
}

impl Session {
    /// A session that has no id yet.
    fn new(wanted: &[Wanted], by_id: bool, now: Timestamp) -> Self {
        let (partitions, turns) = Default::default();
        let mut session =
            Self { id: 0, epoch: 1, by_id, partitions, turns, next_turn: 0, used: now };
        session.change(wanted.to_vec(), &[]);
        session
    }

    fn change(&mut self, named: Vec<Wanted>, forgotten: &[ForgottenTopic]) {
        for new in named {
            let turn = self.turns.get(&new.key());
            match turn.and_then(|turn| self.partitions.get_mut(turn)) {
                Some(old) => old.fetch = new.fetch,
                None => self.push(new),
            }
        }
        for topic in forgotten {
            let topic_id = TopicId(*topic.topic_id.as_bytes());
            for partition in &topic.partitions {
                if let Some(turn) = self.turns.remove(&(topic.topic.clone(), topic_id, *partition))
                {
                    self.partitions.remove(&turn);
                }
            }
        }
    }

    /// Gives a partition the last turn.
    fn push(&mut self, wanted: Wanted) {
        self.turns.insert(wanted.key(), self.next_turn);
        self.partitions.insert(self.next_turn, wanted);
        self.next_turn += 1;
    }

    /// Notes what a client is told of a partition, and says whether that is news.
    fn tell(&mut self, wanted: &Wanted, answer: &PartitionData) -> bool {
        let turn = self.turns.get(&wanted.key()).copied();
        let Some((turn, mut partition)) =
            turn.and_then(|turn| Some((turn, self.partitions.remove(&turn)?)))
        else {
            return true;
        };
        let has_records = answer.records.as_ref().is_some_and(|records| !records.is_empty());
        let told = (answer.high_watermark, answer.log_start_offset);
        let has_news = has_records
            || partition.told != told
            || answer.error_code != 0
            || answer.diverging_epoch.epoch >= 0;
        // An error is told again and again, until it is gone.
        partition.told = if answer.error_code == 0 { told } else { (-1, -1) };
        if has_records {
            self.push(partition);
        } else {
            self.partitions.insert(turn, partition);
        }
        has_news
    }
}

impl Context {
    /// The session that the client goes on with; 0 is none.
    pub(super) fn session_id(&self) -> i32 {
        match self {
            Self::Sessionless => 0,
            Self::Full(session) | Self::Incremental(session) => {
                session.lock().unwrap_or_else(PoisonError::into_inner).id
            }
        }
    }

    /// Whether an answer to a partition is sent, which is noted if it is.
    pub(super) fn select(&self, wanted: &Wanted, answer: &PartitionData) -> bool {
        match self {
            Self::Sessionless => true,
            Self::Full(session) => {
                session.lock().unwrap_or_else(PoisonError::into_inner).tell(wanted, answer);
                true
            }
            Self::Incremental(session) => {
                session.lock().unwrap_or_else(PoisonError::into_inner).tell(wanted, answer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(session_id: i32, session_epoch: i32, partitions: &[i32]) -> FetchRequest {
        let fetch = |partition: &i32| FetchPartition::default().with_partition(*partition);
        let topic = FetchTopic::default().with_partitions(partitions.iter().map(fetch).collect());
        FetchRequest::default()
            .with_session_id(session_id)
            .with_session_epoch(session_epoch)
            .with_topics(vec![topic])
    }

    fn partitions(wanted: &[Wanted]) -> Vec<i32> {
        wanted.iter().map(|wanted| wanted.fetch.partition).collect()
    }

    #[test]
    fn session_keeps_its_partitions_and_forgets_what_it_is_told_to() {
        let sessions = Sessions::new(2);
        let (context, _) =
            sessions.resolve(&mut request(0, 0, &[1, 2, 3]), false, Timestamp(0)).unwrap();
        let id = context.session_id();
        assert!(id > 0);
        let mut next = request(id, 1, &[4]);
        next.forgotten_topics_data = vec![ForgottenTopic::default().with_partitions(vec![2])];
        let (context, wanted) = sessions.resolve(&mut next, false, Timestamp(0)).unwrap();
        assert_eq!((context.session_id(), partitions(&wanted)), (id, vec![1, 3, 4]));
    }

    #[test]
    fn partition_that_is_named_twice_is_fetched_once() {
        for epoch in [INITIAL_EPOCH, FINAL_EPOCH] {
            let mut request = request(0, epoch, &[1, 2, 1]);
            request.topics.push(request.topics[0].clone());
            let (_, wanted) = Sessions::new(1).resolve(&mut request, false, Timestamp(0)).unwrap();
            assert_eq!(partitions(&wanted), [1, 2]);
        }
    }

    #[test]
    fn session_of_a_wrong_epoch_or_id_is_refused() {
        let sessions = Sessions::new(2);
        let (context, _) = sessions.resolve(&mut request(0, 0, &[1]), false, Timestamp(0)).unwrap();
        let id = context.session_id();
        let refused = |session, epoch| {
            sessions.resolve(&mut request(session, epoch, &[]), false, Timestamp(0)).unwrap_err()
        };
        assert_eq!(refused(id, 2), ErrorCode::InvalidFetchSessionEpoch);
        assert_eq!(refused(id + 1, 1), ErrorCode::FetchSessionIdNotFound);
        let by_id = sessions.resolve(&mut request(id, 1, &[]), true, Timestamp(0)).unwrap_err();
        assert_eq!(by_id, ErrorCode::FetchSessionTopicIdError);
    }

    #[test]
    fn session_without_a_slot_is_none_until_one_is_old() {
        let sessions = Sessions::new(1);
        let open = |now| {
            let resolved =
                sessions.resolve(&mut request(0, 0, &[1]), false, Timestamp(now)).unwrap();
            resolved.0.session_id()
        };
        assert!(open(0) > 0);
        assert_eq!(open(1000), 0);
        assert!(open(EVICTABLE_AFTER_MS) > 0);
    }

    #[test]
    fn incremental_answer_has_only_news() {
        let sessions = Sessions::new(1);
        let (context, _) = sessions.resolve(&mut request(0, 0, &[1]), false, Timestamp(0)).unwrap();
        let id = context.session_id();
        let (incremental, wanted) =
            sessions.resolve(&mut request(id, 1, &[]), false, Timestamp(0)).unwrap();
        let [wanted] = &wanted[..] else { panic!("one partition") };
        let mut answer = PartitionData::default().with_high_watermark(5).with_log_start_offset(0);
        assert!(context.select(wanted, &answer), "the first answer has all");
        let context = incremental;
        assert!(!context.select(wanted, &answer), "and is remembered");
        answer.high_watermark = 6;
        assert!(context.select(wanted, &answer));
        answer.error_code = 1;
        assert!(context.select(wanted, &answer) && context.select(wanted, &answer));
    }
}
