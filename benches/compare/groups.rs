//! A consumer group of 50 members: how long it takes until everyone has its partitions after one has come or gone.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use client::{Client, ClientOptions, GroupMember, GroupOptions, Heartbeat};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::bench::{Bench, Values};
use crate::wire::Result;

/// A member learns from its heartbeat that it has to join again, so this is the part of the time that is the clients'.
const HEARTBEAT: Duration = Duration::from_millis(20);
/// After so long without a rebalance the group is settled.
const QUIET: Duration = HEARTBEAT.saturating_mul(20);
const SESSION: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_secs(300);

/// How often one comes and goes.
const TURNS: usize = 3;

/// Tells which member has its partitions, and since when.
type Settled = mpsc::UnboundedSender<(usize, Instant)>;
type Settles = mpsc::UnboundedReceiver<(usize, Instant)>;

pub(crate) fn measure(bench: &Bench<'_>, topic: &str, members: usize) -> Result<Values> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let address = bench.broker.address().to_owned();
    let topic = topic.to_owned();
    runtime.block_on(async move {
        match tokio::time::timeout(LIMIT, rebalance(&address, &topic, members)).await {
            Ok(result) => result,
            Err(_) => Err(format!("the group did not settle within {LIMIT:?}").into()),
        }
    })
}

async fn rebalance(address: &str, topic: &str, members: usize) -> Result<Values> {
    let (stop, stopped) = watch::channel(false);
    let (settled, mut settles) = mpsc::unbounded_channel();
    let mut group = JoinSet::new();
    for number in 0..members {
        let joining = join(address.to_owned(), topic.to_owned());
        group.spawn(run(number, joining, settled.clone(), stopped.clone()));
    }
    all(&mut settles, members).await?;
    let (mut joins, mut leaves) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        quiet(&mut settles).await;
        let start = Instant::now();
        let member = join(address.to_owned(), topic.to_owned()).await?;
        let joined = Instant::now();
        joins.push(all(&mut settles, members).await?.max(joined) - start);
        quiet(&mut settles).await;
        let start = Instant::now();
        member.leave().await?;
        leaves.push(all(&mut settles, members).await? - start);
    }
    let _heard = stop.send(true);
    while let Some(ended) = group.join_next().await {
        ended??;
    }
    let middle = |mut times: Vec<Duration>| {
        times.sort();
        times.get(TURNS / 2).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    Ok(vec![("join ms", middle(joins)), ("leave ms", middle(leaves))])
}

async fn join(address: String, topic: String) -> Result<GroupMember> {
    let client = Client::new(ClientOptions::new(vec![address]));
    let options = GroupOptions {
        group_id: format!("{topic}-group"),
        topics: vec![topic],
        session_timeout: SESSION,
        rebalance_timeout: SESSION,
    };
    Ok(GroupMember::join(client, options).await?)
}

/// One member: heartbeats, and joins again when it must.
async fn run(
    number: usize,
    joining: impl Future<Output = Result<GroupMember>>,
    settled: Settled,
    stopped: watch::Receiver<bool>,
) -> Result<()> {
    let mut member = joining.await?;
    settled.send((number, Instant::now()))?;
    while !*stopped.borrow() {
        tokio::time::sleep(HEARTBEAT).await;
        if member.heartbeat().await? == Heartbeat::Rejoin {
            member.rejoin().await?;
            settled.send((number, Instant::now()))?;
        }
    }
    Ok(member.leave().await?)
}

/// When the last of all members had its partitions.
async fn all(settles: &mut Settles, members: usize) -> Result<Instant> {
    let mut last = Instant::now();
    let mut settled = HashSet::new();
    while settled.len() < members {
        let (number, at) = settles.recv().await.ok_or("all members are gone")?;
        settled.insert(number);
        last = at;
    }
    Ok(last)
}

/// Waits until no rebalance follows.
async fn quiet(settles: &mut Settles) {
    while tokio::time::timeout(QUIET, settles.recv()).await.is_ok() {}
}
