//! Answers in JSON of systems that are asked over HTTP.

use http::StatusCode;
use secrecy::ExposeSecret;
use vigie::systems::alertmanager::alert;
use vigie::systems::elasticsearch::{cluster, disk, index, search};
use vigie::systems::oauth::answer::{self, Unissued};
use vigie::systems::prometheus::answer::{self as figures, Figures, Notes};
use vigie::systems::prometheus::{alerts, rules, targets};

use super::laws::{chosen, hold, is_legible};

/// What is asked, in sentences.
const DOING: &str = "asking";
/// The alias of the seeds.
const ALIAS: &str = "bsds";

/// Alerts of Alertmanager.
pub fn alertmanager_answer(data: &[u8]) -> bool {
    let Ok(alerts) = alert::read(DOING, data) else { return false };
    let needs = ["/0/labels", "/0/startsAt", "/0/status", "/0/status/state"];
    hold(data, &alerts, &needs, |bytes| alert::read(DOING, bytes).ok());
    true
}

/// Answers of Prometheus; the first byte says to which question.
pub fn prometheus_answer(data: &[u8]) -> bool {
    const NEEDS: [&str; 2] = ["/status", "/data"];
    let (choice, body) = chosen(data);
    match choice % 7 {
        0 => {
            // Figures that are no numbers are none of themselves.
            let read = |bytes: &[u8]| figures::read(DOING, bytes).ok();
            let Some(answer) = read(body) else { return false };
            noted(&answer.notes);
            let needs = [NEEDS[0], NEEDS[1], "/data/resultType", "/data/result"];
            let told = format!("{answer:?}");
            hold(body, &told, &needs, |bytes| read(bytes).map(|again| format!("{again:?}")));
            if matches!(answer.figures, Figures::Other(_)) {
                assert!(answer.notes.warnings.len() <= 10);
            }
            true
        }
        1 => {
            let read = |bytes: &[u8]| figures::read_ranges(DOING, bytes).ok();
            let Some((ranges, notes)) = read(body) else { return false };
            noted(&notes);
            let told = format!("{ranges:?}");
            hold(body, &told, &NEEDS, |bytes| read(bytes).map(|again| format!("{:?}", again.0)));
            true
        }
        2 => {
            let read = |bytes: &[u8]| targets::read(DOING, bytes).ok();
            let Some(seen) = read(body) else { return false };
            assert!(seen.active.iter().all(|target| is_legible(&target.error, 1_000)));
            hold(body, &seen, &NEEDS, read);
            true
        }
        3 => {
            let read = |bytes: &[u8]| rules::read(DOING, bytes).ok();
            let Some(groups) = read(body) else { return false };
            let mut all = groups.iter().flat_map(|group| &group.rules);
            assert!(all.all(|rule| is_legible(&rule.error, 1_000)));
            let needs = [NEEDS[0], NEEDS[1], "/data/groups", "/data/groups/0/rules"];
            hold(body, &groups, &needs, read);
            true
        }
        4 => taken(body, &[NEEDS[0], NEEDS[1], "/data/alerts"], |bytes| {
            alerts::read(DOING, bytes).ok()
        }),
        5 => taken(body, &[NEEDS[0], NEEDS[1], "/data/activeAlertmanagers"], |bytes| {
            alerts::read_alertmanagers(DOING, bytes).ok()
        }),
        _ => taken(body, &[NEEDS[0], NEEDS[1], "/data/reloadConfigSuccess"], |bytes| {
            rules::read_reloaded(DOING, bytes).ok()
        }),
    }
}

/// What is said beside an answer is bounded.
fn noted(notes: &Notes) {
    for words in [&notes.warnings, &notes.infos] {
        assert!(words.len() <= 10 && words.iter().all(|word| is_legible(word, 1_000)), "{words:?}");
    }
}

