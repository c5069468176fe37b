//! What each command does.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::keyspace::{Bytes, Entry, Keyspace, WrongType};
use super::resp::Answer;

/// Runs a command that needs nothing but the keys; `None` where it is not known.
pub(super) fn run(keys: &mut Keyspace, name: &str, words: &[Bytes]) -> Option<Answer> {
    let answer = match (name, words) {
        ("EXISTS", keys_asked) => {
            Ok(Answer::length(keys_asked.iter().filter(|key| keys.exists(key)).count()))
        }
        ("TYPE", [key]) => Ok(Answer::Simple(keys.type_name(key))),
        // In one step, and by what stands before the first wildcard alone.
        ("SCAN", [_, option, glob, ..]) if option.eq_ignore_ascii_case(b"MATCH") => {
            let prefix = glob.split(|byte| *byte == b'*').next().unwrap_or_default();
            let found = keys.beginning(prefix).map(Answer::Bulk).collect();
            Ok(Answer::List(vec![Answer::text("0"), Answer::List(found)]))
        }
        ("DBSIZE", []) => Ok(Answer::length(keys.len())),
        ("DEL", keys_gone) => {
            Ok(Answer::length(keys_gone.iter().filter(|key| keys.remove(key)).count()))
        }
        ("GET", [key]) => keys.text(key).map(|text| bulk(text)),
        ("SET", [key, value, ..]) => {
            keys.put(key, Entry::Text(value.clone()));
            Ok(Answer::Ok)
        }
        ("INCR", [key]) => increment(keys, key),
        ("HGET", [key, field]) => {
            keys.hash(key).map(|hash| bulk(hash.and_then(|hash| hash.get(field))))
        }
        ("HMGET", [key, fields @ ..]) => keys.hash(key).map(|hash| {
            Answer::List(
                fields.iter().map(|field| bulk(hash.and_then(|hash| hash.get(field)))).collect(),
            )
        }),
        ("HSET", [key, pairs @ ..]) => keys.hash_mut(key).map(|hash| {
            for pair in pairs.chunks_exact(2) {
                hash.insert(pair[0].clone(), pair[1].clone());
            }
            Answer::length(pairs.len() / 2)
        }),
        ("SADD", [key, members @ ..]) => keys.set_mut(key).map(|set| {
            Answer::length(members.iter().filter(|member| set.insert((*member).clone())).count())
        }),
        ("SCARD", [key]) => keys.set(key).map(|set| Answer::length(set.map_or(0, BTreeSet::len))),
        ("SISMEMBER", [key, member]) => keys
            .set(key)
            .map(|set| Answer::Number(i64::from(set.is_some_and(|s| s.contains(member))))),
        _ => return lists(keys, name, words).or_else(|| scores(keys, name, words)),
    };
    Some(or_wrong_type(answer))
}

fn lists(keys: &mut Keyspace, name: &str, words: &[Bytes]) -> Option<Answer> {
    let answer = match (name, words) {
        ("LLEN", [key]) => keys.list(key).map(|list| Answer::length(list.map_or(0, VecDeque::len))),
        ("LPUSH", [key, values @ ..]) => keys.list_mut(key).map(|list| {
            for value in values {
                list.push_front(value.clone());
            }
            Answer::length(list.len())
        }),
        ("LINDEX", [key, at]) => keys.list(key).map(|list| {
            let range = list.zip(number(at)).map(|(list, at)| (list, span(at, at, list.len())));
            bulk(range.and_then(|(list, range)| list.get(range.start)))
        }),
        ("LRANGE", [key, from, to]) => keys.list(key).map(|list| {
            let Some(list) = list else { return Answer::List(Vec::new()) };
            let range = span(number(from).unwrap_or(0), number(to).unwrap_or(-1), list.len());
            Answer::List(list.range(range).map(|value| Answer::Bulk(value.clone())).collect())
        }),
        ("LREM", [key, _, value]) => {
            let removed = keys.list_mut(key).map(|list| {
                let before = list.len();
                list.retain(|one| one != value);
                Answer::length(before - list.len())
            });
            keys.tidy(key);
            removed
        }
        ("RPOPLPUSH", [from, to]) => move_last(keys, from, to).map(|moved| bulk(moved.as_ref())),
        _ => return None,
    };
    Some(or_wrong_type(answer))
}

