//! Variables: `${name}` and `${name:-default}` in values; `$${` stands for `${` itself.

use std::collections::BTreeMap;

use super::node::{Node, Position, Problem, Value};

/// The most text that variables may make of a file, in bytes.
const MOST_BYTES: usize = 16 << 20;

/// Puts the variables into all values below `node`; keys are left as they are.
///
/// Returns every variable that is not known or not well written.
pub fn interpolate(node: &mut Node, variables: &BTreeMap<String, String>) -> Vec<Problem> {
    let mut walk = Walk { variables, problems: Vec::new(), left: MOST_BYTES };
    walk.node(node);
    walk.problems
}

struct Walk<'v> {
    variables: &'v BTreeMap<String, String>,
    problems: Vec<Problem>,
    left: usize,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::Scalar { text, plain } if text.contains("${") => {
                self.scalar(text, node.at);
                // An empty variable is an empty text: that nothing stands there is another thing.
                *plain &= !text.is_empty();
            }
            Value::Scalar { .. } => {}
            Value::Sequence(elements) => elements.iter_mut().for_each(|element| self.node(element)),
            Value::Mapping(pairs) => pairs.iter_mut().for_each(|(_, _, value)| self.node(value)),
        }
    }

    fn scalar(&mut self, text: &mut String, at: Position) {
        let enough = self.left > 0;
        match replace(text, self.variables, at) {
            Ok(replaced) => {
                self.left = self.left.saturating_sub(replaced.len());
                *text = replaced;
            }
            Err(problem) => self.problems.push(problem),
        }
        if enough && self.left == 0 {
            let most = bytesize::ByteSize(MOST_BYTES as u64);
            let message = format!("variables make more than {most} of text up to here");
            self.problems.push(Problem::at(at, message));
        }
        if !enough {
            text.clear();
        }
    }
}

fn replace(
    text: &str,
    variables: &BTreeMap<String, String>,
    at: Position,
) -> Result<String, Problem> {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, reference) = rest.split_at(start);
        if let Some(escaped) = before.strip_suffix('$') {
            replaced.push_str(escaped);
            replaced.push_str("${");
            rest = &reference[2..];
            continue;
        }
        replaced.push_str(before);
        let Some(end) = reference.find('}') else {
            return Err(Problem::at(at, format!("`{reference}` has no closing brace"))
                .hint("write `$${` for the characters themselves"));
        };
        replaced.push_str(&value(&reference[2..end], variables, at)?);
        rest = &reference[end + 1..];
    }
    replaced.push_str(rest);
    Ok(replaced)
}

fn value(
    reference: &str,
    variables: &BTreeMap<String, String>,
    at: Position,
) -> Result<String, Problem> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let known = variables.get(name).filter(|value| default.is_none() || !value.is_empty());
    if let Some(value) = known.map(String::as_str).or(default) {
        return Ok(value.to_owned());
    }
    let problem = Problem::at(at, format!("the variable `{name}` is not known"));
    let hint = match super::super::flaw::closest(name, variables.keys().map(String::as_str)) {
        Some(close) => format!("did you mean `{close}`?"),
        None => {
            format!("set it under `variables`, or write `${{{name}:-}}` for one that may be absent")
        }
    };
    Err(problem.hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<String, String> {
        let variables = BTreeMap::from([
            ("host".to_owned(), "example.org".to_owned()),
            ("none".to_owned(), String::new()),
        ]);
        replace(text, &variables, Position { line: 1, column: 1 }).map_err(|p| p.message)
    }

    #[test]
    fn variables_are_put_in() {
        assert_eq!(
            with("https://${host}:443/${host}").unwrap(),
            "https://example.org:443/example.org"
        );
        assert_eq!(with("${none}").unwrap(), "");
        assert_eq!(with("${none:-x}${absent:-y}").unwrap(), "xy");
        assert_eq!(with("$${host} $5").unwrap(), "${host} $5");
    }

    #[test]
    fn an_unknown_variable_is_named() {
        assert_eq!(with("${hots}").unwrap_err(), "the variable `hots` is not known");
        assert_eq!(with("a ${host").unwrap_err(), "`${host` has no closing brace");
    }
}
