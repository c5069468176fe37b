//! `secret_keys`, wherever it looks.

use super::Case;
use super::ground::Ground;
use crate::kinds::secret_keys::secret;

pub const CASES: &[Case] = cases! {
    "a Secret with good values passes until it is gone" => comings_and_goings;
    "bad values fail, each by its reason" => values;
    "the right to get another Secret is none" => forbidden;
};

fn check(ground: &Ground, keys: &str) -> String {
    format!("secret_keys: {{ namespace: {}, secrets: [db], {keys} }}", ground.namespace())
}

async fn comings_and_goings(ground: &Ground) {
    let check = check(ground, "keys: { A: { at_least: 8 } }");
    ground.fails(&check, "NotFound").await;
    ground.put(secret("db", &[("A", "correct-horse")])).await;
    ground.passes(&check).await;
    ground.put(secret("db", &[("A", "short")])).await;
    ground.fails(&check, "WrongLength").await;
    ground.put(secret("db", &[("B", "correct-horse")])).await;
    ground.fails(&check, "KeyMissing").await;
    ground.remove(&secret("db", &[])).await;
    ground.fails(&check, "NotFound").await;
}

async fn values(ground: &Ground) {
    let pairs = [
        ("E", "\n"),
        ("P", "postgres://u:changeme@db"),
        ("U", "no address"),
        ("S", "hunter2"),
        ("T", "hunter2"),
    ];
    ground.put(secret("db", &pairs)).await;
    for (keys, reason) in [
        ("keys: { E: {} }", "Empty"),
        ("keys: { P: {} }", "Placeholder"),
        ("keys: { U: { url: {} } }", "MalformedUrl"),
        ("keys: { U: { decoded: hex } }", "NotDecodable"),
        ("keys: { S: {}, T: {} }, distinct: true", "NotDistinct"),
    ] {
        ground.fails(&check(ground, keys), reason).await;
    }
    ground.passes(&check(ground, "keys: { S: {} }")).await;
}

async fn forbidden(ground: &Ground) {
    ground.put(secret("db", &[("A", "hunter2")])).await;
    let judgement = ground.lacks(&check(ground, "keys: { A: {} }"), "secrets").await;
    assert!(!judgement.because().contains("hunter2"), "{}", judgement.because());
}
