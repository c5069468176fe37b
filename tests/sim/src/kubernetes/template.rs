//! Objects by the hundred thousand from one template: only what differs is kept for each.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::Value;

use super::kinds::Kind;
use super::object::{Body, Key, Labels, Object, fields, uid};

/// What a template's text names, in angle brackets: `<name>`, `<node>` …
#[derive(Clone, Copy, Debug)]
enum Hole {
    Name,
    Namespace,
    Revision,
    Uid,
    Index,
    Ip,
    Node,
}

const HOLES: [(&str, Hole); 7] = [
    ("<name>", Hole::Name),
    ("<namespace>", Hole::Namespace),
    ("<revision>", Hole::Revision),
    ("<uid>", Hole::Uid),
    ("<index>", Hole::Index),
    ("<ip>", Hole::Ip),
    ("<node>", Hole::Node),
];

#[derive(Debug)]
enum Piece {
    Text(Box<str>),
    Hole(Hole),
}

/// An object with holes.
#[derive(Debug)]
pub(super) struct Template {
    metadata: Vec<Piece>,
    rest: Vec<Piece>,
    labels: Arc<Labels>,
    /// The selectable fields of the objects on each node.
    fields: Vec<Arc<[String]>>,
    /// What is added to an object's number where it must be unique on the server.
    first: u32,
}

/// One object of a template.
#[derive(Debug)]
pub(super) struct Made {
    template: Arc<Template>,
    index: u32,
}

impl Template {
    /// Objects like `value`, spread over `nodes` nodes, with identities from `first` on.
    pub(super) fn new(kind: &Kind, value: &Value, nodes: usize, first: u32) -> Self {
        let plain = Object::new(kind, value);
        let (metadata, rest) = match &plain.body {
            Body::Text { metadata, rest } => (cut(metadata), cut(rest)),
            Body::Made(_) => (Vec::new(), Vec::new()),
        };
        let on = |node: usize| {
            fields(kind, value).iter().map(|f| f.replace("<node>", &node_name(node))).collect()
        };
        let fields = (0..nodes.max(1)).map(on).collect();
        Self { metadata, rest, labels: plain.labels, fields, first }
    }

    /// The object number `index`.
    pub(super) fn make(self: &Arc<Self>, index: u32, key: Key, revision: u64) -> Object {
        Object {
            key,
            revision,
            labels: Arc::clone(&self.labels),
            fields: Arc::clone(&self.fields[index as usize % self.fields.len()]),
            body: Body::Made(Made { template: Arc::clone(self), index }),
        }
    }
}

impl Made {
    pub(super) fn write_metadata(&self, object: &Object, out: &mut Vec<u8>) {
        self.fill(&self.template.metadata, object, out);
    }

    pub(super) fn write_rest(&self, object: &Object, out: &mut Vec<u8>) {
        self.fill(&self.template.rest, object, out);
    }

    fn fill(&self, pieces: &[Piece], object: &Object, out: &mut Vec<u8>) {
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Hole(hole) => out.extend_from_slice(self.content(*hole, object).as_bytes()),
            }
        }
    }

    fn content(&self, hole: Hole, object: &Object) -> String {
        let unique = self.index.wrapping_add(self.template.first);
        match hole {
            Hole::Name => object.key.1.to_string(),
            Hole::Namespace => object.key.0.to_string(),
            Hole::Revision => object.revision.to_string(),
            Hole::Uid => uid(u64::from(unique) + (1 << 40)),
            Hole::Index => self.index.to_string(),
            Hole::Ip => Ipv4Addr::from_bits(0x0a00_0000 + (unique & 0xff_ffff)).to_string(),
            Hole::Node => node_name(self.index as usize % self.template.fields.len()),
        }
    }
}

/// The node that templates call `<node>`, by number.
pub(super) fn node_name(number: usize) -> String {
    format!("node-{number}")
}

fn cut(mut text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    loop {
        let next = HOLES
            .iter()
            .filter_map(|(word, hole)| text.find(word).map(|at| (at, word.len(), *hole)))
            .min_by_key(|(at, ..)| *at);
        let Some((at, length, hole)) = next else {
            pieces.push(Piece::Text(text.into()));
            return pieces;
        };
        pieces.push(Piece::Text(text[..at].into()));
        pieces.push(Piece::Hole(hole));
        text = &text[at + length..];
    }
}
