//! Secret files that are not there: noticed when the configuration is read, not hours later.

use std::path::Path;

use super::yaml::{Node, Problem, Value};

/// Where the files of secrets are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecretFiles {
    /// Here: one that is absent is a mistake.
    #[default]
    Here,
    /// Where the configuration will be in use.
    Elsewhere,
}

impl SecretFiles {
    /// Every `{ file: … }` below `node` that names no file. No parameter but a secret's is written
    /// so.
    pub(super) fn missing(self, node: &Node) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self == Self::Here {
            walk(node, &mut problems);
        }
        problems
    }
}

fn walk(node: &Node, problems: &mut Vec<Problem>) {
    match &node.value {
        Value::Scalar { .. } => {}
        Value::Sequence(elements) => elements.iter().for_each(|element| walk(element, problems)),
        Value::Mapping(pairs) => match pairs.as_slice() {
            [(key, _, Node { value: Value::Scalar { text, plain: _ }, at })] if key == "file" => {
                if !Path::new(text).exists() {
                    let message = format!("the secret file {text} does not exist");
                    problems.push(Problem::at(*at, message));
                }
            }
            pairs => pairs.iter().for_each(|(_, _, value)| walk(value, problems)),
        },
    }
}
