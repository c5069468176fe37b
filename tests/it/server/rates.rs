//! How often somebody may write, and guess.

use std::time::Duration;

use reqwest::Method;
use tokio::time::Instant;

use super::writing::guarded;
use super::{Running, problem};

const LOOK: &str = "/api/v1/items/queues/attempts";

impl Running {
    async fn guess(&self, token: &str) -> reqwest::Response {
        let request = self.request(Method::POST, LOOK).bearer_auth(token);
        request.send().await.expect("an answer")
    }
}

#[tokio::test]
async fn a_thousand_wrong_tokens_slow_nobody_down_but_who_guesses() {
    let (server, _folder) = guarded().await;
    let began = Instant::now();
    let mut refused = [0, 0];
    for n in 0..1_000 {
        let answer = server.guess(&format!("guess-{n}")).await;
        match answer.status().as_u16() {
            401 => refused[0] += 1,
            429 => {
                let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
                assert!((1..=3).contains(&wait), "{wait}");
                let detail = problem(answer, 429).await;
                assert!(detail.contains("too many requests from this address"), "{detail}");
                refused[1] += 1;
            }
            status => panic!("{status}"),
        }
    }
    let expected = 20 + began.elapsed().as_secs() / 3 + 1;
    assert!(refused[0] >= 20 && refused[0] <= expected, "{refused:?}, {expected} at most");
    assert_eq!(server.guess("secret-1").await.status(), 202, "who has a token is not locked out");
    let asked = Instant::now();
    assert_eq!(server.get("/-/healthy").await.status(), 200);
    assert!(asked.elapsed() < Duration::from_secs(5), "and the daemon answers");
    assert_eq!(server.written("look", "denied").await, 1_000, "each is counted");
}

#[tokio::test]
async fn who_writes_without_end_is_told_to_wait_and_others_are_not() {
    let (server, _folder) = guarded().await;
    let mut last = None;
    for _ in 0..1_000 {
        let answer = server.guess("secret-1").await;
        if answer.status() == 429 {
            last = Some(answer);
            break;
        }
        assert_eq!(answer.status(), 202);
    }
    let answer = last.expect("an end");
    assert_eq!(answer.headers()["retry-after"], "1");
    let detail = problem(answer, 429).await;
    assert_eq!(detail, "the token `pipeline` writes too much; go on in 1s");
    assert!(server.daemon.looks.lock().unwrap().len() >= 120);
    let other = server.request(Method::POST, LOOK).bearer_auth("secret-2").send().await;
    problem(other.expect("an answer"), 403).await;
}
