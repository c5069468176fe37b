//! A key that may be written, and the keys below it, as the JSON Schema tells.

use schemars::Schema;
use serde_json::{Map, Value};

/// The deepest that keys are followed.
const DEEPEST: usize = 10;
/// Where the definitions stand in a schema.
const DEFINITIONS: &str = "#/$defs/";
/// Checks have a page of their own.
const CHECK: &str = "AnyCheck";
/// What takes one of a few words.
const WORD: &str = "word";

/// A key that may be written.
#[derive(Debug, PartialEq)]
pub(super) struct Field {
    /// The key; of a mapping's own keys a word in angle brackets.
    pub(super) name: String,
    /// Whether it must be there.
    pub(super) required: bool,
    /// What it takes, in a word or two.
    pub(super) takes: String,
    /// What it is where it is not written, as JSON.
    pub(super) default: Option<String>,
    /// What it means.
    pub(super) about: String,
    /// The words that it takes, with what each means.
    pub(super) choices: Vec<(String, String)>,
    /// The keys below it.
    pub(super) fields: Vec<Self>,
}

/// The keys of an object.
pub(super) fn fields(schema: &Schema) -> Vec<Field> {
    let root = schema.as_value();
    let definitions = root.get("$defs").and_then(Value::as_object);
    let reader = Reader { definitions };
    reader.properties(root, DEEPEST)
}

struct Reader<'s> {
    definitions: Option<&'s Map<String, Value>>,
}

/// What a value may be.
#[derive(Default)]
struct Shape {
    takes: String,
    choices: Vec<(String, String)>,
    fields: Vec<Field>,
}

impl<'s> Reader<'s> {
    fn properties(&self, object: &'s Value, depth: usize) -> Vec<Field> {
        let required = object.get("required").and_then(Value::as_array);
        let is_required = |name: &str| {
            required.is_some_and(|names| names.iter().any(|one| one.as_str() == Some(name)))
        };
        let properties = object.get("properties").and_then(Value::as_object);
        let field = |(name, schema): (&String, &'s Value)| {
            let Shape { takes, choices, fields } = self.shape(schema, depth);
            let default = schema.get("default").filter(|default| !is_empty(default));
            Field {
                name: name.clone(),
                required: is_required(name),
                takes,
                default: default.map(Value::to_string),
                about: self.about(schema).to_owned(),
                choices,
                fields,
            }
        };
        properties.into_iter().flatten().map(field).collect()
    }

