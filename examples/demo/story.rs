//! What happens in the demo, and what is said of it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vigie_sim::town::{FAULTS, Town, Turn};

/// The faults of the story, in order.
const STORY: [&str; 4] = ["worker-dies", "backup-stale", "certificate-expiring", "pod-crash-loops"];
/// How long everything is healthy first, how far faults are apart, how long the last one stays.
const HEALTHY: Duration = Duration::from_secs(30);
const APART: Duration = Duration::from_secs(20);
const BROKEN: Duration = Duration::from_secs(40);

/// The faults with what each turns.
pub(crate) fn list() -> String {
    FAULTS.iter().copied().flatten().fold(String::new(), |text, fault| {
        let told = |turn: &Turn| format!("{} ({})", turn.item, turn.reason);
        let turns: Vec<_> = fault.turns.iter().map(told).collect();
        text + &format!(
            "{:<32} {}\n{:<32} turns {}\n",
            fault.name,
            fault.about,
            "",
            turns.join(", ")
        )
    })
}

/// Where to look.
pub(crate) fn greeting(listen: SocketAddr, folder: &Path) -> String {
    format!(
        "A small Trackdéchets runs on loopback, simulated; the daemon that watches it is real.\n\
         \n  page      http://{listen}/\
         \n  metrics   http://{listen}/metrics\
         \n  API       http://{listen}/api/v1/checklist\
         \n  cluster   kubectl --kubeconfig {}/kubeconfig get pods -n trackdechets\
         \n  look now  curl -X POST -H 'Authorization: Bearer demo' http://{listen}/api/v1/items/pods-running/attempts\
         \n\nCtrl-C ends it.\n\n",
        folder.display()
    )
}

/// Tells the story, or puts the chosen faults in and leaves them; the town bustles on either way.
pub(crate) async fn tell(town: Arc<Town>, chosen: Option<Vec<&'static str>>) {
    let story = async {
        match chosen {
            None => whole_story(&town).await,
            Some(faults) => {
                for fault in faults {
                    break_down(&town, fault).await;
                }
            }
        }
        std::future::pending::<()>().await;
    };
    let bustle = async {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            second.tick().await;
            town.bustle();
        }
    };
    tokio::select! {
        () = story => {}
        () = bustle => {}
    }
}

async fn whole_story(town: &Town) {
    say("everything is healthy");
    tokio::time::sleep(HEALTHY).await;
    for fault in STORY {
        break_down(town, fault).await;
        tokio::time::sleep(APART).await;
    }
    tokio::time::sleep(BROKEN).await;
    say("everything heals");
    for fault in STORY.into_iter().rev() {
        if let Err(error) = town.heal(fault).await {
            say(&format!("{fault} does not heal: {error:#}"));
        }
    }
}

async fn break_down(town: &Town, name: &str) {
    let fault = FAULTS.iter().copied().flatten().find(|fault| fault.name == name);
    let about = fault.map_or(name, |fault| fault.about);
    say(about);
    if let Err(error) = town.inject(name).await {
        say(&format!("{name} does not come to pass: {error:#}"));
    }
}

fn say(what: &str) {
    tracing::info!(target: "vigie::demo", "── the demo: {what}");
}
