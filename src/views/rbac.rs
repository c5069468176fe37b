//! Rights as the objects that grant them, for `kubectl apply`, with a comment above each rule.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::model::rights::{Rights, Role, Rule, Target, told};

/// The account that Vigie runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The namespace of its service account.
    pub namespace: String,
}

/// The name of the service account, and what the names of all objects begin with.
const VIGIE: &str = "vigie";
const RBAC: &str = "rbac.authorization.k8s.io/v1";
/// The longest line of a comment.
const WIDTH: usize = 100;

/// The objects: the service account, then a role and its binding for the cluster, where that is
/// needed, and for each namespace.
pub fn objects(rights: &Rights, account: &Account) -> Vec<Value> {
    let mut objects = vec![service_account(account)];
    for role in rights.roles() {
        objects.push(role_object(&role, account));
        objects.push(binding(&role, account));
    }
    objects
}

/// The same as YAML.
pub fn yaml(rights: &Rights, account: &Account) -> String {
    let roles = rights.roles();
    let mut text = header(rights, account);
    document(&mut text, &service_account(account));
    for role in &roles {
        let object = role_object(role, account);
        text.push_str("---\n");
        for key in ["apiVersion", "kind", "metadata"] {
            member(&mut text, 0, key, &object[key]);
        }
        text.push_str("rules:\n");
        for rule in role.rules() {
            comment(&mut text, "  ", &told(rule.purposes()));
            item(&mut text, "  ", &rule_object(rule));
        }
        text.push_str("---\n");
        document(&mut text, &binding(role, account));
    }
    text
}

fn header(rights: &Rights, account: &Account) -> String {
    let count = match rights.granted().len() {
        0 => "no right at all in the cluster".to_owned(),
        1 => "1 right".to_owned(),
        count => format!("{count} rights"),
    };
    let mut text = String::new();
    let about = format!(
        "What Vigie needs of Kubernetes, by `vigie rbac`: {count}, for the service account `{VIGIE}` \
         in the namespace `{}`. Namespaces must exist. Above each rule stands who needs it: the \
         kind of check and the items, or the connection and the items that use it.",
        account.namespace
    );
    comment(&mut text, "", &about);
    text
}

fn metadata(account: &Account, namespace: Option<&str>) -> Value {
    // Another Vigie, in another namespace, leaves these roles alone.
    let mut metadata = json!({ "name": format!("{VIGIE}:{}", account.namespace) });
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    metadata["labels"] = json!({ "app.kubernetes.io/name": VIGIE });
    metadata
}

fn service_account(account: &Account) -> Value {
    let mut metadata = metadata(account, Some(&account.namespace));
    metadata["name"] = VIGIE.into();
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata })
}

fn kind(role: &Role) -> &'static str {
    if role.namespace().is_some() { "Role" } else { "ClusterRole" }
}

fn role_object(role: &Role, account: &Account) -> Value {
    json!({
        "apiVersion": RBAC,
        "kind": kind(role),
        "metadata": metadata(account, role.namespace()),
        "rules": role.rules().iter().map(rule_object).collect::<Vec<_>>(),
    })
}

fn rule_object(rule: &Rule) -> Value {
    match rule.target() {
        Target::Resources { group, resources, names } => {
            let mut object = json!({ "apiGroups": [group], "resources": resources });
            if !names.is_empty() {
                object["resourceNames"] = json!(names);
            }
            object["verbs"] = json!(rule.verbs());
            object
        }
        Target::Paths(paths) => json!({ "nonResourceURLs": paths, "verbs": rule.verbs() }),
    }
}

fn binding(role: &Role, account: &Account) -> Value {
    let metadata = metadata(account, role.namespace());
    json!({
        "apiVersion": RBAC,
        "kind": format!("{}Binding", kind(role)),
        "metadata": metadata,
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": kind(role),
            "name": metadata["name"],
        },
        "subjects": [
            { "kind": "ServiceAccount", "name": VIGIE, "namespace": account.namespace },
        ],
    })
}