    /// The schema's own words, else those of what it refers to.
    fn about(&self, schema: &'s Value) -> &'s str {
        let own = schema.get("description").and_then(Value::as_str);
        let meant = own.or_else(|| self.resolved(schema).0.get("description")?.as_str());
        meant.unwrap_or_default()
    }

    /// What the schema stands for where it refers to another or may be null, and its name.
    fn resolved(&self, schema: &'s Value) -> (&'s Value, &'s str) {
        let (mut schema, mut name) = (schema, "");
        for _ in 0..DEEPEST {
            let definition = schema.get("$ref").and_then(Value::as_str).and_then(|reference| {
                let name = reference.strip_prefix(DEFINITIONS)?;
                Some((self.definitions?.get(name)?, name))
            });
            let others = || schema.get("anyOf").and_then(Value::as_array);
            if let Some((meant, called)) = definition {
                (schema, name) = (meant, called);
            } else if let Some(meant) = others().and_then(|others| only(others)) {
                schema = meant;
            } else {
                break;
            }
        }
        (schema, name)
    }

    fn shape(&self, schema: &'s Value, depth: usize) -> Shape {
        let (schema, name) = self.resolved(schema);
        if name == CHECK {
            return Shape { takes: "a check".to_owned(), ..Shape::default() };
        }
        let Some(depth) = depth.checked_sub(1) else { return Shape::default() };
        let variants = ["oneOf", "anyOf"].into_iter().find_map(|key| schema.get(key)?.as_array());
        if let Some(variants) = variants {
            return self.one_of(variants, depth);
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            let choices = words.iter().map(|word| (plain(word), String::new())).collect();
            return Shape { takes: WORD.to_owned(), choices, ..Shape::default() };
        }
        if let Some(items) = schema.get("items") {
            let of = self.shape(items, depth);
            let takes = format!("list of {}", many(&of.takes));
            return Shape { takes, ..of };
        }
        let values = schema.get("additionalProperties").filter(|values| values.is_object());
        if let Some(values) = values {
            let of = self.shape(values, depth);
            let takes = format!("mapping to {}", many(&of.takes));
            return Shape { takes, ..of };
        }
        if schema.get("properties").is_some() {
            let fields = self.properties(schema, depth);
            return Shape { takes: "mapping".to_owned(), fields, ..Shape::default() };
        }
        Shape { takes: scalar(schema), ..Shape::default() }
    }

    /// Words that may be written, and mappings of one key that may.
    fn one_of(&self, variants: &'s [Value], depth: usize) -> Shape {
        let mut shape = Shape::default();
        let mut takes = Vec::new();
        for variant in variants {
            let about = variant.get("description").and_then(Value::as_str).unwrap_or_default();
            if let Some(word) = variant.get("const") {
                shape.choices.push((plain(word), about.to_owned()));
                continue;
            }
            let mut of = self.shape(variant, depth);
            if let [field] = of.fields.as_mut_slice() {
                // Of an alternative, the alternative's words say more.
                field.required = false;
                if !about.is_empty() {
                    about.clone_into(&mut field.about);
                }
            }
            if !takes.contains(&of.takes) {
                takes.push(of.takes);
            }
            shape.fields.append(&mut of.fields);
            shape.choices.append(&mut of.choices);
        }
        if !shape.choices.is_empty() {
            takes.insert(0, WORD.to_owned());
        }
        shape.takes = takes.join(" or ");
        shape
    }
}

/// The one alternative that is not null.
fn only(variants: &[Value]) -> Option<&Value> {
    let is_null = |variant: &&Value| variant.get("type").and_then(Value::as_str) == Some("null");
    let mut others = variants.iter().filter(|variant| !is_null(variant));
    others.next().filter(|_| others.next().is_none())
}

fn scalar(schema: &Value) -> String {
    let types = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => Vec::new(),
    };
    let word = |name: &&str| match *name {
        "string" => Some("text"),
        "integer" => Some("whole number"),
        "number" => Some("number"),
        "boolean" => Some("true or false"),
        "array" => Some("list"),
        "object" => Some("mapping"),
        _ => None,
    };
    let words: Vec<_> = types.iter().filter_map(word).collect();
    let words = if words.is_empty() { "value".to_owned() } else { words.join(" or ") };
    match schema.get("examples").and_then(Value::as_array).and_then(|all| all.first()) {
        Some(example) => format!("{words}, such as {}", plain(example)),
        None => words,
    }
}

/// The plural, where there is a plain one.
fn many(takes: &str) -> String {
    match takes {
        WORD | "whole number" | "number" | "mapping" | "list" => format!("{takes}s"),
        "a check" => "checks".to_owned(),
        _ => takes.to_owned(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether a default says no more than that nothing is written.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use schemars::json_schema;

    use super::*;

    #[test]
    fn references_alternatives_lists_and_words_are_followed() {
        let schema = json_schema!({
            "properties": {
                "limits": { "anyOf": [{ "$ref": "#/$defs/Limits" }, { "type": "null" }] },
                "colours": { "type": "array", "items": { "$ref": "#/$defs/Colour" } },
            },
            "required": ["colours"],
            "$defs": {
                "Limits": {
                    "description": "Two steps.",
                    "properties": { "warn": { "type": "integer", "default": 3 } },
                },
                "Colour": { "oneOf": [
                    { "const": "red", "description": "Like fire." },
                    { "const": "blue" },
                ]},
            },
        });
        let fields = fields(&schema);
        let [limits, colours] = fields.as_slice() else { panic!("{fields:?}") };
        assert_eq!((limits.about.as_str(), limits.required), ("Two steps.", false));
        assert_eq!(limits.fields[0].default.as_deref(), Some("3"));
        assert_eq!(limits.fields[0].takes, "whole number");
        assert_eq!((colours.takes.as_str(), colours.required), ("list of words", true));
        let choices = [("red", "Like fire."), ("blue", "")];
        assert_eq!(colours.choices, choices.map(|(word, about)| (word.into(), about.into())));
    }

    #[test]
    fn a_schema_that_refers_to_itself_comes_to_an_end() {
        let schema = json_schema!({
            "properties": { "more": { "$ref": "#/$defs/More" } },
            "$defs": { "More": { "properties": { "more": { "$ref": "#/$defs/More" } } } },
        });
        assert_eq!(fields(&schema).len(), 1);
    }
}
