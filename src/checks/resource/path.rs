//! Where something stands in an object: names with dots between them, `[*]` for every one of many.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The most places that one path leads to in an object.
pub(super) const MOST_PLACES: usize = 1000;

/// A path such as `spec.volumes[*].secret.secretName`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct Path {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Every,
}

impl TryFrom<String> for Path {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a path, such as `spec.template.spec.volumes[*].secret.secretName`"
            )
        };
        let mut steps = Vec::new();
        for part in text.split('.') {
            let name = part.trim_end_matches("[*]");
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_/".contains(c);
            if name.is_empty() || !name.chars().all(plain) {
                return Err(wrong());
            }
            steps.push(Step::Field(name.to_owned()));
            let many = (part.len() - name.len()) / "[*]".len();
            steps.extend(std::iter::repeat_n(Step::Every, many));
        }
        // What is named stands in a field, not in a list of names without one.
        if steps.len() > 32 {
            return Err(wrong());
        }
        Ok(Self { text, steps })
    }
}

/// What a path leads to in an object.
pub(super) struct Places<'v> {
    /// What stands there, each with the object or list around it.
    pub(super) found: Vec<(&'v Value, &'v Value)>,
    /// Whether there is more than is looked at.
    pub(super) cut: bool,
}

impl Path {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What stands there; nothing where a field is missing.
    pub(super) fn places<'v>(&self, object: &'v Value) -> Places<'v> {
        let mut places = vec![(object, object)];
        let mut cut = false;
        for step in &self.steps {
            let mut next = Vec::new();
            for (_, here) in places {
                match (step, here) {
                    (Step::Field(name), here) => {
                        next.extend(here.get(name).map(|below| (here, below)));
                    }
                    (Step::Every, Value::Array(items)) => {
                        next.extend(items.iter().map(|below| (here, below)));
                    }
                    (Step::Every, Value::Object(fields)) => {
                        next.extend(fields.values().map(|below| (here, below)));
                    }
                    (Step::Every, _) => {}
                }
            }
            cut |= next.len() > MOST_PLACES;
            next.truncate(MOST_PLACES);
            places = next;
        }
        Places { found: places, cut }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(path: &str, object: &Value) -> Vec<Value> {
        let path = Path::try_from(path.to_owned()).unwrap();
        let Places { found, cut } = path.places(object);
        assert!(!cut && found.len() < MOST_PLACES);
        found.into_iter().map(|(_, here)| here.clone()).collect()
    }

    #[test]
    fn a_path_leads_through_fields_lists_and_maps() {
        let object = json!({
            "spec": {
                "name": "a",
                "list": [{ "name": "b" }, { "other": 1 }, { "name": "c" }],
                "map": { "x": { "s3": { "name": "d" } }, "y": 7 },
                "names": ["e", "f"],
            },
        });
        assert_eq!(found("spec.name", &object), [json!("a")]);
        assert_eq!(found("spec.list[*].name", &object), [json!("b"), json!("c")]);
        assert_eq!(found("spec.map[*].s3.name", &object), [json!("d")]);
        assert_eq!(found("spec.names[*]", &object), [json!("e"), json!("f")]);
        assert!(found("spec.absent.name", &object).is_empty());
        assert!(found("spec.name[*].x", &object).is_empty());
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for bad in ["", ".", "a..b", "[*]", "a[0]", "a b", "a.[*]"] {
            assert!(Path::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
