//! Repeatable jobs: whether the next run of each is on its way.
//!
//! Both libraries keep when each is due in a sorted set, and move it on when a worker takes the job
//! up that was added for that time. So one whose time has passed waits for a worker, which its
//! queue's backlog tells, or its job is gone, and then it never comes again.

use jiff::Timestamp;
use md5::{Digest, Md5};

use super::super::seen::{Library, Overdue};
use super::answers::{Answers, number, time, whole};
use super::keys::Keys;
use crate::model::finding::Obstacle;
use crate::systems::redis::{Command, Verb};

/// The longest key of a repeatable job that is looked up, in bytes.
const LONGEST_KEY: usize = 1_024;

/// A repeatable job whose time has passed.
pub(super) struct Repeat {
    key: Vec<u8>,
    due: Timestamp,
    /// The jobs that the library may have added for that time.
    jobs: Vec<Vec<u8>>,
    library: Library,
}

/// Those whose time has passed, of a list of keys and scores. One of Bull 4 whose name or id holds a
/// colon is left out: Bull itself can't take its key apart.
pub(super) fn passed(
    list: &[Option<&[u8]>],
    library: Library,
    now: Timestamp,
) -> Result<Vec<Repeat>, Obstacle> {
    let mut repeats = Vec::new();
    for pair in list.chunks_exact(2) {
        let (Some(key), Some(score)) = (pair[0], pair[1]) else { continue };
        let due = time(whole(score)?)?;
        if due > now || key.len() > LONGEST_KEY {
            continue;
        }
        let legacy = Legacy::read(key);
        if legacy.as_ref().and_then(|legacy| legacy.ends).is_some_and(|ends| ends <= due) {
            continue;
        }
        let millis = due.as_millisecond();
        let jobs = match (library, &legacy) {
            (Library::Bull, Some(legacy)) => vec![legacy.job(key, millis, b":")],
            (Library::Bull, None) => continue,
            (Library::BullMq, legacy) => {
                let own = [b"repeat:", key, format!(":{millis}").as_bytes()].concat();
                let legacy = legacy.as_ref().map(|legacy| legacy.job(key, millis, b""));
                [own].into_iter().chain(legacy).collect()
            }
        };
        repeats.push(Repeat { key: key.to_vec(), due, jobs, library });
    }
    Ok(repeats)
}

impl Repeat {
    /// How many questions there are about it.
    pub(super) fn asked(&self) -> usize {
        self.jobs.len() + 1
    }

    /// Whether its job is there and unfinished, and whether it was to end.
    pub(super) fn questions(&self, keys: &Keys) -> Vec<Command> {
        let job = |id: &Vec<u8>| {
            Command::new(Verb::Hmget, keys.key(id))
                .with("timestamp")
                .with("finishedOn")
                .with("opts")
        };
        let mut questions: Vec<_> = self.jobs.iter().map(job).collect();
        let scheduler = keys.key([&b"repeat:"[..], &self.key].concat());
        let scheduler = Command::new(Verb::Hmget, scheduler);
        questions.push(scheduler.with("limit").with("ic").with("endDate"));
        questions
    }

    /// That nothing comes of it any more, though it has not ended.
    pub(super) fn overdue(
        &self,
        answers: &mut Answers<'_>,
        now: Timestamp,
    ) -> Result<Option<Overdue>, Obstacle> {
        let Self { key, due, jobs, library } = self;
        let mut gone = true;
        let mut mine = answers.take(self.asked());
        for _ in jobs {
            let fields = mine.next()?.list()?;
            let field = |at: usize| fields.get(at).copied().flatten();
            let there = field(0).is_some();
            gone &= !(there && field(1).is_none());
            gone &= !field(2).is_some_and(|options| *library == Library::Bull && last(options));
        }
        let scheduler = mine.next()?.list()?;
        let field = |at: usize| number(scheduler.get(at).copied().flatten()).ok().flatten();
        let exhausted = field(0).zip(field(1)).is_some_and(|(limit, runs)| runs >= limit);
        let ended = field(2).and_then(|end| Timestamp::from_millisecond(end).ok());
        let ended = ended.is_some_and(|end| end <= now);
        let key = String::from_utf8_lossy(key).into_owned();
        Ok((gone && !exhausted && !ended).then_some(Overdue { key, due: *due }))
    }
}

/// Whether a job of Bull 4 was the last of its `limit`, by its options.
fn last(options: &[u8]) -> bool {
    let options: Option<serde_json::Value> = serde_json::from_slice(options).ok();
    let number = |name: &str| options.as_ref()?.get("repeat")?.get(name)?.as_u64();
    number("limit").zip(number("count")).is_some_and(|(limit, count)| count >= limit)
}

