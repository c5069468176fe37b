//! Discovery: how the API server addresses a kind that is not well known.
//!
//! One group in one version is asked for at a time, once a listing: another group that is down, as
//! an aggregated API may be, is in nobody's way.

use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use tokio::time::timeout;

use super::Kubernetes;
use super::plurals;
use super::refusal::Refusal;
use super::request::Requests;
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::needs::{Resource, Right};
use crate::model::reason::Reason;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 4 << 20;
/// The longest wait for it.
const WITHIN: Duration = Duration::from_secs(30);
/// As it stands among the requests that are counted.
const DISCOVERY: &str = "discovery";

/// How the API server addresses a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// The same kind, its plural filled in.
    pub resource: Resource,
    /// Whether its objects live in namespaces; none where nobody was asked.
    pub namespaced: Option<bool>,
}

/// The right to ask how the API server addresses a kind; none where nobody has to be asked.
///
/// Clusters grant it to every account from their start, by `system:discovery`; some take it back.
pub fn right(resource: &Resource) -> Option<Right> {
    let asks =
        resource.plural.is_empty() && plurals::known(&resource.group, &resource.kind).is_none();
    asks.then(|| Right {
        verb: "get",
        group: "".into(),
        resource: super::request::root(resource).into(),
        namespace: None,
        name: None,
    })
}

/// What a group serves in one version, in the fields that are read.
#[derive(Deserialize)]
struct Served {
    resources: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    name: String,
    #[serde(default)]
    kind: String,
    namespaced: Option<bool>,
    #[serde(default)]
    verbs: Vec<String>,
}

impl Kubernetes {
    /// How the API server addresses a kind whose plural is not known; one request, and none where it
    /// is.
    ///
    /// # Errors
    /// Why there is no answer; `KindUnknown` where the server serves no such kind.
    pub async fn discover(&self, resource: &Resource) -> Result<Discovered, Obstacle> {
        self.0.requests.discover(resource).await.map_err(Obstacle::from)
    }
}

impl Requests {
    /// See [`Kubernetes::discover`].
    pub(super) async fn discover(&self, resource: &Resource) -> Result<Discovered, Refusal> {
        if !resource.plural.is_empty() {
            return Ok(Discovered { resource: resource.clone(), namespaced: None });
        }
        if let Some(known) = plurals::known(&resource.group, &resource.kind) {
            let resource = Resource { plural: known.plural.into(), ..resource.clone() };
            return Ok(Discovered { resource, namespaced: Some(known.namespaced) });
        }
        let doing = format!("looking for {}", resource.name());
        let read = timeout(WITHIN, self.served(&doing, resource)).await;
        let body = read.unwrap_or_else(|_| {
            Err(Refusal::new(format!("{doing}: no answer within {}s", WITHIN.as_secs())))
        })?;
        let Ok(served) = serde_json::from_slice::<Served>(&body) else {
            return Err(Refusal::new(format!("{doing}: the answer is not a list of kinds")));
        };
        chosen(served, resource).map_err(|because| Refusal {
            reason: Reason::KIND_UNKNOWN,
            ..Refusal::new(format!("{doing}: {because}"))
        })
    }

    async fn served(&self, doing: &str, resource: &Resource) -> Result<bytes::Bytes, Refusal> {
        let request = Request::get(super::request::root(resource))
            .body(Vec::new())
            .map_err(|error| Refusal::transport(doing, &error))?;
        let answer = self.send(doing, "get", DISCOVERY.to_owned(), request).await;
        let response = answer.map_err(|refusal| {
            if refusal.code != Some(404) {
                return refusal;
            }
            let because = format!("{doing}: the API server serves no {}", api_version(resource));
            Refusal { because, ..refusal }
        })?;
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        Ok(body.map_err(|error| Refusal::transport(doing, &*error))?.to_bytes())
    }
}

fn chosen(served: Served, resource: &Resource) -> Result<Discovered, String> {
    let wanted = |entry: &Entry| entry.kind == *resource.kind && !entry.name.contains('/');
    let entries = served.resources.unwrap_or_default();
    let Some(entry) = entries.into_iter().find(wanted) else {
        let (version, kind) = (api_version(resource), &resource.kind);
        return Err(format!("the API server serves {version}, and no {kind} in it"));
    };
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    if entry.name.is_empty() || entry.name.len() > 253 || !entry.name.chars().all(plain) {
        return Err(format!("its plural is `{}`, which can't be one", legible(&entry.name, 60)));
    }
    if !["list", "watch"].iter().all(|verb| entry.verbs.iter().any(|known| known == verb)) {
        return Err("the API server does not let it be listed and watched".to_owned());
    }
    let resource = Resource { plural: entry.name.into(), ..resource.clone() };
    Ok(Discovered { resource, namespaced: entry.namespaced })
}

/// `apps/v1`, `v1`.
fn api_version(resource: &Resource) -> String {
    let Resource { group, version, .. } = resource;
    if group.is_empty() { version.to_string() } else { format!("{group}/{version}") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn found(resources: &Value) -> Result<Discovered, String> {
        let served = json!({ "resources": resources }).to_string();
        let gadget = Resource::known("example.org", "v1", "", "Gadget");
        chosen(serde_json::from_str(&served).unwrap(), &gadget)
    }

    #[test]
    fn a_kind_is_found_among_others_and_its_subresources() {
        let verbs = ["get", "list", "watch"];
        let discovered = found(&json!([
            { "name": "gadgets/status", "kind": "Gadget", "verbs": ["get"] },
            { "name": "tools", "kind": "Tool", "verbs": verbs },
            { "name": "gadgets", "kind": "Gadget", "namespaced": true, "verbs": verbs },
        ]));
        let discovered = discovered.unwrap();
        assert_eq!(discovered.resource.plural, "gadgets");
        assert_eq!(discovered.namespaced, Some(true));
    }

    #[test]
    fn what_can_not_be_watched_or_addressed_is_told() {
        let one = |name: &str, verbs: &[&str]| json!([{ "name": name, "kind": "Gadget", "namespaced": true, "verbs": verbs }]);
        for (resources, told) in [
            (json!(null), "no Gadget in it"),
            (json!([]), "no Gadget in it"),
            (json!([{}]), "no Gadget in it"),
            (one("gadgets", &["get", "list"]), "listed and watched"),
            (one("a?b=c", &["list", "watch"]), "can't be one"),
            (one("", &["list", "watch"]), "can't be one"),
        ] {
            let because = found(&resources).unwrap_err();
            assert!(because.contains(told), "{because}");
        }
    }
}