fn document(text: &mut String, object: &Value) {
    for (key, value) in object.as_object().into_iter().flatten() {
        member(text, 0, key, value);
    }
}

/// One member of a mapping: nested mappings as blocks, lists of words in one line.
fn member(text: &mut String, depth: usize, key: &str, value: &Value) {
    let indent = "  ".repeat(depth);
    // Writing to a string can't fail.
    match value {
        Value::Object(members) => {
            writeln!(text, "{indent}{}:", word(key)).ok();
            for (key, value) in members {
                member(text, depth + 1, key, value);
            }
        }
        Value::Array(all) if all.iter().any(Value::is_object) => {
            writeln!(text, "{indent}{}:", word(key)).ok();
            for one in all {
                item(text, &format!("{indent}  "), one);
            }
        }
        Value::Array(_) | Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {
            writeln!(text, "{indent}{}: {}", word(key), flow(value)).ok();
        }
    }
}

/// One mapping of a list.
fn item(text: &mut String, indent: &str, object: &Value) {
    let mut lead = "- ";
    for (key, value) in object.as_object().into_iter().flatten() {
        writeln!(text, "{indent}{lead}{}: {}", word(key), flow(value)).ok();
        lead = "  ";
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::Array(all) => format!("[{}]", all.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::String(text) => word(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// A text as YAML takes it for one: plain where nobody could read something else into it.
fn word(text: &str) -> String {
    const MEANT_OTHERWISE: [&str; 9] =
        ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-./:_".contains(c))
        && !MEANT_OTHERWISE.contains(&text.to_lowercase().as_str());
    // JSON's strings are YAML's.
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}

/// A comment in lines that can be read.
fn comment(text: &mut String, indent: &str, words: &str) {
    let mut line = String::new();
    let mut lines = Vec::new();
    for word in words.split_whitespace() {
        if !line.is_empty() && indent.len() + line.len() + word.len() + 3 > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    for line in lines {
        writeln!(text, "{indent}# {line}").ok();
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::model::item::ItemId;
    use crate::model::needs::{Needs, Resource, Right, Watch};
    use crate::model::rights::{Demands, Purpose};

    fn rights() -> Rights {
        let pods = Watch::all(Resource::known("", "v1", "pods", "Pod"));
        let odd = Watch::all(Resource::known("", "v1", "nodes", "Node")).named("true");
        let needs = Needs {
            watches: vec![pods.within("shop"), odd],
            rights: vec![Right::path("/readyz"), Right::secret("shop", "0x1")],
            ..Needs::default()
        };
        let mut demands = Demands::default();
        for number in 0..20 {
            let item = ItemId::parse(&format!("item-{number}")).unwrap();
            demands.add(&needs, &Purpose { by: Cow::Borrowed("pods"), item });
        }
        demands.rights(|_| None)
    }

    #[test]
    fn the_yaml_says_what_the_objects_say() {
        let account = Account { namespace: "watch".to_owned() };
        let text = yaml(&rights(), &account);
        let read: Vec<Value> = text
            .split("\n---\n")
            .map(|document| serde_saphyr::from_str(document).expect("YAML"))
            .collect();
        assert_eq!(read, objects(&rights(), &account), "{text}");
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
    }

    #[test]
    fn words_that_mean_something_else_are_quoted() {
        for (text, written) in [
            ("pods/log", "pods/log"),
            ("vigie:watch", "vigie:watch"),
            ("", "\"\""),
            ("true", "\"true\""),
            ("No", "\"No\""),
            ("1e3", "\"1e3\""),
            ("a: b", "\"a: b\""),
            ("a#", "\"a#\""),
            ("~", "\"~\""),
            ("a\"b\n", "\"a\\\"b\\n\""),
        ] {
            assert_eq!(word(text), written);
        }
    }
}
