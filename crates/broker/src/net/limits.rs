//! How many connections there may be: in all, on each listener, and from each address (`ConnectionQuotas`).
//!
//! As in Kafka a connection over `max.connections` waits until another ends, and one over the limit of its address is
//! closed. The listener between brokers, if it is not the only one, is not held up by what clients have taken.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The limits. They may change while connections are open, which ends none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// `max.connections`, and no more than the process can open.
    pub max: usize,
    /// `max.connections` of single listeners, by their names.
    pub max_by_listener: HashMap<String, usize>,
    /// `max.connections.per.ip`.
    pub max_per_ip: usize,
    /// `max.connections.per.ip.overrides`.
    pub max_by_ip: HashMap<IpAddr, usize>,
    /// The listener that `max` does not hold for.
    pub exempt_listener: Option<String>,
}

/// The connections of all listeners, counted.
#[derive(Debug)]
pub struct ConnectionCounts {
    counts: Mutex<Counts>,
    /// Woken when a connection has ended, or the limits have changed.
    changed: Notify,
}

#[derive(Debug)]
struct Counts {
    limits: ConnectionLimits,
    all: usize,
    by_listener: HashMap<Arc<str>, usize>,
    by_ip: HashMap<IpAddr, usize>,
}

/// One connection in the counts, until it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    counts: Arc<ConnectionCounts>,
    listener: Arc<str>,
    ip: IpAddr,
}

/// There are as many connections from an address as there may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooManyFromIp {
    pub(super) max: usize,
}

impl ConnectionCounts {
    /// No connections yet.
    pub(crate) fn new(limits: ConnectionLimits) -> Arc<Self> {
        let (by_listener, by_ip) = (HashMap::new(), HashMap::new());
        let counts = Mutex::new(Counts { limits, all: 0, by_listener, by_ip });
        Arc::new(Self { counts, changed: Notify::new() })
    }

    /// Sets other limits.
    pub(crate) fn set_limits(&self, limits: ConnectionLimits) {
        self.lock().limits = limits;
        self.changed.notify_waiters();
    }

    /// Counts a connection in, waiting until there is room for it.
    pub(super) async fn enter(
        self: &Arc<Self>,
        listener: &Arc<str>,
        ip: IpAddr,
    ) -> Result<Counted, TooManyFromIp> {
        // An IPv4 client is the same on a socket of IPv6.
        let ip = ip.to_canonical();
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // What ends from here on is not missed.
            changed.as_mut().enable();
            let entered = self.lock().enter(listener, ip);
            match entered {
                Some(Ok(())) => {
                    let (counts, listener) = (Arc::clone(self), Arc::clone(listener));
                    return Ok(Counted { counts, listener, ip });
                }
                Some(Err(err)) => return Err(err),
                None => changed.await,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Counts a connection in; `None` if there is no room.
    fn enter(&mut self, listener: &Arc<str>, ip: IpAddr) -> Option<Result<(), TooManyFromIp>> {
        let limits = &self.limits;
        let on_listener = self.by_listener.entry(Arc::clone(listener)).or_insert(0);
        let is_exempt = limits.exempt_listener.as_deref() == Some(&**listener);
        let listener_max = limits.max_by_listener.get(&**listener).copied().unwrap_or(usize::MAX);
        if *on_listener >= listener_max || !is_exempt && self.all >= limits.max {
            return None;
        }
        let max = limits.max_by_ip.get(&ip).copied().unwrap_or(limits.max_per_ip);
        let from_ip = self.by_ip.get(&ip).copied().unwrap_or_default();
        if from_ip >= max {
            return Some(Err(TooManyFromIp { max }));
        }
        self.by_ip.insert(ip, from_ip + 1);
        *on_listener += 1;
        self.all += 1;
        Some(Ok(()))
    }

    fn leave(&mut self, listener: &Arc<str>, ip: IpAddr) {
        self.all -= 1;
        if let Some(count) = self.by_listener.get_mut(listener) {
            *count -= 1;
        }
        if let Some(count) = self.by_ip.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                self.by_ip.remove(&ip);
            }
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counts.lock().leave(&self.listener, self.ip);
        self.counts.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn limits() -> ConnectionLimits {
        ConnectionLimits {
            max: usize::MAX,
            max_by_listener: HashMap::new(),
            max_per_ip: usize::MAX,
            max_by_ip: HashMap::new(),
            exempt_listener: None,
        }
    }

    /// `None` if it has to wait.
    async fn enter(
        counts: &Arc<ConnectionCounts>,
        listener: &str,
        ip: IpAddr,
    ) -> Option<Result<Counted, TooManyFromIp>> {
        let listener = Arc::from(listener);
        tokio::time::timeout(Duration::from_millis(1), counts.enter(&listener, ip)).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn connection_over_the_limit_of_all_waits_for_another_to_end() {
        let counts = ConnectionCounts::new(ConnectionLimits { max: 2, ..limits() });
        let first = enter(&counts, "A", HERE).await.unwrap().unwrap();
        let _second = enter(&counts, "B", THERE).await.unwrap().unwrap();
        assert!(enter(&counts, "A", HERE).await.is_none());
        let listener = Arc::from("A");
        let (third, ()) =
            tokio::join!(counts.enter(&listener, HERE), async { drop::<Counted>(first) });
        assert!(third.is_ok());
        assert!(enter(&counts, "B", HERE).await.is_none());
        counts.set_limits(ConnectionLimits { max: 3, ..limits() });
        assert!(enter(&counts, "B", HERE).await.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn listener_has_a_limit_of_its_own_and_one_may_be_exempt_from_that_of_all() {
        let max_by_listener = HashMap::from([("A".to_owned(), 1)]);
        let exempt_listener = Some("B".to_owned());
        let limits = ConnectionLimits { max: 1, max_by_listener, exempt_listener, ..limits() };
        let counts = ConnectionCounts::new(limits);
        let _first = enter(&counts, "A", HERE).await.unwrap().unwrap();
        assert!(enter(&counts, "A", HERE).await.is_none());
        let _between_brokers = enter(&counts, "B", HERE).await.unwrap().unwrap();
        assert!(enter(&counts, "C", HERE).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn connection_over_the_limit_of_its_address_is_refused() {
        let max_by_ip = HashMap::from([(THERE, 1)]);
        let counts =
            ConnectionCounts::new(ConnectionLimits { max_per_ip: 2, max_by_ip, ..limits() });
        let first = enter(&counts, "A", HERE).await.unwrap().unwrap();
        let _second = enter(&counts, "B", HERE).await.unwrap().unwrap();
        let refused = |max| Some(TooManyFromIp { max });
        assert_eq!(enter(&counts, "A", HERE).await.unwrap().err(), refused(2));
        drop(first);
        assert!(enter(&counts, "A", HERE).await.unwrap().is_ok());
        let _there = enter(&counts, "A", THERE).await.unwrap().unwrap();
        assert_eq!(enter(&counts, "A", THERE).await.unwrap().err(), refused(1));
        let mapped = IpAddr::V6(std::net::Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped());
        assert_eq!(enter(&counts, "A", mapped).await.unwrap().err(), refused(1));
    }
}
