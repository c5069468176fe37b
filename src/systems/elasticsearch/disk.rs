//! Disks of data nodes, and how full a cluster lets them become.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::systems::api::garbled;

/// The disk of a data node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The node's name, bounded.
    pub node: String,
    /// What it holds and what is left, in bytes; none where the node did not tell.
    pub room: Option<Room>,
}

/// The room on a disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// All of it; above 0.
    pub total: u64,
    /// What is left.
    pub available: u64,
}

/// A mark up to which a disk may fill.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mark {
    /// The share that may be used, from 0 to 1, unless more than so many bytes are left.
    Used {
        /// The share.
        share: f64,
        /// The bytes that are enough whatever the share.
        headroom: Option<u64>,
    },
    /// The bytes that must be left.
    Left(u64),
}

/// The marks of a cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watermarks {
    /// Whether the cluster heeds them.
    pub heeded: bool,
    /// No more shards go to the disk.
    pub low: Mark,
    /// Shards leave the disk.
    pub high: Mark,
    /// Indices with a shard on the disk are closed to writers.
    pub flood: Mark,
}

impl Mark {
    /// Whether a disk with this room has reached it.
    pub fn reached(self, room: Room) -> bool {
        let Room { total, available } = room;
        match self {
            Self::Left(bytes) => available < bytes,
            Self::Used { share, headroom } => {
                let enough = headroom.is_some_and(|bytes| available >= bytes);
                room.used() >= share && !enough && total > 0
            }
        }
    }
}

impl Room {
    /// The share that is used, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub fn used(self) -> f64 {
        let Self { total, available } = self;
        1.0 - available.min(total) as f64 / total.max(1) as f64
    }
}

#[derive(Deserialize)]
struct Row {
    node: Option<String>,
    #[serde(rename = "disk.avail")]
    available: Option<String>,
    #[serde(rename = "disk.total")]
    total: Option<String>,
}

#[derive(Deserialize)]
struct Settings {
    persistent: BTreeMap<String, Value>,
    transient: BTreeMap<String, Value>,
    #[serde(default)]
    defaults: BTreeMap<String, Value>,
}

/// Reads the disks of the data nodes.
///
/// # Errors
/// The answer is no list of them.
pub fn read_disks(doing: &str, body: &[u8]) -> Result<Vec<Disk>, Obstacle> {
    let rows: Vec<Row> =
        serde_json::from_slice(body).map_err(|error| garbled(doing, &error.to_string()))?;
    // Shards that are nowhere have a row of their own, on no disk.
    let rows = rows.into_iter().filter(|row| row.node.as_deref() != Some("UNASSIGNED"));
    let disk = |Row { node, available, total }: Row| {
        let node = node.ok_or_else(|| garbled(doing, "a disk is on no node"))?;
        let bytes = |text: Option<String>| text.and_then(|text| text.parse::<u64>().ok());
        let room = bytes(available).zip(bytes(total).filter(|total| *total > 0));
        let room = room.map(|(available, total)| Room { total, available });
        Ok(Disk { node: legible(&node, 100), room })
    };
    rows.map(disk).collect()
}

/// Reads the marks, in flat settings with defaults. What no part names is as documented.
///
/// # Errors
/// The answer holds no settings, or marks of a form that nobody knows.
pub fn read_watermarks(doing: &str, body: &[u8]) -> Result<Watermarks, Obstacle> {
    let settings: Settings =
        serde_json::from_slice(body).map_err(|error| garbled(doing, &error.to_string()))?;
    let text = |key: &str| -> Option<&str> {
        let Settings { persistent, transient, defaults } = &settings;
        let key = format!("cluster.routing.allocation.disk.{key}");
        [transient, persistent, defaults].iter().find_map(|part| part.get(&key)?.as_str())
    };
    let mark = |name: &str, usual: &str| {
        let written = text(&format!("watermark.{name}")).unwrap_or(usual);
        let headroom = text(&format!("watermark.{name}.max_headroom")).and_then(bytes);
        parse(written, headroom).ok_or_else(|| garbled(doing, &format!("`{written}` is no mark")))
    };
    Ok(Watermarks {
        heeded: text("threshold_enabled") != Some("false"),
        low: mark("low", "85%")?,
        high: mark("high", "90%")?,
        flood: mark("flood_stage", "95%")?,
    })
}

/// The indices that a cluster shows to whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Those that are closed to writers because a disk was full, bounded names.
    pub closed: Vec<String>,
    /// How many indices are shown at all: a credential may see none.
    pub shown: usize,
}

