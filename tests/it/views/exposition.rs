//! A strict reader of both formats of `/metrics`, so that what we write is checked by other rules
//! than those by which it was written.

use std::collections::{BTreeMap, BTreeSet};

/// Labels by name.
pub type Labels = BTreeMap<String, String>;

/// What an exposition says, whatever its format.
#[derive(Debug, Default, PartialEq)]
pub struct Exposition {
    /// Type and help by the name under which samples are stored (`_total`, `_info` included).
    pub families: BTreeMap<String, (String, String)>,
    /// Values by name and labels.
    pub rows: BTreeMap<(String, Labels), Value>,
}

/// A number that equals itself, NaN included.
#[derive(Clone, Copy, Debug)]
pub struct Value(pub f64);

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.0.total_cmp(&other.0).is_eq() || (self.0.is_nan() && other.0.is_nan())
    }
}

impl Exposition {
    /// What one says and the other does not, in sentences.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let names: BTreeSet<_> = self.families.keys().chain(other.families.keys()).collect();
        for name in names {
            let (ours, theirs) = (self.families.get(name), other.families.get(name));
            if ours != theirs {
                found.push(format!("{name}: {ours:?}, {theirs:?}"));
            }
        }
        let rows: BTreeSet<_> = self.rows.keys().chain(other.rows.keys()).collect();
        for row in rows {
            let (ours, theirs) = (self.rows.get(row), other.rows.get(row));
            if ours != theirs {
                found.push(format!("{row:?}: {ours:?}, {theirs:?}"));
            }
        }
        found
    }
}

/// Reads Prometheus' text format 0.0.4.
pub fn read_text(text: &str) -> Result<Exposition, String> {
    read(text, false)
}

/// Reads OpenMetrics 1.0.
pub fn read_open_metrics(text: &str) -> Result<Exposition, String> {
    let text = text.strip_suffix("# EOF\n").ok_or("no end mark")?;
    read(text, true)
}

fn read(text: &str, open_metrics: bool) -> Result<Exposition, String> {
    let mut exposition = Exposition::default();
    let (mut family, mut help, mut kind) = (String::new(), String::new(), String::new());
    let mut begun = BTreeSet::new();
    let body = text.strip_suffix('\n').ok_or("the last line has no end")?;
    for line in body.split('\n') {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, told) = rest.split_once(' ').ok_or_else(|| format!("no help: {line}"))?;
            if !begun.insert(name.to_owned()) {
                return Err(format!("`{name}` comes twice"));
            }
            (family, help) = (name.to_owned(), unescape(told, open_metrics)?);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, told) = rest.split_once(' ').ok_or_else(|| format!("no type: {line}"))?;
            if name != family {
                return Err(format!("the type of `{name}` stands under `{family}`"));
            }
            told.clone_into(&mut kind);
            let suffix = match (open_metrics, told) {
                (true, "counter") => "_total",
                (true, "info") => "_info",
                _ => "",
            };
            // In the older format an info is a gauge.
            let meant = if told == "info" { "gauge" } else { told };
            let stored = format!("{family}{suffix}");
            exposition.families.insert(stored, (meant.to_owned(), help.clone()));
        } else if line.starts_with('#') {
            return Err(format!("what is this? {line}"));
        } else {
            let (name, labels, value) = sample(line)?;
            let suffix = name.strip_prefix(&family).ok_or_else(|| format!("stray row: {line}"))?;
            let expected: &[&str] = match (open_metrics, kind.as_str()) {
                (_, "histogram") => &["_bucket", "_sum", "_count"],
                (true, "counter") => &["_total"],
                (true, "info") => &["_info"],
                _ => &[""],
            };
            if !expected.contains(&suffix) {
                return Err(format!("`{name}` does not belong to `{family}`, a {kind}"));
            }
            if exposition.rows.insert((name.clone(), labels), Value(value)).is_some() {
                return Err(format!("a row comes twice: {line}"));
            }
        }
    }
    Ok(exposition)
}

fn sample(line: &str) -> Result<(String, Labels, f64), String> {
    let bad = || format!("not a row: {line:?}");
    let end = line.find(['{', ' ']).ok_or_else(bad)?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").ok_or_else(bad)?;
            let close = closing_quote(after).ok_or_else(bad)?;
            let value = unescape(&after[..close], true)?;
            if labels.insert(label.to_owned(), value).is_some() {
                return Err(format!("a label comes twice: {line}"));
            }
            rest = &after[close + 1..];
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').ok_or_else(bad)?;
    let sound = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !sound(name) || !labels.keys().all(|label| sound(label)) {
        return Err(bad());
    }
    Ok((name.to_owned(), labels, value.parse().map_err(|_| bad())?))
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })
}

fn unescape(text: &str, quotes: bool) -> Result<String, String> {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        out.push(match c {
            '\\' => match letters.next() {
                Some('n') => '\n',
                Some('\\') => '\\',
                Some('"') if quotes => '"',
                other => return Err(format!("an escape that is none: {other:?} in {text:?}")),
            },
            '"' if quotes => return Err(format!("a quote without escape in {text:?}")),
            c => c,
        });
    }
    Ok(out)
}