/// Answers of Elasticsearch; the first byte says to which question.
pub fn elasticsearch_answer(data: &[u8]) -> bool {
    let (choice, body) = chosen(data);
    match choice % 8 {
        0 => taken(body, &["/version", "/version/number"], |bytes| {
            let version = cluster::read_version(DOING, bytes).ok()?;
            assert!(is_legible(&version.number, 40));
            Some(version)
        }),
        1 => {
            let needs = [
                "/status",
                "/timed_out",
                "/number_of_nodes",
                "/number_of_data_nodes",
                "/unassigned_shards",
                "/initializing_shards",
            ];
            taken(body, &needs, |bytes| cluster::read_health(DOING, bytes).ok())
        }
        2 => taken(body, &[], |bytes| {
            let names = index::read_alias(DOING, bytes, ALIAS).ok()?;
            assert!(names.iter().all(|name| is_legible(name, 128)));
            Some(names)
        }),
        3 => {
            taken(body, &["/0/index", "/0/status"], |bytes| index::read_indices(DOING, bytes).ok())
        }
        4 => taken(body, &["/0/node"], |bytes| {
            let disks = disk::read_disks(DOING, bytes).ok()?;
            let mut rooms = disks.iter().filter_map(|disk| disk.room);
            assert!(rooms.all(|room| room.total > 0 && (0.0..=1.0).contains(&room.used())));
            Some(disks)
        }),
        5 => taken(body, &["/persistent", "/transient"], |bytes| {
            let marks = disk::read_watermarks(DOING, bytes).ok()?;
            for mark in [marks.low, marks.high, marks.flood] {
                if let disk::Mark::Used { share, headroom: _ } = mark {
                    assert!((0.0..=1.0).contains(&share), "{share} of a disk");
                }
            }
            Some(marks)
        }),
        6 => taken(body, &[], |bytes| disk::read_blocked(DOING, bytes).ok()),
        _ => {
            let needs = ["/timed_out", "/_shards/total", "/_shards/failed", "/hits", "/hits/total"];
            taken(body, &needs, |bytes| search::read(DOING, bytes).ok())
        }
    }
}

/// Whether a body is taken; one that is, is held to the laws of JSON.
fn taken<T: PartialEq + std::fmt::Debug>(
    body: &[u8],
    needs: &[&str],
    read: impl Fn(&[u8]) -> Option<T>,
) -> bool {
    let Some(answer) = read(body) else { return false };
    hold(body, &answer, needs, read);
    true
}

/// Answers of an endpoint of tokens: two bytes of status, then the body.
pub fn oauth_answer(data: &[u8]) -> bool {
    let Some((status, body)) = data.split_first_chunk::<2>() else { return false };
    let Ok(status) = StatusCode::from_u16(u16::from_be_bytes(*status)) else { return false };
    let issued = match answer::read(status, body) {
        Ok(issued) => issued,
        Err(Unissued::Refused(_, why) | Unissued::Unusable(why)) => {
            assert!(why.len() < 100 && is_legible(&why, 100), "{why:?} repeats foreign words");
            return false;
        }
        Err(Unissued::Throttled) => return false,
        Err(Unissued::ServerError(code)) => {
            assert!((500..600).contains(&code));
            return false;
        }
    };
    let token = issued.token.expose_secret();
    assert!(status.is_success(), "a token came with {status}");
    assert!(!token.is_empty() && token.len() <= 32 * 1024);
    assert!(token.bytes().all(|byte| byte.is_ascii_graphic()), "a token that can't be sent");
    let read = |bytes: &[u8]| {
        let issued = answer::read(status, bytes).ok()?;
        Some((issued.token.expose_secret().to_owned(), issued.lasts))
    };
    let told = (token.to_owned(), issued.lasts);
    hold(body, &told, &["/access_token"], read);
    for code in [400, 401, 403, 404, 429, 500] {
        let refusing = StatusCode::from_u16(code).unwrap_or_default();
        assert!(
            answer::read(refusing, body).is_ok() == refusing.is_success(),
            "{code} gives a token"
        );
    }
    true
}
