//! A town in which real programs stand in the place of simulated ones.

use std::fs;
use std::path::Path;

use vigie_sim::town::{PLEDGE, Town};

use super::configuration::configuration;
use super::course::Drill;
use super::daemon::Daemon;
use crate::prometheus::process::adapted;

/// What is otherwise than in the town.
pub struct Place {
    /// Where real programs are; each of these names is a variable of the town, or the checklist's.
    pub variables: Vec<(&'static str, String)>,
    /// What is replaced in the demo's environment; each must be there.
    pub environment: Vec<(String, String)>,
    /// Items that can't be looked at in this place.
    pub not_applicable: &'static [&'static str],
    /// Items that look at the real programs: they are looked at often, and all of them after each
    /// fault. The others are compared as they stand, and looked at now and then.
    pub looked_at: Vec<&'static str>,
}

/// How often an item is looked at that looks at a real program, and how often another is.
const OFTEN: &str = "every: 1s";
/// See [`OFTEN`].
const SELDOM: &str = "every: 15s";

impl Drill {
    /// Starts the daemon on the shipped checklist for this town, with what is otherwise, and waits
    /// until all is well.
    pub async fn in_place(town: &Town, folder: &Path, place: Place) -> Self {
        let looked_at = place.looked_at.clone();
        Self::on(daemon(town, folder, place).await, town, Some(looked_at)).await
    }
}

/// The daemon that looks at a town with real programs in it.
pub async fn daemon(town: &Town, folder: &Path, place: Place) -> Daemon {
    let Place { variables, environment, not_applicable, looked_at } = place;
    let mut all = town.variables();
    for (name, value) in variables {
        let simulated = all.insert(name, value);
        assert!(simulated.is_some() || !name.starts_with("town_"), "the town has no {name}");
    }
    let mut files = configuration(&all, folder);
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let replaced: Vec<_> = environment.iter().map(|(is, by)| (&**is, &**by)).collect();
    let adapted = write("environment.yaml", adapted("examples/demo/environment.yaml", &replaced));
    let demo = files.iter_mut().find(|file| file.ends_with("examples/demo/environment.yaml"));
    *demo.expect("the demo's environment") = adapted;
    let hurry = folder.join("hurry.yaml");
    let text = fs::read_to_string(&hurry).expect("overrides");
    let lines = text.lines().map(|line| {
        let id = line.trim().split(':').next().unwrap_or_default();
        let pace = if looked_at.contains(&id) { OFTEN } else { SELDOM };
        let line = line.replace("every: 3s", pace);
        if not_applicable.contains(&id) {
            line.replace("{ every", "{ when: '', every")
        } else {
            line
        }
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    fs::write(hurry, text).expect("written");
    let tokens = write("tokens.yaml", PLEDGE.tokens.to_owned()).display().to_string();
    Daemon::start_with(&files, &["--tokens", &tokens]).await
}
