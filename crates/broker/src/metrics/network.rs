//! Connections by listener.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The connections of one listener.
#[derive(Debug)]
pub struct Connections {
    /// The listener's name.
    pub listener: Arc<str>,
    accepted: AtomicU64,
    refused: AtomicU64,
    closed: [AtomicU64; End::ALL.len()],
}

/// Why a connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client closed it, or was lost.
    Client,
    /// Nothing was asked for too long.
    Idle,
    /// A request came too slowly, or its answer was taken too slowly.
    Slow,
    /// What came was no request, or one that cannot be answered.
    Refused,
    /// The broker stopped.
    Stop,
}

impl End {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Client, Self::Idle, Self::Slow, Self::Refused, Self::Stop];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Idle => "idle",
            Self::Slow => "slow",
            Self::Refused => "refused",
            Self::Stop => "stop",
        }
    }
}

impl Connections {
    pub(crate) fn new(listener: &str) -> Self {
        let listener = Arc::from(listener);
        let (accepted, refused) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { listener, accepted, refused, closed: Default::default() }
    }

    /// How many there are now.
    pub fn open(&self) -> u64 {
        let closed: u64 = self.closed.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        self.accepted().saturating_sub(closed)
    }

    /// How many there have been.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// How many were closed at once because their address had enough.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many have ended, and why.
    pub fn closed(&self) -> impl Iterator<Item = (End, u64)> {
        End::ALL.into_iter().zip(self.closed.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    pub(crate) fn on_accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn on_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn on_closed(&self, end: End) {
        if let Some(count) = self.closed.get(end as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}