/// Reads which indices are closed to writers because a disk was full.
///
/// # Errors
/// The answer holds no settings.
pub fn read_blocked(doing: &str, body: &[u8]) -> Result<Blocked, Obstacle> {
    #[derive(Deserialize)]
    struct Index {
        settings: BTreeMap<String, Value>,
    }
    let indices: BTreeMap<String, Index> =
        serde_json::from_slice(body).map_err(|error| garbled(doing, &error.to_string()))?;
    let block = "index.blocks.read_only_allow_delete";
    let closed = |settings: &BTreeMap<String, Value>| match settings.get(block) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => text != "false",
        Some(_) => true,
    };
    let shown = indices.len();
    let names = indices.into_iter().filter(|(_, Index { settings })| closed(settings));
    Ok(Blocked { closed: names.map(|(name, _)| legible(&name, 128)).collect(), shown })
}

/// A share (`85%`, `0.85`) or a size (`10gb`).
fn parse(text: &str, headroom: Option<u64>) -> Option<Mark> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
        None => text.parse::<f64>().ok(),
    };
    match share {
        Some(share) => (0.0..=1.0).contains(&share).then_some(Mark::Used { share, headroom }),
        None => bytes(text).map(Mark::Left),
    }
}

/// A size as Elasticsearch writes it, in powers of 1024; none for `-1`, which is none.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, unit) = text.split_at(end);
    let power = ["b", "kb", "mb", "gb", "tb", "pb"].iter().position(|known| *known == unit)?;
    let number: f64 = number.parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap,
        reason = "sizes of disks; a float that is too large becomes the largest size"
    )]
    let size = (number * 1024_f64.powi(power as i32)) as u64;
    Some(size)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn marks_are_shares_or_sizes_as_the_cluster_has_them() {
        let room = |total, available| Room { total: total * GIB, available: available * GIB };
        for (written, headroom, room, reached) in [
            ("85%", None, room(100, 16), false),
            ("85%", None, room(100, 15), true),
            ("0.85", None, room(100, 14), true),
            ("20gb", None, room(100, 20), false),
            ("20gb", None, room(100, 19), true),
            ("85%", Some("200gb"), room(10_000, 201), false),
            ("85%", Some("200gb"), room(10_000, 199), true),
        ] {
            let mark = parse(written, headroom.and_then(bytes)).unwrap();
            assert_eq!(mark.reached(room), reached, "{written} {headroom:?} {room:?}");
        }
        for odd in ["", "many", "85 of 100", "120%", "-1", "5xb"] {
            assert_eq!(parse(odd, None), None, "{odd}");
        }
    }

    #[test]
    fn what_is_set_comes_before_defaults() {
        let key = |name: &str| format!("cluster.routing.allocation.disk.{name}");
        let sent = json!({
            "persistent": { key("watermark.low"): "70%" },
            "transient": { key("threshold_enabled"): "false" },
            "defaults": {
                key("watermark.low"): "85%", key("watermark.high"): "90%",
                key("watermark.high.max_headroom"): "150GB", key("watermark.flood_stage"): "95%",
                key("watermark.flood_stage.max_headroom"): "-1", "unrelated": ["a", "b"],
            },
        });
        let marks = read_watermarks("asking", sent.to_string().as_bytes()).unwrap();
        assert_eq!(marks.low, Mark::Used { share: 0.7, headroom: None });
        assert_eq!(marks.high, Mark::Used { share: 0.9, headroom: Some(150 * GIB) });
        assert_eq!(marks.flood, Mark::Used { share: 0.95, headroom: None });
        assert!(!marks.heeded);
        assert!(read_watermarks("asking", b"{}").is_err());
        let odd = json!({ "persistent": { key("watermark.low"): "many" }, "transient": {} });
        assert!(read_watermarks("asking", odd.to_string().as_bytes()).is_err());
    }

    #[test]
    fn a_node_that_does_not_tell_has_no_room_and_shards_that_are_nowhere_no_disk() {
        let sent = json!([
            { "node": "a", "disk.avail": "5", "disk.total": "10" },
            { "node": "b", "disk.avail": null, "disk.total": null },
            { "node": "c", "disk.avail": "5", "disk.total": "0" },
            { "node": "UNASSIGNED", "disk.avail": null, "disk.total": null },
        ]);
        let disks = read_disks("asking", sent.to_string().as_bytes()).unwrap();
        let rooms: Vec<_> = disks.iter().map(|disk| disk.room).collect();
        assert_eq!(rooms, [Some(Room { total: 10, available: 5 }), None, None]);
        assert!(read_disks("asking", b"[{}]").is_err());
    }

    #[test]
    fn an_index_is_closed_to_writers_unless_it_says_that_it_is_not() {
        let sent = json!({
            "a": { "settings": { "index.blocks.read_only_allow_delete": "true" } },
            "b": { "settings": { "index.blocks.read_only_allow_delete": "false" } },
            "c": { "settings": { "index.blocks.write": "true" } },
        });
        let wanted = Blocked { closed: vec!["a".to_owned()], shown: 3 };
        assert_eq!(read_blocked("asking", sent.to_string().as_bytes()), Ok(wanted));
        assert!(read_blocked("asking", b"{\"a\":{}}").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_breaks_a_mark(text in ".{0,20}") {
            let _any = parse(&text, None);
        }
    }
}