/// A key of the form `name:id:end:zone:cron` or `name:id:end:every`, as Bull 4 and older versions of
/// `BullMQ` write it.
struct Legacy<'a> {
    name: &'a [u8],
    id: &'a [u8],
    ends: Option<Timestamp>,
}

impl<'a> Legacy<'a> {
    fn read(key: &'a [u8]) -> Option<Self> {
        let parts: Vec<_> = key.split(|byte| *byte == b':').collect();
        let (name, id, end, every) = match parts.as_slice() {
            [name, id, end, every] => (*name, *id, *end, Some(*every)),
            [name, id, end, _zone, _cron] => (*name, *id, *end, None),
            _ => return None,
        };
        if every.is_some_and(|every| every.is_empty() || !every.iter().all(u8::is_ascii_digit)) {
            return None;
        }
        let ends = if end.is_empty() {
            None
        } else {
            let millis = std::str::from_utf8(end).ok()?.parse().ok()?;
            Some(Timestamp::from_millisecond(millis).ok()?)
        };
        Some(Self { name, id, ends })
    }

    /// The id of the job for one time. `after` is what the library writes behind the id.
    fn job(&self, key: &[u8], millis: i64, after: &[u8]) -> Vec<u8> {
        let sum = [self.name, self.id, after, md5(key).as_bytes()].concat();
        format!("repeat:{}:{millis}", md5(&sum)).into_bytes()
    }
}

fn md5(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::redis::Reply;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    fn keys(list: &[(&str, &str)], library: Library) -> Vec<String> {
        let list: Vec<_> = list
            .iter()
            .flat_map(|(key, score)| [Some(key.as_bytes()), Some(score.as_bytes())])
            .collect();
        let repeats = passed(&list, library, at(2_000)).unwrap();
        repeats.into_iter().map(|repeat| String::from_utf8(repeat.key).unwrap()).collect()
    }

    #[test]
    fn only_what_is_due_and_has_not_ended_is_looked_for() {
        let all = [
            ("a:::60000", "1000"),
            ("b:::Europe/Paris:0 3 * * *", "1000"),
            ("later:::60000", "3000"),
            ("ended::999:60000", "1000"),
            ("with:a:colon:::60000", "1000"),
        ];
        assert_eq!(keys(&all, Library::Bull), ["a:::60000", "b:::Europe/Paris:0 3 * * *"]);
        assert_eq!(keys(&[("nightly", "1000")], Library::BullMq), ["nightly"]);
    }

    #[test]
    fn a_job_that_is_on_its_way_or_was_the_last_one_is_not_missed() {
        let bulk = |text: &str| format!("${}\r\n{text}\r\n", text.len());
        let nil = || "$-1\r\n".to_owned();
        let three =
            |a: String, b: String, c: String| Reply::read(format!("*3\r\n{a}{b}{c}").as_bytes());
        let overdue = |library, job: [String; 3], scheduler: [String; 3]| {
            let list = [Some(&b"a:::60000"[..]), Some(&b"1000"[..])];
            let repeat = passed(&list, library, at(2_000)).unwrap().remove(0);
            let jobs = repeat.jobs.len();
            let mut replies =
                vec![three(job[0].clone(), job[1].clone(), job[2].clone()).unwrap(); jobs];
            let [a, b, c] = scheduler;
            replies.push(three(a, b, c).unwrap());
            repeat.overdue(&mut Answers(replies.iter()), at(2_000)).unwrap().is_some()
        };
        let none = || [nil(), nil(), nil()];
        let (bull, mq) = (Library::Bull, Library::BullMq);
        assert!(overdue(bull, none(), none()));
        assert!(overdue(mq, none(), none()));
        assert!(!overdue(bull, [bulk("1"), nil(), nil()], none()), "it waits for a worker");
        assert!(overdue(bull, [bulk("1"), bulk("2"), nil()], none()), "it finished");
        let limit = bulk(r#"{"repeat":{"limit":2,"count":2}}"#);
        assert!(!overdue(bull, [bulk("1"), bulk("2"), limit], none()), "it was the last one");
        assert!(!overdue(mq, none(), [bulk("3"), bulk("3"), nil()]), "all runs are had");
        assert!(overdue(mq, none(), [bulk("3"), bulk("2"), nil()]));
        assert!(!overdue(mq, none(), [nil(), bulk("2"), bulk("1500")]), "its time has ended");
    }
}
