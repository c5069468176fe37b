//! Label and field selectors.

use super::failure::Failure;
use super::kinds::Kind;
use super::object::Object;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Name,
    Namespace,
    /// The kind's selectable field of this number.
    Own(usize),
}

/// Which objects a list or a watch is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    namespace: Option<String>,
    labels: Vec<(String, Wanted)>,
    fields: Vec<(Field, bool, String)>,
}

impl Selector {
    pub(super) fn parse(
        kind: &Kind,
        namespace: Option<&str>,
        labels: &str,
        fields: &str,
    ) -> Result<Self, Failure> {
        Ok(Self {
            namespace: namespace.map(str::to_owned),
            labels: split(labels).into_iter().map(label).collect::<Result<_, _>>()?,
            fields: split(fields)
                .into_iter()
                .map(|term| field(kind, term))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether it leaves objects of the namespace out.
    pub(super) fn selects(&self) -> bool {
        !(self.labels.is_empty() && self.fields.is_empty())
    }

    pub(super) fn takes(&self, object: &Object) -> bool {
        self.namespace.as_deref().is_none_or(|namespace| namespace == &*object.key.0)
            && self.labels.iter().all(|(name, wanted)| {
                let value = object.labels.get(name);
                match wanted {
                    Wanted::In(values) => value.is_some_and(|value| values.contains(value)),
                    Wanted::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
                    Wanted::Exists => value.is_some(),
                    Wanted::Absent => value.is_none(),
                }
            })
            && self.fields.iter().all(|(field, equal, wanted)| {
                let value: &str = match field {
                    Field::Name => &object.key.1,
                    Field::Namespace => &object.key.0,
                    Field::Own(number) => &object.fields[*number],
                };
                (value == wanted) == *equal
            })
    }
}

/// The terms between commas that are not inside parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let terms = text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    terms.map(str::trim).filter(|term| !term.is_empty()).collect()
}

fn label(term: &str) -> Result<(String, Wanted), Failure> {
    let wrong = || Failure::bad_request(format!("unable to parse requirement: {term}"));
    let (name, wanted) = if let Some((name, value)) = term.split_once("!=") {
        (name, Wanted::NotIn(vec![value.trim().to_owned()]))
    } else if let Some((name, value)) = term.split_once('=') {
        let value = value.strip_prefix('=').unwrap_or(value);
        (name, Wanted::In(vec![value.trim().to_owned()]))
    } else if let Some((start, values)) = term.split_once('(') {
        let values = values.strip_suffix(')').ok_or_else(wrong)?;
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        match start.trim().split_once(char::is_whitespace) {
            Some((name, "in")) => (name, Wanted::In(values)),
            Some((name, "notin")) => (name, Wanted::NotIn(values)),
            _ => return Err(wrong()),
        }
    } else if let Some(name) = term.strip_prefix('!') {
        (name, Wanted::Absent)
    } else {
        (term, Wanted::Exists)
    };
    let name = name.trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(wrong());
    }
    Ok((name.to_owned(), wanted))
}

fn field(kind: &Kind, term: &str) -> Result<(Field, bool, String), Failure> {
    let (path, equal, value) = if let Some((path, value)) = term.split_once("!=") {
        (path, false, value)
    } else if let Some((path, value)) = term.split_once('=') {
        (path, true, value.strip_prefix('=').unwrap_or(value))
    } else {
        return Err(Failure::bad_request(format!("invalid selector: '{term}'; can't understand")));
    };
    let field = match path {
        "metadata.name" => Field::Name,
        "metadata.namespace" => Field::Namespace,
        _ => {
            let known = kind.selectable().iter().position(|known| *known == path);
            let unknown = || Failure::bad_request(format!("field label not supported: {path}"));
            Field::Own(known.ok_or_else(unknown)?)
        }
    };
    Ok((field, equal, value.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::kinds::built_in;

    fn takes(labels: &str, fields: &str) -> bool {
        let kind = built_in().find(|kind| kind.plural == "pods").unwrap();
        let object = Object::new(
            &kind,
            &json!({
                "metadata": { "name": "a", "namespace": "n", "labels": { "app": "api", "tier": "b" } },
                "status": { "phase": "Running" },
            }),
        );
        Selector::parse(&kind, None, labels, fields).unwrap().takes(&object)
    }

    #[test]
    fn labels_select_as_kubernetes_says() {
        let rows = [
            ("app=api", true),
            ("app==api,tier!=a", true),
            ("app!=api", false),
            ("none!=x", true),
            ("app in (ui, api)", true),
            ("app in (ui,cron),tier", false),
            ("app notin (ui,cron)", true),
            ("none notin (x)", true),
            ("tier", true),
            ("!tier", false),
            ("!none", true),
        ];
        for (selector, wanted) in rows {
            assert_eq!(takes(selector, ""), wanted, "{selector}");
        }
    }

    #[test]
    fn fields_select_by_equality() {
        let rows = [
            ("metadata.name=a", true),
            ("metadata.name!=a", false),
            ("metadata.namespace==n,status.phase!=Running", false),
            ("status.phase=Running", true),
        ];
        for (selector, wanted) in rows {
            assert_eq!(takes("", selector), wanted, "{selector}");
        }
    }
}