fn scores(keys: &mut Keyspace, name: &str, words: &[Bytes]) -> Option<Answer> {
    let answer = match (name, words) {
        ("ZCARD", [key]) => {
            keys.scores(key).map(|scores| Answer::length(scores.map_or(0, HashMap::len)))
        }
        ("ZADD", [key, score, member]) => keys.scores_mut(key).map(|scores| {
            let score = bound(score).map_or(0.0, |(score, _)| score);
            Answer::Number(i64::from(scores.insert(member.clone(), score).is_none()))
        }),
        ("ZCOUNT", [key, from, to]) => keys.ranked(key).map(|members| {
            let within = |score: f64| Some(inside(score, bound(from)?, bound(to)?));
            Answer::length(members.iter().filter(|(_, s)| within(*s) == Some(true)).count())
        }),
        ("ZRANGE", [key, from, to, options @ ..]) => keys.ranked(key).map(|members| {
            let asked =
                |wanted: &str| options.iter().any(|o| o.eq_ignore_ascii_case(wanted.as_bytes()));
            let chosen: Vec<_> = if asked("BYSCORE") {
                let within = |score: f64| Some(inside(score, bound(from)?, bound(to)?));
                members.into_iter().filter(|(_, s)| within(*s) == Some(true)).collect()
            } else {
                let (from, to) = (number(from).unwrap_or(0), number(to).unwrap_or(-1));
                members[span(from, to, members.len())].to_vec()
            };
            let with_scores = asked("WITHSCORES");
            let shown = chosen.into_iter().flat_map(|(member, score)| {
                let score = with_scores.then(|| Answer::text(format!("{score}")));
                [Some(Answer::Bulk(member)), score].into_iter().flatten()
            });
            Answer::List(shown.collect())
        }),
        ("ZREMRANGEBYRANK", [key, from, to]) => {
            let removed = keys.ranked(key).and_then(|members| {
                let (from, to) = (number(from).unwrap_or(0), number(to).unwrap_or(-1));
                let gone = &members[span(from, to, members.len())];
                let scores = keys.scores_mut(key)?;
                scores.retain(|member, _| !gone.iter().any(|(one, _)| one == member));
                Ok(Answer::length(gone.len()))
            });
            keys.tidy(key);
            removed
        }
        _ => return None,
    };
    Some(or_wrong_type(answer))
}

/// Moves the last element of one list to the head of another.
pub(super) fn move_last(
    keys: &mut Keyspace,
    from: &[u8],
    to: &[u8],
) -> Result<Option<Bytes>, WrongType> {
    if keys.list(from)?.is_none_or(VecDeque::is_empty) {
        return Ok(None);
    }
    let moved = keys.list_mut(from)?.pop_back();
    keys.tidy(from);
    if let Some(moved) = &moved {
        keys.list_mut(to)?.push_front(moved.clone());
    }
    Ok(moved)
}

fn increment(keys: &mut Keyspace, key: &[u8]) -> Result<Answer, WrongType> {
    let text = keys.text_mut(key)?;
    let next = std::str::from_utf8(text).ok().and_then(|t| t.parse::<i64>().ok()).unwrap_or(0) + 1;
    *text = next.to_string().into_bytes();
    Ok(Answer::Number(next))
}

fn or_wrong_type(answer: Result<Answer, WrongType>) -> Answer {
    answer.unwrap_or_else(|WrongType| {
        let text = "WRONGTYPE Operation against a key holding the wrong kind of value";
        Answer::Error(text.to_owned())
    })
}

fn bulk(value: Option<&Bytes>) -> Answer {
    value.map_or(Answer::Nil, |bytes| Answer::Bulk(bytes.clone()))
}

fn number(word: &[u8]) -> Option<i64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// A score and whether it is left out.
fn bound(word: &[u8]) -> Option<(f64, bool)> {
    let word = std::str::from_utf8(word).ok()?;
    match word.strip_prefix('(') {
        Some(word) => Some((word.parse().ok()?, true)),
        None => Some((word.parse().ok()?, false)),
    }
}

fn inside(score: f64, (from, above): (f64, bool), (to, below): (f64, bool)) -> bool {
    let low = if above { score > from } else { score >= from };
    let high = if below { score < to } else { score <= to };
    low && high
}

/// Positions from `from` to `to`, both included, negative ones counted from the end.
fn span(from: i64, to: i64, length: usize) -> std::ops::Range<usize> {
    let whole = i64::try_from(length).unwrap_or(i64::MAX);
    let at = |position: i64| if position < 0 { position.saturating_add(whole) } else { position };
    let start = usize::try_from(at(from).clamp(0, whole)).unwrap_or(0);
    let end = usize::try_from((at(to) + 1).clamp(0, whole)).unwrap_or(0);
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_counted_from_both_ends() {
        assert_eq!(span(0, -1, 3), 0..3);
        assert_eq!(span(-2, -1, 3), 1..3);
        assert_eq!(span(-5, -1, 3), 0..3);
        assert_eq!(span(5, 9, 3), 3..3);
        assert_eq!(span(0, 0, 0), 0..0);
    }

    #[test]
    fn an_open_bound_leaves_its_score_out() {
        assert!(inside(1.0, (1.0, false), (f64::INFINITY, false)));
        assert!(!inside(1.0, (1.0, true), (f64::INFINITY, false)));
        assert_eq!(bound(b"(5"), Some((5.0, true)));
        assert_eq!(bound(b"+inf"), Some((f64::INFINITY, false)));
    }
}
