//! Bucket policies: whom they let in, as far as that is everybody. Pure.
//!
//! "Everybody" is meant as AWS means a public bucket: a wildcard principal, and no condition that
//! binds the statement to fixed values. Whoever is named is nobody's business here.

use std::collections::HashSet;
use std::net::IpAddr;

use serde_json::Value;

use crate::model::judgement::legible;

/// The largest policy that is read, in bytes: AWS allows 20 KiB, others little more.
const LARGEST: usize = 1 << 20;

/// Keys of conditions that bind a statement, in lower case, where their values are fixed.
const BINDING: [&str; 12] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
];
/// Actions that read, write or delete objects, in lower case.
const OF_OBJECTS: [&str; 5] = [
    "s3:getobject",
    "s3:getobjectversion",
    "s3:putobject",
    "s3:deleteobject",
    "s3:deleteobjectversion",
];
/// Operators that bind, in lower case.
const OPERATORS: [&str; 6] =
    ["arnequals", "arnlike", "ipaddress", "stringequals", "stringequalsignorecase", "stringlike"];

/// What a policy says of everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What everybody is allowed, by statement: its actions.
    pub open: Vec<Vec<String>>,
    /// Whether all that lets everybody in may be taken back by what is denied to everybody.
    pub denies: bool,
}

impl Policy {
    /// What everybody is allowed by all statements, each action once: those that read, write or
    /// delete objects first, then others about objects.
    pub fn actions(&self) -> Vec<&str> {
        let mut actions: Vec<&str> = Vec::new();
        let mut known = HashSet::new();
        for action in self.open.iter().flatten() {
            if known.insert(action.to_lowercase()) {
                actions.push(action);
            }
        }
        actions.sort_by_key(|action| rank(&action.to_lowercase()));
        actions
    }

    /// Reads a policy's JSON.
    ///
    /// # Errors
    /// A sentence that says why nobody can tell what it allows.
    pub fn read(json: &[u8]) -> Result<Self, String> {
        if json.len() > LARGEST {
            return Err(format!("the policy is larger than {LARGEST} bytes"));
        }
        let policy: Value =
            serde_json::from_slice(json).map_err(|_| "the policy is not JSON".to_owned())?;
        let statements = match policy.get("Statement") {
            Some(Value::Array(statements)) => statements.as_slice(),
            Some(one @ Value::Object(_)) => std::slice::from_ref(one),
            _ => return Err("the policy has no statements".to_owned()),
        };
        let mut read = Self::default();
        let (mut open, mut denied) = (Vec::new(), Vec::new());
        for statement in statements {
            match statement.get("Effect").and_then(Value::as_str) {
                Some("Allow") if is_open(statement)? => {
                    read.open.push(actions(statement));
                    open.push(statement);
                }
                Some("Deny") if takes_back(statement)? => denied.push(statement),
                Some("Allow" | "Deny") => {}
                _ => return Err("a statement of the policy has no known effect".to_owned()),
            }
        }
        let back = |open: &&Value| denied.iter().any(|denied| share_actions(open, denied));
        read.denies = !open.is_empty() && open.iter().all(back);
        Ok(read)
    }
}

/// Whether a statement that denies may leave nobody in: it is for everybody, and on no condition but
/// who asks, and from where. One about transport, or how to encrypt, leaves everybody a way.
fn takes_back(statement: &Value) -> Result<bool, String> {
    let is_about_whom = |operators: &Value| {
        operators.as_object().is_some_and(|operators| {
            operators.values().filter_map(Value::as_object).flatten().all(|(key, _)| {
                let key = key.to_lowercase();
                BINDING.contains(&key.as_str()) || key.starts_with("aws:principal")
            })
        })
    };
    Ok(is_for_everybody(statement)? && statement.get("Condition").is_none_or(is_about_whom))
}

/// Whether two statements are about the same actions, as far as their words tell.
fn share_actions(one: &Value, other: &Value) -> bool {
    let words = |statement: &Value| {
        let words = all(statement.get("Action")?);
        words.iter().map(|word| Some(word.as_str()?.to_lowercase())).collect::<Option<Vec<_>>>()
    };
    // All but some are as many as all.
    let Some((one, other)) = words(one).zip(words(other)) else { return true };
    one.iter().any(|one| other.iter().any(|other| overlap(one, other)))
}

/// Whether two names with wildcards can mean the same, by what stands before the wildcards.
fn overlap(one: &str, other: &str) -> bool {
    let head = |name: &str| name.find(['*', '?']);
    match (head(one), head(other)) {
        (None, None) => one == other,
        (None, Some(end)) => one.starts_with(&other[..end]),
        (Some(end), None) => other.starts_with(&one[..end]),
        (Some(end), Some(their)) => {
            one.starts_with(&other[..their.min(end)]) && other.starts_with(&one[..end.min(their)])
        }
    }
}

