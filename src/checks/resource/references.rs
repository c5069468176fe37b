//! Names in an object that must be those of other objects, Secrets first of all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::judging::TOO_MANY_TO_JUDGE;
use super::parameters::{Names, Reference};
use super::path::{MOST_PLACES, Places};
use crate::checks::Look;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, legible};
use crate::model::needs::{Form, Watch};
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::secret::SecretValue;
use crate::systems::kubernetes::whole::{Metadata, Whole};
use crate::systems::kubernetes::{SECRETS, Table};

pub(super) const REFERENCE_ABSENT: Documented = Documented::fails(
    Reason::new("ReferenceAbsent"),
    "The object has no name at the path of a reference.",
);
pub(super) const REFERENCE_MISSING: Documented =
    Documented::fails(Reason::new("ReferenceMissing"), "What the object refers to is not there.");
pub(super) const REFERENCE_KEY_MISSING: Documented = Documented::fails(
    Reason::new("ReferenceKeyMissing"),
    "What the object refers to lacks a key, or the key is empty.",
);
pub(super) const REFERENCE_NOT_NAMED: Documented = Documented::blinds(
    Reason::new("ReferenceNotNamed"),
    "The object refers to something that `names` does not list: Vigie has no right to look at it.",
);

const CONFIG_MAP: &str = "ConfigMap";

/// What is known of an object that is referred to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// It is not there.
    Absent,
    /// It is there.
    There,
    /// It is there, with these keys and the lengths of their values.
    Keys(BTreeMap<String, usize>),
}

/// What references led to: by reference, namespace and name.
pub(super) type Led = BTreeMap<(usize, String, String), Result<Held, Obstacle>>;

impl Reference {
    pub(super) fn flaw(&self) -> Option<String> {
        let target = self.target();
        let keyed = target == SECRETS || (target.group.is_empty() && target.kind == CONFIG_MAP);
        if self.wants_keys() && !keyed {
            return Some(format!("a {} has no keys to refer to", target.kind));
        }
        if target.plural.is_empty() {
            return Some(format!("a reference to a {} can't be followed", target.kind));
        }
        None
    }

    fn is_named(&self, name: &str) -> bool {
        let Names(names) = &self.names;
        names.iter().any(|known| known == name)
    }
}

/// The watch of an object that may be referred to.
pub(super) fn watch(reference: &Reference, namespace: &str, name: &str) -> Watch {
    let form = if reference.wants_keys() { Form::Whole } else { Form::Metadata };
    Watch::all(reference.target()).within(namespace).named(name).keeping(form)
}

/// Looks at everything that these objects refer to, each once.
pub(super) async fn follow(
    references: &[Reference],
    objects: &[Arc<Whole>],
    look: &Look<'_>,
) -> Led {
    let mut led = Led::new();
    for (number, reference) in references.iter().enumerate() {
        let mut wanted: BTreeSet<(String, String)> = BTreeSet::new();
        for whole in objects {
            let names = reference.path.places(&whole.object).found.into_iter();
            let names = names.filter_map(|(_, here)| here.as_str());
            let named = names.filter(|name| reference.is_named(name));
            wanted.extend(named.map(|name| (whole.namespace.to_string(), name.to_owned())));
        }
        for (namespace, name) in wanted {
            let held = held(reference, &namespace, &name, look).await;
            led.insert((number, namespace, name), held);
        }
    }
    led
}

