//! The shipped checklist for a town, looked at more often than in earnest.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vigie::config::load;

/// How often items are looked at: as often as a machine of two busy cores can.
const EVERY: &str = "every: 3s, fail_after: 1, unknown_after: 1, timeout: 30s";
/// How often those are whose looks take dozens of questions each.
const COSTLY: &str = "every: 15s, fail_after: 1, unknown_after: 1, timeout: 30s";
/// Those whose looks do.
pub const COSTLY_ITEMS: [&str; 2] = ["cluster-access", "runbooks"];
/// The stream's signs of life are thirty seconds apart on the shipped checklist.
const STREAM: &str = "[{ event_stream: { url: 'https://${notifier_host}/updates/vigie', \
                      first_within: 10s, heartbeat: 3s } }]";

/// The files of a configuration: the shipped checklist, the demo's environment, these variables,
/// and overrides that let every item be looked at often and turn at the first look. Real programs take the place of
/// simulated ones by their variables.
pub fn configuration(variables: &BTreeMap<&'static str, String>, folder: &Path) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shipped = root.join("config/trackdechets/checklist.yaml");
    let environment = root.join("examples/demo/environment.yaml");
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let told = variables.iter();
    let told = told.map(|(name, value)| format!("  {name}: {}\n", Value::from(value.as_str())));
    let town = write("town.yaml", format!("variables:\n{}", told.collect::<String>()));
    let mut files = vec![shipped, environment, town];
    let loaded = load::load(&files).unwrap_or_else(|flaws| {
        let flaws: Vec<_> = flaws.iter().map(ToString::to_string).collect();
        panic!("{}", flaws.join("\n"))
    });
    let ids = loaded.checklist.items.iter().map(|item| item.card.id.as_str());
    let hurry = ids.map(|id| match id {
        "notifier-sse" => format!("  {id}: {{ {EVERY}, checks: {STREAM} }}\n"),
        id if COSTLY_ITEMS.contains(&id) => format!("  {id}: {{ {COSTLY} }}\n"),
        id => format!("  {id}: {{ {EVERY} }}\n"),
    });
    files.push(write("hurry.yaml", format!("overrides:\n{}", hurry.collect::<String>())));
    files
}