/// Whether everybody is let in, whatever they come from.
fn is_open(statement: &Value) -> Result<bool, String> {
    Ok(is_for_everybody(statement)? && !statement.get("Condition").is_some_and(binds))
}

fn is_for_everybody(statement: &Value) -> Result<bool, String> {
    let Some(principal) = statement.get("Principal") else {
        // All but some are as many as all.
        let others = statement.get("NotPrincipal").is_some();
        return others
            .then_some(true)
            .ok_or_else(|| "a statement of the policy has no principal".to_owned());
    };
    let of = principal.as_object().map_or_else(|| vec![principal], |of| of.values().collect());
    let mut everybody = false;
    for who in of {
        for word in all(who) {
            let word = word.as_str().ok_or("a principal of the policy is not text")?;
            everybody |= word.contains('*');
        }
    }
    Ok(everybody)
}

/// What JSON of policies says in a list, or without one.
fn all(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// Whether one of the conditions, which must all be met, binds the statement to fixed values.
fn binds(conditions: &Value) -> bool {
    let Value::Object(operators) = conditions else { return false };
    operators.iter().any(|(operator, keys)| {
        let known = OPERATORS.contains(&operator.to_lowercase().as_str());
        let Value::Object(keys) = keys else { return false };
        known && keys.iter().any(|(key, values)| is_fixed(&key.to_lowercase(), values))
    })
}

fn is_fixed(key: &str, values: &Value) -> bool {
    let values = all(values);
    let fixed = |value: &Value| {
        value.as_str().is_some_and(|value| {
            if key == "aws:sourceip" { is_narrow(value) } else { !value.contains(['*', '?']) }
        })
    };
    BINDING.contains(&key) && !values.is_empty() && values.iter().all(fixed)
}

/// Whether a range of addresses is not about everybody: AWS draws the line at `/8` and `/32`.
fn is_narrow(range: &str) -> bool {
    let (address, bits) = match range.split_once('/') {
        Some((address, bits)) => (address, bits.parse::<u8>().ok()),
        None => (range, Some(u8::MAX)),
    };
    match (address.parse::<IpAddr>(), bits) {
        (Ok(IpAddr::V4(_)), Some(bits)) => bits >= 8,
        (Ok(IpAddr::V6(_)), Some(bits)) => bits >= 32,
        (_, _) => false,
    }
}

/// How far down an action is named, in lower case: what reads or writes objects first. Of words with
/// wildcards, and of all but some, the worst is thought.
fn rank(action: &str) -> u8 {
    let touches = OF_OBJECTS.iter().any(|name| overlap(action, name));
    match (touches, action.contains("object")) {
        _ if action.starts_with("all but ") || action == "something" => 0,
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    }
}

fn actions(statement: &Value) -> Vec<String> {
    let words = |value: &Value| -> Vec<String> {
        let words = all(value).iter().filter_map(Value::as_str);
        words.map(|word| legible(word, 80)).collect()
    };
    let allowed = match (statement.get("Action"), statement.get("NotAction")) {
        (Some(actions), _) => words(actions),
        (None, Some(others)) => {
            vec![legible(&format!("all but {}", words(others).join(", ")), 200)]
        }
        (None, None) => Vec::new(),
    };
    if allowed.is_empty() { vec!["something".to_owned()] } else { allowed }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn open(statement: &str) -> Result<bool, String> {
        let json = format!("{{\"Statement\": [{{ \"Effect\": \"Allow\", {statement} }}]}}");
        Policy::read(json.as_bytes()).map(|policy| !policy.open.is_empty())
    }

    #[test]
    fn a_wildcard_without_a_binding_condition_is_everybody() {
        for statement in [
            r#""Principal": "*", "Action": "s3:GetObject""#,
            r#""Principal": {"AWS": "*"}"#,
            r#""Principal": {"AWS": ["arn:aws:iam::1:root", "*"]}"#,
            r#""Principal": {"AWS": "arn:aws:iam::*:root"}"#,
            r#""NotPrincipal": {"AWS": "arn:aws:iam::1:root"}"#,
            r#""Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}"#,
            r#""Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "::/0"]}}"#,
            r#""Principal": "*", "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#,
            r#""Principal": "*", "Condition": {"StringLike": {"aws:Referer": "https://a.example"}}"#,
            r#""Principal": "*", "Condition": {"StringLike": {"aws:SourceVpce": "vpce-*"}}"#,
            r#""Principal": "*", "Condition": {"StringEquals": {"aws:SourceVpce": []}}"#,
            r#""Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}"#,
        ] {
            assert_eq!(open(statement), Ok(true), "{statement}");
        }
    }

    #[test]
    fn whoever_is_named_or_bound_is_not_everybody() {
        for statement in [
            r#""Principal": {"AWS": "arn:aws:iam::1:user/app"}"#,
            r#""Principal": {"AWS": ["arn:aws:iam::1:user/app"]}"#,
            r#""Principal": {"Service": "logging.s3.amazonaws.com"}"#,
            r#""Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}"#,
            r#""Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.7"}}"#,
            r#""Principal": "*", "Condition": {"StringEquals": {"aws:sourceVpce": ["vpce-1"]}}"#,
        ] {
            assert_eq!(open(statement), Ok(false), "{statement}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_answer() {
        for json in [
            "",
            "[]",
            "{}",
            r#"{"Statement": 7}"#,
            r#"{"Statement": [7]}"#,
            r#"{"Statement": [{"Principal": "*"}]}"#,
            r#"{"Statement": [{"Effect": "allow", "Principal": "*"}]}"#,
            r#"{"Statement": [{"Effect": "Allow"}]}"#,
            r#"{"Statement": [{"Effect": "Allow", "Principal": 7}]}"#,
            r#"{"Statement": [{"Effect": "Allow", "Principal": {"AWS": [{}]}}]}"#,
        ] {
            assert!(Policy::read(json.as_bytes()).is_err(), "{json}");
        }
        assert!(Policy::read(&vec![b' '; LARGEST + 1]).unwrap_err().contains("larger"));
    }

    #[test]
    fn what_is_denied_to_everybody_is_noticed() {
        let policy = Policy::read(
            br#"{"Statement": [{"Effect": "Allow", "Principal": "*", "NotAction": ["s3:Put"]},
            {"Effect": "Deny", "Principal": "*", "Action": "s3:*"}]}"#,
        );
        let open = vec![vec!["all but s3:Put".to_owned()]];
        assert_eq!(policy, Ok(Policy { open, denies: true }));
        let one = br#"{"Statement": {"Effect": "Deny", "Principal": {"AWS": "a"}}}"#;
        assert_eq!(Policy::read(one), Ok(Policy::default()));
    }

    #[test]
    fn actions_of_all_statements_are_told_the_worst_first() {
        let actions = |statements: &str| {
            let json = format!(r#"{{"Statement": [{statements}]}}"#);
            let policy = Policy::read(json.as_bytes()).unwrap();
            policy.actions().join(" ")
        };
        let list = r#"{"Effect": "Allow", "Principal": "*",
            "Action": ["s3:GetBucketLocation", "s3:ListBucket"]}"#;
        for (second, told) in [
            (r#""s3:GetObject""#, "s3:GetObject s3:GetBucketLocation s3:ListBucket"),
            (r#""s3:*""#, "s3:* s3:GetBucketLocation s3:ListBucket"),
            (
                r#"["s3:GetObjectAcl", "s3:listbucket", "s3:Put*"]"#,
                "s3:Put* s3:GetObjectAcl s3:GetBucketLocation s3:ListBucket",
            ),
            ("7", "something s3:GetBucketLocation s3:ListBucket"),
        ] {
            let open = format!(r#"{{"Effect": "Allow", "Principal": "*", "Action": {second}}}"#);
            assert_eq!(actions(&format!("{list}, {open}")), told);
        }
    }

    #[test]
    fn what_is_denied_takes_back_only_what_it_is_about() {
        let back = |deny: &str| {
            let json = format!(
                r#"{{"Statement": [{{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}},
                {{"Effect": "Deny", {deny}}}]}}"#
            );
            Policy::read(json.as_bytes()).unwrap().denies
        };
        for deny in [
            r#""Principal": "*", "Action": "s3:*""#,
            r#""Principal": {"AWS": "*"}, "Action": ["s3:Put*", "s3:getobject"]"#,
            r#""NotPrincipal": {"AWS": "a"}, "NotAction": "s3:PutObject""#,
            r#""Principal": "*", "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}"#,
            r#""Principal": "*", "Condition": {"StringNotEquals": {"aws:PrincipalTag/a": "b"}}"#,
        ] {
            assert!(back(deny), "{deny}");
        }
        for deny in [
            r#""Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}"#,
            r#""Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"},
               "NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}"#,
            r#""Principal": "*", "Action": ["s3:PutObject", "s3:GetObjectAcl", "s3:Delete*"]"#,
            r#""Principal": {"AWS": "arn:aws:iam::1:root"}, "Action": "s3:*""#,
        ] {
            assert!(!back(deny), "{deny}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_crash(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(Policy::read(&bytes));
        }

        #[test]
        fn a_statement_for_everybody_is_open_or_unreadable_whatever_else_it_says(
            key in "[A-Za-z]{1,12}", value in "[ -~]{0,20}"
        ) {
            prop_assume!(!["Principal", "Effect", "Condition"].contains(&key.as_str()));
            let text = Value::String(value);
            let found = open(&format!(r#""Principal": "*", {key:?}: {text}"#));
            prop_assert!(found != Ok(false));
        }
    }
}