async fn held(
    reference: &Reference,
    namespace: &str,
    name: &str,
    look: &Look<'_>,
) -> Result<Held, Obstacle> {
    let kubernetes = &look.systems.kubernetes;
    if reference.target() != SECRETS {
        let watch = watch(reference, namespace, name);
        return if reference.wants_keys() {
            kubernetes.read(look.needs, &watch, |table| keys_in(table, namespace, name))
        } else {
            kubernetes.read(look.needs, &watch, |table: &Table<Metadata>| {
                let there = table.get(namespace, name).is_some();
                if there { Held::There } else { Held::Absent }
            })
        };
    }
    if !reference.wants_keys() {
        let there = kubernetes.secret_exists(look.needs, namespace, name, look.until()).await?;
        return Ok(if there { Held::There } else { Held::Absent });
    }
    let mut keys = BTreeMap::new();
    let mut garbled = false;
    let measure = |key: &str, value: SecretValue<'_>| match value {
        SecretValue::Bytes(bytes) => drop(keys.insert(key.to_owned(), bytes.len())),
        SecretValue::Garbled => garbled = true,
    };
    match kubernetes.secret_values(look.needs, namespace, name, look.until(), measure).await {
        Ok(()) if garbled => {
            let because = format!("Secret {namespace}/{name} holds what is not base64");
            Err(Obstacle::new(Reason::GARBLED, because))
        }
        Ok(()) => Ok(Held::Keys(keys)),
        Err(refused) if refused.absent => Ok(Held::Absent),
        Err(refused) => Err(refused.obstacle),
    }
}

fn keys_in(table: &Table<Whole>, namespace: &str, name: &str) -> Held {
    let Some(whole) = table.get(namespace, name) else { return Held::Absent };
    let mut keys = BTreeMap::new();
    for part in ["data", "binaryData"] {
        let Some(Value::Object(fields)) = whole.object.get(part) else { continue };
        let lengths = fields.iter().filter_map(|(key, value)| Some((key, value.as_str()?.len())));
        keys.extend(lengths.map(|(key, length)| (key.clone(), length)));
    }
    Held::Keys(keys)
}

/// What is wrong with a reference of an object, if anything is.
pub(super) fn complaint(
    number: usize,
    reference: &Reference,
    whole: &Whole,
    led: &Led,
) -> Option<Answer> {
    let Places { found: places, cut } = reference.path.places(&whole.object);
    if places.is_empty() && !cut {
        let because = format!("there is nothing at {}", reference.path.text());
        return Some(Finding::fail(REFERENCE_ABSENT.reason, because).into());
    }
    let mut blind = cut.then(|| {
        let because = format!(
            "{} leads to more than {MOST_PLACES} places, of which so many were looked at",
            reference.path.text()
        );
        Answer::from(Obstacle::ours(TOO_MANY_TO_JUDGE.reason, because))
    });
    for (around, here) in places {
        let Some(name) = here.as_str().filter(|name| !name.is_empty()) else {
            let because = format!("what stands at {} is no name", reference.path.text());
            return Some(Finding::fail(REFERENCE_ABSENT.reason, because).into());
        };
        match one(number, reference, whole, around, name, led) {
            Some(Answer::Found(finding)) => return Some(finding.into()),
            Some(obstacle) => blind = blind.or(Some(obstacle)),
            None => {}
        }
    }
    blind
}

fn one(
    number: usize,
    reference: &Reference,
    whole: &Whole,
    around: &Value,
    name: &str,
    led: &Led,
) -> Option<Answer> {
    let what = format!("{} {}", reference.target().kind, legible(name, 100));
    if !reference.is_named(name) {
        let because = format!("refers to {what}, which `names` does not list");
        return Some(Obstacle::ours(REFERENCE_NOT_NAMED.reason, because).into());
    }
    let place = (number, whole.namespace.to_string(), name.to_owned());
    let keys = match led.get(&place)? {
        Err(obstacle) => return Some(obstacle.clone().into()),
        Ok(Held::Absent) => {
            let because = format!("refers to {what}, which is not there");
            return Some(Finding::fail(REFERENCE_MISSING.reason, because).into());
        }
        Ok(Held::There) => return None,
        Ok(Held::Keys(keys)) => keys,
    };
    let missing =
        |because: String| Some(Finding::fail(REFERENCE_KEY_MISSING.reason, because).into());
    let mut wanted: Vec<&str> = reference.keys.iter().map(String::as_str).collect();
    if let Some(field) = &reference.key_field {
        let Some(key) = around.get(field).and_then(Value::as_str) else {
            return missing(format!("names no key of {what} in `{field}`"));
        };
        wanted.push(key);
    }
    for key in wanted {
        match keys.get(key) {
            Some(0) => return missing(format!("{what} has nothing in `{}`", legible(key, 100))),
            Some(_) => {}
            None => return missing(format!("{what} has no key `{}`", legible(key, 100))),
        }
    }
    None
}
