//! How many round trips a look at 18 queues costs Redis and its Sentinel, whatever their length.
//!
//! `cargo bench --bench round_trips` starts a real `redis-server` and a real sentinel, each behind a
//! proxy that counts, gives every queue a worker and jobs as Bull writes them, and looks: cold, and
//! then once connected. The time is the median of a hundred looks.
//!
//! Budget: 3 round trips a look once connected, through Sentinel.

#![expect(clippy::expect_used, clippy::panic, reason = "a bench that can't run ends")]

mod ground {
    pub(crate) mod figures;
    pub(crate) mod times;
}
#[path = "../tests/it/redis/proxy.rs"]
#[expect(dead_code, unreachable_pub, reason = "the proxy of the tests, used in part")]
mod proxy;
#[path = "../tests/it/redis/server.rs"]
#[expect(dead_code, unreachable_pub, reason = "the servers of the tests, used in part")]
mod server;
#[path = "../tests/it/support.rs"]
#[expect(dead_code, unreachable_pub, reason = "the support of the tests, used in part")]
mod support;

use std::time::Duration;

use tokio::time::Instant;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::redis::{TRACKDECHETS_QUEUES, Worker};

use ground::figures::Figures;
use ground::times::{millis, quantile};
use proxy::Proxy;
use server::Server;

/// Jobs that wait in each queue.
const LENGTHS: [u32; 3] = [0, 100, 10_000];
const LOOKS: usize = 100;
/// So slow that a worker keeps to its first job.
const PACE: Duration = Duration::from_hours(1);

#[tokio::main]
async fn main() {
    let mut figures = Figures::new("A look at 18 queues, in round trips");
    for length in LENGTHS {
        let redis = Server::redis(&[]).await;
        let sentinel = Server::sentinel(redis.port).await;
        fill(&redis, length).await;
        let mut workers = Vec::new();
        for queue in TRACKDECHETS_QUEUES {
            let at = ([127, 0, 0, 1], redis.port).into();
            workers.push(Worker::start(at, queue, PACE).await.expect("a worker"));
        }
        measure(&mut figures, length, &redis, &sentinel).await;
    }
    figures.print();
}

async fn measure(figures: &mut Figures, length: u32, redis: &Server, sentinel: &Server) {
    let master = Proxy::start(([127, 0, 0, 1], redis.port).into()).await;
    let sentinels = Proxy::start(([127, 0, 0, 1], sentinel.port).into()).await;
    let systems = support::systems(
        &format!(
            "redis: {{ default: {{ url: 'redis://{}' }}, \
             through: {{ sentinel: {{ addresses: ['{}'], master: mymaster }} }} }}",
            master.address, sentinels.address
        ),
        Clock::System,
    );
    let row = |what: &str| format!("{length} jobs a queue: {what}");
    look("default", &systems).await;
    let cold = master.counts()[0];
    look("default", &systems).await;
    let warm = master.counts()[0] - cold;
    figures.row(&row("by URL, cold"), cold, "");
    figures.row(&row("by URL"), warm, "3");
    // The sentinel names the master itself: behind its proxy it is asked alone.
    look("through", &systems).await;
    let before = sentinels.counts()[0];
    look("through", &systems).await;
    let asked = sentinels.counts()[0] - before;
    figures.row(&row("through Sentinel"), format!("{} ({asked} + {warm})", asked + warm), "3");
    let mut times = Vec::new();
    for _ in 0..LOOKS {
        let began = Instant::now();
        look("default", &systems).await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    figures.row(&row("time, p50"), millis(quantile(&times, 50)), "");
}

/// One look, which must have seen every queue.
async fn look(connection: &str, systems: &Systems) {
    let queues = TRACKDECHETS_QUEUES.join(", ");
    let check = format!("bull_queue: {{ connection: {connection}, queues: [{queues}] }}");
    let judgement = support::look(&check, systems).await;
    assert_eq!(judgement.reason().map(Reason::code), None, "{}", judgement.because());
}

/// Jobs in every queue, as Bull writes them.
async fn fill(redis: &Server, length: u32) {
    let client = redis::Client::open(redis.url()).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
    let now = Clock::System.now().as_millisecond();
    for queue in TRACKDECHETS_QUEUES {
        let mut pipe = redis::pipe();
        // One of each is finished, so that a queue without waiting jobs exists, too.
        pipe.zadd(format!("bull:{queue}:completed"), "0", now).ignore();
        pipe.set(format!("bull:{queue}:id"), length).ignore();
        for id in 1..=length {
            pipe.hset(format!("bull:{queue}:{id}"), "timestamp", now).ignore();
            pipe.lpush(format!("bull:{queue}:wait"), id).ignore();
        }
        pipe.query_async::<()>(&mut connection).await.expect("jobs");
    }
}
