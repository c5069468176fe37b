//! `secret_keys` against an API server.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie_sim::kubernetes::{Act, Fault, Rule, User};

use super::Provocation;
use crate::kubernetes::{Cluster, NAMESPACE, brisk, trouble};

const CHECK: &str = "secret_keys: { namespace: shop, secrets: [db], keys: { A: {} } }";

/// A Secret with these values.
pub fn secret(name: &str, values: &[(&str, &str)]) -> Value {
    let data: serde_json::Map<String, Value> = values
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(STANDARD.encode(value))))
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "namespace": NAMESPACE, "name": name },
        "data": data,
    })
}

async fn of(keys: &str, values: &[(&str, &str)]) -> Judgement {
    let cluster = Cluster::start().await;
    cluster.put(secret("db", values));
    cluster.look(&format!("secret_keys: {{ namespace: shop, secrets: [db], {keys} }}")).await
}

async fn raw(data: Value) -> Judgement {
    let cluster = Cluster::start().await;
    let mut secret = secret("db", &[]);
    secret["data"] = data;
    cluster.put(secret);
    cluster.look(CHECK).await
}

async fn struck(act: Act) -> Judgement {
    let cluster = Cluster::start().await;
    cluster.put(secret("db", &[("A", "hunter2")]));
    cluster.server.inject(Fault::new(act).resource("secrets"));
    cluster.look(CHECK).await
}

fn provocations_of_values() -> Vec<Provocation> {
    rows! { vigie::checks::secret_keys::SecretKeys:
        "KeyMissing" Fail of("keys: { A: {} }", &[("B", "hunter2")]);
        "Empty" Fail of("keys: { A: {} }", &[("A", "\n")]);
        "Placeholder" Fail of("all_keys: true", &[("A", "postgres://u:changeme@db")]);
        "MalformedUrl" Fail of("keys: { A: { url: {} } }", &[("A", "hunter2")]);
        "NotDecodable" Fail of("keys: { A: { decoded: hex } }", &[("A", "hunter2")]);
        "WrongLength" Fail of("keys: { A: { at_least: 8 } }", &[("A", "hunter2")]);
        "NotDistinct" Fail
            of("keys: { A: {}, B: {} }, distinct: true", &[("A", "hunter2"), ("B", "hunter2")]);
    }
}

pub fn provocations() -> Vec<Provocation> {
    let mut rows = rows! { vigie::checks::secret_keys::SecretKeys:
        "NotFound" Fail async { Cluster::start().await.look(CHECK).await };
        "Garbled" Unknown raw(json!({ "A": "not base64" }));
        "TooLarge" Unknown raw(json!({ "A": "aaaa".repeat(1 << 20) }));
        "StreamDown" Unknown struck(Act::Status { code: 500, retry_after: None });
        "Forbidden" Unknown trouble::forbidden(CHECK);
        "KindUnknown" Unknown trouble::kind_unknown(CHECK);
        "Unauthorized" Unknown trouble::unauthorized(CHECK);
        "NoAccess" Unknown trouble::no_access(CHECK);
    };
    rows.extend(provocations_of_values());
    rows
}

#[tokio::test]
async fn every_reason_of_secret_keys_is_given() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn a_look_costs_one_get_a_secret_and_neither_list_nor_watch() {
    let cluster = Cluster::start().await;
    cluster.put(secret("db", &[("A", "hunter2"), ("B", "hunter3")]));
    let check = "secret_keys: { namespace: shop, secrets: [db, other], alternatives: true, \
                 keys: { A: {}, B: {} }, distinct: true, all_keys: true }";
    let judgement = cluster.look(check).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let asked: Vec<_> = cluster.server.requests().into_iter().map(|r| (r.verb, r.path)).collect();
    let path = |name: &str| format!("/api/v1/namespaces/shop/secrets/{name}");
    assert_eq!(asked, [("get".to_owned(), path("db")), ("get".to_owned(), path("other"))]);
}

/// What breaks off, hangs or is something else is not known, and none of it says more than that.
#[tokio::test]
async fn no_trouble_on_the_way_is_taken_for_an_answer() {
    for act in [
        Act::Garbage,
        Act::CutAfter(0),
        Act::CutAfter(150),
        Act::Status { code: 429, retry_after: Some(1) },
        Act::Status { code: 503, retry_after: None },
        Act::Forbid,
    ] {
        let judgement = struck(act).await;
        assert_eq!(judgement.verdict(), Verdict::Unknown, "{act:?}: {}", judgement.because());
    }
}

/// The right to get Secrets by name is enough, and to get another one is none.
#[tokio::test]
async fn the_right_to_get_by_name_is_enough() {
    let mut cluster = Cluster::start().await;
    cluster.put(secret("db", &[("A", "hunter2")]));
    cluster.put(secret("other", &[("A", "hunter2")]));
    let rule = Rule::cluster(&["get"], &[""], &["secrets"]).within(NAMESPACE).only("db");
    cluster.server.admit("t0ken", User::new("vigie", vec![rule]));
    let token = cluster.file("token", "t0ken\n");
    let token = format!("token: {{ file: '{}' }}", token.display());
    cluster.connect(&cluster.connection(&token), brisk());
    assert_eq!(cluster.look(CHECK).await.verdict(), Verdict::Pass);
    let judgement = cluster.look(&CHECK.replace("[db]", "[other]")).await;
    assert_eq!(judgement.reason(), Some(Reason::FORBIDDEN), "{}", judgement.because());
}
