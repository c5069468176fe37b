//! What provocations stand on: a server, and systems that are connected to it.

use std::time::Duration;

use vigie::model::judgement::Judgement;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::postgres::Postgres;

use crate::support::{look_within, systems};

pub async fn server() -> Postgres {
    Postgres::start().await.expect("a server")
}

fn connection(server: &Postgres) -> String {
    let port = server.address().port();
    format!("postgres: {{ default: {{ host: 127.0.0.1, port: {port}, user: vigie }} }}")
}

pub fn systems_of(server: &Postgres) -> Systems {
    systems(&connection(server), Clock::System)
}

/// The same, with a clock that is set by hand.
pub fn by_hand(server: &Postgres) -> (Systems, Clock) {
    let clock = Clock::manual(Clock::System.now());
    (systems(&connection(server), clock.clone()), clock)
}

/// A look at `parameters` of a server.
pub async fn over(server: &Postgres, parameters: &str) -> Judgement {
    let check = format!("postgres: {{ {parameters} }}");
    look_within(Duration::from_secs(10), &check, &systems_of(server)).await
}
