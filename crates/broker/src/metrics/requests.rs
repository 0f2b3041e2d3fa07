//! Requests by API: how many, how long they took, how large they were, and the errors in their answers.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use protocol::ErrorCode;
use protocol::api::ApiKey;

use super::histogram::Histogram;

/// The requests of all APIs.
#[derive(Debug)]
pub struct Requests(Box<[ApiRequests]>);

/// The requests of one API.
#[derive(Debug, Default)]
pub struct ApiRequests {
    /// From when a request was read whole until its answer was written, long polls included.
    pub latency: Histogram,
    request_bytes: AtomicU64,
    response_bytes: AtomicU64,
    /// By code, from -1 on; made with the first error.
    errors: OnceLock<Box<[AtomicU64]>>,
}

impl Default for Requests {
    fn default() -> Self {
        let last = ApiKey::ALL.iter().map(|api| place(*api)).max().unwrap_or_default();
        Self((0..=last).map(|_| ApiRequests::default()).collect())
    }
}

impl Requests {
    /// The APIs that have been asked for, with their requests.
    pub fn asked(&self) -> impl Iterator<Item = (ApiKey, &ApiRequests)> {
        let all = ApiKey::ALL.iter().map(|api| (*api, self.of(*api)));
        all.filter(|(_, requests)| requests.request_bytes() > 0)
    }

    pub(crate) fn of(&self, api: ApiKey) -> &ApiRequests {
        self.0.get(place(api)).expect("every API has its place")
    }
}

impl ApiRequests {
    /// The bytes of all requests, their frames' lengths included.
    pub fn request_bytes(&self) -> u64 {
        self.request_bytes.load(Ordering::Relaxed)
    }

    /// The bytes of all answers, their frames' lengths included.
    pub fn response_bytes(&self) -> u64 {
        self.response_bytes.load(Ordering::Relaxed)
    }

    /// The errors that have been answered, and how often. An answer may hold many, one for each partition for example.
    pub fn errors(&self) -> impl Iterator<Item = (ErrorCode, u64)> {
        let counts = self.errors.get().into_iter().flatten();
        let counts = (-1..).zip(counts.map(|count| count.load(Ordering::Relaxed)));
        let answered = counts.filter(|(_, count)| *count > 0);
        answered.filter_map(|(code, count)| Some((ErrorCode::from_code(code)?, count)))
    }

    pub(crate) fn on_request(&self, bytes: usize) {
        self.request_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn on_response(&self, bytes: usize) {
        self.response_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn on_done(&self, latency: Duration) {
        self.latency.observe(latency);
    }

    pub(crate) fn on_error(&self, code: i16) {
        let errors = self.errors.get_or_init(|| {
            let last = ErrorCode::ALL.iter().map(|code| code.code()).max().unwrap_or_default();
            (-1..=last).map(|_| AtomicU64::new(0)).collect()
        });
        let count = usize::try_from(i32::from(code) + 1).ok().and_then(|idx| errors.get(idx));
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn place(api: ApiKey) -> usize {
    usize::try_from(api.key()).expect("keys are not negative")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_api_and_errors_by_code() {
        let requests = Requests::default();
        let fetch = requests.of(ApiKey::Fetch);
        fetch.on_request(100);
        fetch.on_response(7);
        fetch.on_done(Duration::from_millis(3));
        for code in [-1, 3, 3, i16::MAX, i16::MIN] {
            fetch.on_error(code);
        }
        let asked: Vec<_> = requests.asked().map(|(api, _)| api).collect();
        assert_eq!(asked, [ApiKey::Fetch]);
        assert_eq!((fetch.request_bytes(), fetch.response_bytes()), (100, 7));
        assert_eq!(fetch.latency.observed().count, 1);
        let errors: Vec<_> = fetch.errors().collect();
        let expected =
            [(ErrorCode::UnknownServerError, 1), (ErrorCode::UnknownTopicOrPartition, 2)];
        assert_eq!(errors, expected);
    }
}
