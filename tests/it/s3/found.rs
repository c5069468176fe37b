//! Whatever the layout and the gaps between backups: the search finds what a whole listing shows.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use vigie::model::zone::Zone;
use vigie::systems::s3::{Backup, NEWEST, Patience, Template, Wanted};
use vigie_sim::s3::Object;

use super::fixture::{BUCKET, Fixture, now};

/// Numbers that look like chance and are the same at each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Times before now: in bursts, with long gaps, over years.
fn times(chance: &mut Chance) -> Vec<Timestamp> {
    let mut at = now() - SignedDuration::from_secs(below(chance, 40 * 86_400));
    let mut times = Vec::new();
    for _ in 0..40 + chance.below(300) {
        times.push(at);
        let gap = match chance.below(20) {
            0 => below(chance, 90 * 86_400),
            1..5 => 86_400 + below(chance, 600),
            _ => 1 + below(chance, 3_600),
        };
        at -= SignedDuration::from_secs(gap);
    }
    times
}

fn below(chance: &mut Chance, limit: u64) -> i64 {
    i64::try_from(chance.below(limit)).expect("a small number")
}

/// What else lies in the bucket: before, between and after.
fn noise(chance: &mut Chance, keys: &[String]) -> Vec<String> {
    let mut noise: Vec<String> = (0..chance.below(30)).map(|n| format!("a/{n}")).collect();
    noise.extend((0..chance.below(30)).map(|n| format!("zz-{n}")));
    for key in keys {
        if chance.below(4) == 0 {
            noise.extend((0..chance.below(12)).map(|n| format!("{key}.part{n:02}")));
        }
    }
    noise
}

#[tokio::test]
async fn the_search_finds_what_a_whole_listing_shows() {
    for form in [
        "%Y-%m-%d/dump-%H%M%S.gz",
        "%Y/%m/%d/%H%M%S.gz",
        "dump-%Y%m%dT%H%M%S.gz",
        "%Y%m%dT%H%M%S/data/whole.json",
        "%s.dump",
        "%Y%m%d%H%M%S",
    ] {
        for seed in 0..5 {
            let mut chance = Chance(seed);
            let times = times(&mut chance);
            let keys: Vec<String> = times.iter().map(|at| at.strftime(form).to_string()).collect();
            let fixture = Fixture::new().await;
            fixture.store.set_page(12 + usize::try_from(chance.below(40)).expect("small"));
            let noise = noise(&mut chance, &keys).into_iter();
            let noise = noise.map(|key| (key, Object { size: 1, modified: now() }));
            fixture.store.extend(BUCKET, noise);
            let dumps = keys.iter().zip(&times);
            let dumps = dumps.map(|(key, at)| (key.clone(), Object { size: 1, modified: *at }));
            fixture.store.extend(BUCKET, dumps);
            let wanted = Wanted {
                bucket: BUCKET,
                prefix: "",
                keys: &Template::parse(form).expect("a template"),
                matching: None,
                zone: &Zone::default(),
                newest: NEWEST,
                most_requests: 1_000,
            };
            let until = Instant::now() + Duration::from_secs(30);
            let patience = Patience { until, fresh_within: Duration::ZERO };
            let store = fixture.systems.s3.open("backups", patience).await.expect("keys");
            let shelf = store.shelf(&wanted).await;
            let shelf = shelf.expect("an answer").expect("a bucket");
            let found: Vec<_> = shelf.newest.iter().map(Backup::taken).take(NEWEST).collect();
            assert_eq!(found, times[..NEWEST], "{form}, seed {seed}, {} requests", shelf.requests);
            let oldest = shelf.oldest.as_ref().map(Backup::taken);
            assert_eq!(oldest.as_ref(), times.last(), "the oldest; {form}, seed {seed}");
            assert!(shelf.count.is_none_or(|count| count == times.len() as u64), "{form}");
        }
    }
}
