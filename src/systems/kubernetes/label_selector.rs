//! Label selectors of objects (`matchLabels`, `matchExpressions`), evaluated by ourselves.
//!
//! As the API defines them: all requirements must hold, an empty selector matches everything, and
//! `NotIn` holds where the label is absent.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::labels::Labels;

/// A selector as it arrives, and as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    match_labels: Option<BTreeMap<Box<str>, Box<str>>>,
    match_expressions: Option<Vec<Requirement>>,
}

/// One of `matchExpressions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Requirement {
    key: Option<Box<str>>,
    operator: Option<Box<str>>,
    values: Option<Vec<Box<str>>>,
}

impl LabelSelector {
    /// Whether an object of these labels is selected.
    ///
    /// # Errors
    /// The selector lacks something, or has an operator that nobody knows.
    pub fn selects(&self, labels: &Labels) -> Result<bool, &'static str> {
        let Self { match_labels, match_expressions } = self;
        let value = |key: &str| labels.get(key).map(|value| &**value);
        let equal = match_labels.iter().flatten().all(|(key, wanted)| value(key) == Some(wanted));
        let mut all = equal;
        for requirement in match_expressions.iter().flatten() {
            // Each of them is read, so that a broken one never hides behind another.
            all &= requirement.holds(value)?;
        }
        Ok(all)
    }
}

impl Requirement {
    fn holds<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> Result<bool, &'static str> {
        let Self { key, operator, values } = self;
        let key = key.as_deref().ok_or("a requirement of its selector names no label")?;
        let value = label(key);
        let among = |value: &str| values.iter().flatten().any(|wanted| **wanted == *value);
        let some = values.as_ref().is_some_and(|values| !values.is_empty());
        match operator.as_deref() {
            Some("In") if some => Ok(value.is_some_and(among)),
            Some("NotIn") if some => Ok(!value.is_some_and(among)),
            Some("In" | "NotIn") => Err("a requirement of its selector names no values"),
            Some("Exists") => Ok(value.is_some()),
            Some("DoesNotExist") => Ok(value.is_none()),
            Some(_) | None => Err("a requirement of its selector has no known operator"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::pool::Words;
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> std::sync::Arc<Labels> {
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Labels::of(Some(pairs.collect()), &mut Words::default())
    }

    fn selects(selector: Value, pairs: &[(&str, &str)]) -> Result<bool, &'static str> {
        serde_json::from_value::<LabelSelector>(selector).unwrap().selects(&labels(pairs))
    }

    fn expression(operator: &str, values: &[&str]) -> Value {
        json!({ "matchExpressions": [{ "key": "tier", "operator": operator, "values": values }] })
    }

    #[test]
    fn selectors_mean_what_the_api_says() {
        let (web, bare): (&[_], &[_]) = (&[("app", "web"), ("tier", "front")], &[("app", "web")]);
        for (selector, of_web, of_bare) in [
            (json!({}), true, true),
            (json!({ "matchLabels": null, "matchExpressions": null }), true, true),
            (json!({ "matchLabels": { "app": "web" } }), true, true),
            (json!({ "matchLabels": { "app": "web", "tier": "front" } }), true, false),
            (json!({ "matchLabels": { "app": "api" } }), false, false),
            (expression("In", &["back", "front"]), true, false),
            (expression("NotIn", &["front"]), false, true),
            (expression("NotIn", &["back"]), true, true),
            (expression("Exists", &[]), true, false),
            (expression("DoesNotExist", &[]), false, true),
        ] {
            assert_eq!(selects(selector.clone(), web), Ok(of_web), "{selector}");
            assert_eq!(selects(selector.clone(), bare), Ok(of_bare), "{selector}");
        }
    }

    #[test]
    fn a_broken_selector_selects_nobody_knows_what() {
        for selector in [
            expression("In", &[]),
            expression("NotIn", &[]),
            expression("in", &["front"]),
            json!({ "matchExpressions": [{ "operator": "Exists" }] }),
            json!({ "matchExpressions": [{ "key": "tier" }] }),
            json!({ "matchLabels": { "app": "none" }, "matchExpressions": [{}] }),
        ] {
            assert!(selects(selector.clone(), &[("app", "web")]).is_err(), "{selector}");
        }
    }

    proptest! {
        /// `In` and `NotIn`, `Exists` and `DoesNotExist` divide all objects between them.
        #[test]
        fn opposites_are_opposite(
            pairs in proptest::collection::btree_map("[a-c]", "[x-z]", 0..3),
            key in "[a-c]",
            values in proptest::collection::vec("[x-z]", 1..3),
        ) {
            let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let ask = |operator: &str| {
                let one = json!({ "key": key, "operator": operator, "values": values });
                selects(json!({ "matchExpressions": [one] }), &pairs)
            };
            prop_assert_eq!(ask("In").unwrap(), !ask("NotIn").unwrap());
            prop_assert_eq!(ask("Exists").unwrap(), !ask("DoesNotExist").unwrap());
            let written = pairs.iter().find(|(name, _)| *name == key);
            let known = written.is_some_and(|(_, value)| values.iter().any(|one| one == value));
            prop_assert_eq!(ask("In").unwrap(), known);
        }

        #[test]
        fn every_label_that_is_asked_for_must_be_there(
            pairs in proptest::collection::btree_map("[a-c]", "[x-z]", 0..4),
            wanted in proptest::collection::btree_map("[a-c]", "[x-z]", 0..4),
        ) {
            let listed: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let contained = wanted.iter().all(|(key, value)| pairs.get(key) == Some(value));
            prop_assert_eq!(selects(json!({ "matchLabels": wanted }), &listed), Ok(contained));
        }
    }
}
