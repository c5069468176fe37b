//! Redis, and the queues in it, as they really are: Debian's `redis-server` and `redis-sentinel`,
//! and queues made by the packages `bull` and `bullmq`.

mod broken;
mod claims;
mod cluster;
mod counting;
mod discovery;
mod libraries;
pub mod node;
mod proxy;
mod repeating;
mod sentinel;
pub mod server;
mod six;
mod store;
mod trips;

use std::time::Duration;

use vigie::model::judgement::Judgement;
use vigie::model::measure::Sample;
use vigie::model::reason::Reason;

/// How long anything may take that has to become true.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again until `wanted` holds of what is said.
async fn until<F>(mut look: impl FnMut() -> F, wanted: impl Fn(&Judgement) -> bool) -> Judgement
where
    F: Future<Output = Judgement>,
{
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let judgement = look().await;
        if wanted(&judgement) {
            return judgement;
        }
        let now = tokio::time::Instant::now();
        assert!(now < end, "never came to be: {:#?}", judgement.lines());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The value of a series, if there is such a row.
fn value(judgement: &Judgement, measure: &str, labels: &[&str]) -> Option<f64> {
    let is = |sample: &&Sample| {
        sample.measure.name == measure
            && sample.labels.iter().map(|l| &**l).eq(labels.iter().copied())
    };
    judgement.samples().iter().find(is).map(|sample| sample.value)
}

/// The reasons of all lines that do not pass.
fn reasons(judgement: &Judgement) -> Vec<&'static str> {
    judgement.lines().iter().filter_map(|line| line.reason).map(Reason::code).collect()
}
