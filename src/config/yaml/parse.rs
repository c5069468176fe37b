//! From text to tree, within bounds.

#![expect(clippy::wildcard_enum_match_arm, reason = "the parser's events are not exhaustive")]

use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle};

use super::node::{Node, Position, Problem, Value};

/// The most nodes of a file, those behind aliases counted at each use: an alias bomb ends here.
const MOST_NODES: usize = 200_000;
/// The most text of a file in bytes, that behind aliases counted at each use.
const MOST_BYTES: usize = 16 << 20;
/// The deepest nesting.
const DEEPEST: usize = 64;

/// Parses one YAML document.
///
/// # Errors
/// The first problem: syntax, a key that stands twice, tags, more than one document, too many
/// nodes, too deep a nesting.
pub fn parse(text: &str) -> Result<Node, Problem> {
    let options = granit_parser::options! { emit_comments: false };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut reader = Reader { parser, anchors: HashMap::new(), spent: Spent::default() };
    let mut root = None;
    loop {
        let (event, at) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(..) if root.is_some() => {
                return Err(Problem::at(at, "a second document begins here; one is expected"));
            }
            Event::DocumentStart(..) => {
                let first = reader.next()?;
                root = Some(reader.node(first, 0)?);
            }
            Event::StreamEnd => break,
            _ => return Err(Problem::at(at, "something stands here that is not part of it")),
        }
    }
    let start = Position { line: 1, column: 1 };
    root.ok_or_else(|| Problem::at(start, "the file is empty"))
}

struct Reader<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    anchors: HashMap<usize, (Node, Spent)>,
    spent: Spent,
}

/// What a tree, or a part of it, weighs.
#[derive(Clone, Copy, Default)]
struct Spent {
    nodes: usize,
    bytes: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Position), Problem> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, position(&span.start))),
            Some(Err(error)) => {
                Err(Problem::at(position(error.marker()), format!("not YAML: {}", error.kind())))
            }
            None => Ok((Event::StreamEnd, Position::default())),
        }
    }

    fn node(&mut self, (event, at): (Event<'t>, Position), depth: usize) -> Result<Node, Problem> {
        if depth > DEEPEST {
            return Err(Problem::at(at, format!("nested deeper than {DEEPEST} levels")));
        }
        let before = self.spent;
        self.count(Spent { nodes: 1, bytes: 0 }, at)?;
        let (value, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                self.count(Spent { nodes: 0, bytes: text.len() }, at)?;
                (Value::Scalar { text: text.into_owned(), plain }, anchor, tag)
            }
            Event::SequenceStart(_, anchor, tag) => (self.sequence(depth)?, anchor, tag),
            Event::MappingStart(_, anchor, tag) => (self.mapping(depth)?, anchor, tag),
            Event::Alias(anchor) => return self.alias(anchor, at),
            _ => return Err(Problem::at(at, "a value is expected here")),
        };
        if tag.is_some() {
            return Err(Problem::at(at, "tags (`!…`) have no meaning here"));
        }
        let node = Node { value, at };
        if anchor != 0 {
            let weight = Spent {
                nodes: self.spent.nodes - before.nodes,
                bytes: self.spent.bytes - before.bytes,
            };
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        Ok(node)
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut elements = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::Sequence(elements)),
                first => elements.push(self.node(first, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut pairs: Vec<(String, Position, Node)> = Vec::new();
        let mut places: HashMap<String, Position> = HashMap::new();
        loop {
            let (key, at) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Mapping(pairs)),
                (Event::Scalar(key, ..), at) => (key.into_owned(), at),
                (_, at) => return Err(Problem::at(at, "a key must be a single word")),
            };
            self.count(Spent { nodes: 1, bytes: key.len() }, at)?;
            if let Some(first) = places.insert(key.clone(), at) {
                let message = format!("`{key}` stands twice; first on line {}", first.line);
                return Err(Problem::at(at, message));
            }
            let first = self.next()?;
            pairs.push((key, at, self.node(first, depth + 1)?));
        }
    }

    fn alias(&mut self, anchor: usize, at: Position) -> Result<Node, Problem> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return Err(Problem::at(at, "this alias stands inside what it refers to"));
        };
        // Weighed before it is copied.
        let (spent, size) = (self.spent, *size);
        self.spent = spent.and(size, at)?;
        Ok(Node { at, ..node.clone() })
    }

    fn count(&mut self, more: Spent, at: Position) -> Result<(), Problem> {
        self.spent = self.spent.and(more, at)?;
        Ok(())
    }
}

impl Spent {
    fn and(self, more: Self, at: Position) -> Result<Self, Problem> {
        let nodes = self.nodes.saturating_add(more.nodes);
        let bytes = self.bytes.saturating_add(more.bytes);
        if nodes > MOST_NODES {
            let message = format!("more than {MOST_NODES} values, those behind aliases included");
            return Err(Problem::at(at, message));
        }
        if bytes > MOST_BYTES {
            let most = bytesize::ByteSize(MOST_BYTES as u64);
            let message = format!("more than {most} of text, that behind aliases included");
            return Err(Problem::at(at, message));
        }
        Ok(Self { nodes, bytes })
    }
}

fn position(marker: &Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn every_word_knows_its_place() {
        let root = parse("a: 1\nb:\n  - c: two\n").unwrap();
        assert_eq!(
            root.get("b").unwrap().elements()[0].place_of("c"),
            Position { line: 3, column: 8 }
        );
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        assert_eq!(message("a: 1\nb: 2\na: 3\n"), "3:1: `a` stands twice; first on line 1");
    }

    #[test]
    fn an_alias_bomb_ends_early() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            text += &format!("a{level}: &a{level} [{aliases}]\n");
        }
        assert!(message(&text).contains("more than 200000 values"), "{}", message(&text));
    }

    #[test]
    fn a_few_aliases_of_a_long_text_end_as_early() {
        let text = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(1000));
        assert!(message(&text).contains("more than 16.0 MiB of text"), "{}", message(&text));
    }

    #[test]
    fn nesting_has_an_end() {
        assert!(message(&("[".repeat(100) + &"]".repeat(100))).contains("nested deeper"));
    }

    #[test]
    fn aliases_are_replaced_by_what_they_name() {
        let root = parse("a: &x { k: v }\nb: *x\n").unwrap();
        assert_eq!(root.get("a").unwrap().value, root.get("b").unwrap().value);
    }

    #[test]
    fn one_document_is_expected() {
        assert!(message("a: 1\n---\nb: 2\n").contains("second document"));
        assert!(message("").contains("empty"));
        assert!(message("a: !x 1").contains("tags"));
    }
}
