//! What the accounts of pods may do: everything on everything, asked of the API server.
//!
//! Two reviews an account at most, at the item's own schedule and not at each change of a pod: what
//! roles amount to can't be watched without the right to read them all.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CLUSTER_ADMIN, DEFAULT_ACCOUNT, NAMESPACE_ADMIN};
use crate::checks::Look;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Judgement, legible};
use crate::model::needs::Right;
use crate::model::reason::Reason;
use crate::systems::kubernetes::Ask;

/// The most accounts of which one look asks.
pub(super) const MOST_ACCOUNTS: usize = 200;
/// How many reviews are under way at a time.
const AT_A_TIME: usize = 4;
/// The longest answer, in bytes.
const LONGEST: usize = 256 << 10;
const PATH: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/// The account of a pod that names none.
const DEFAULT: &str = "default";

/// An account: namespace and name.
pub(super) type Account = (Arc<str>, Box<str>);

/// What an account may do everything on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    /// The whole cluster.
    Cluster,
    /// Its namespace.
    Namespace,
    /// Neither.
    Bounded,
}

/// What was seen of each account.
pub(super) type Powers = BTreeMap<Account, Result<Power, Obstacle>>;

/// The right to ask.
pub(super) fn right() -> Right {
    Right {
        verb: "create",
        group: "authorization.k8s.io".into(),
        resource: "subjectaccessreviews".into(),
        namespace: None,
        name: None,
    }
}

/// Asks of each account.
pub(super) async fn ask(look: &Look<'_>, accounts: Vec<Account>) -> Powers {
    let ask = |account: Account| async move {
        let power = power(look, &account).await;
        (account, power)
    };
    futures::stream::iter(accounts).map(ask).buffer_unordered(AT_A_TIME).collect().await
}

async fn power(look: &Look<'_>, account: &Account) -> Result<Power, Obstacle> {
    if may_everything(look, account, false).await? {
        return Ok(Power::Cluster);
    }
    let within = may_everything(look, account, true).await?;
    Ok(if within { Power::Namespace } else { Power::Bounded })
}

async fn may_everything(
    look: &Look<'_>,
    (namespace, name): &Account,
    within: bool,
) -> Result<bool, Obstacle> {
    let review = review(namespace, name, within);
    let right = right();
    let ask = Ask {
        right: &right,
        path: PATH,
        post: Some(&review),
        metadata_only: false,
        longest: LONGEST,
        until: look.until(),
    };
    let kubernetes = &look.systems.kubernetes;
    let body = kubernetes.ask_once(look.needs, ask, look.fresh_within).await?;
    read(&body).map_err(|why| Obstacle::new(Reason::GARBLED, why))
}

fn review(namespace: &str, name: &str, within: bool) -> Value {
    let mut attributes = json!({ "verb": "*", "group": "*", "resource": "*" });
    if within {
        attributes["namespace"] = namespace.into();
    }
    json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": format!("system:serviceaccount:{namespace}:{name}"),
            "groups": [
                "system:serviceaccounts",
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated",
            ],
            "resourceAttributes": attributes,
        },
    })
}

#[derive(Deserialize)]
struct Answer {
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    allowed: Option<bool>,
    evaluation_error: Option<String>,
}

/// Whether a review allows. A "no" that comes with an error is none.
fn read(body: &[u8]) -> Result<bool, String> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|_| "the API server answers something that is no review".to_owned())?;
    match answer.status {
        Some(Status { allowed: Some(true), .. }) => Ok(true),
        Some(Status { allowed: Some(false), evaluation_error }) => match evaluation_error {
            Some(error) if !error.is_empty() => {
                Err(format!("the API server could not decide: {}", legible(&error, 200)))
            }
            Some(_) | None => Ok(false),
        },
        Some(Status { allowed: None, .. }) | None => {
            Err("the API server does not give status.allowed".to_owned())
        }
    }
}

/// Judges what was seen of the accounts.
pub(super) fn judge(powers: &Powers, judgement: &mut Judgement) {
    let mut bounded = 0_usize;
    for ((namespace, name), power) in powers {
        let subject = format!("{namespace}/{name}");
        let finding = match power {
            Err(obstacle) => {
                judgement.add(subject, obstacle.clone());
                continue;
            }
            Ok(Power::Cluster) => {
                let because = "may do everything on everything in the cluster, no account may";
                Finding::fail(CLUSTER_ADMIN, because)
            }
            Ok(Power::Namespace) => {
                let because = "may do everything on everything in its namespace, no account may";
                Finding::fail(NAMESPACE_ADMIN, because)
            }
            Ok(Power::Bounded) if **name == *DEFAULT => {
                let because = "pods run by the account `default`; give each workload its own";
                Finding::warn(DEFAULT_ACCOUNT, because)
            }
            Ok(Power::Bounded) => {
                bounded += 1;
                continue;
            }
        };
        judgement.add(subject, finding);
    }
    if bounded > 0 && bounded == powers.len() {
        let because = format!("none of {bounded} accounts in use may do everything");
        judgement.add("service accounts", Finding::pass(because));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_plain_answer_is_believed() {
        let told = |value: Value| read(value.to_string().as_bytes());
        assert_eq!(told(json!({ "status": { "allowed": true } })), Ok(true));
        assert_eq!(told(json!({ "status": { "allowed": false, "reason": "RBAC" } })), Ok(false));
        for bad in [
            json!({}),
            json!([]),
            json!({ "status": null }),
            json!({ "status": {} }),
            json!({ "status": { "allowed": "false" } }),
            json!({ "status": { "allowed": false, "evaluationError": "role not found" } }),
        ] {
            assert!(told(bad.clone()).is_err(), "{bad}");
        }
    }
}
