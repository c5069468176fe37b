//! The demo: a small simulated Trackdéchets on loopback, and the real daemon watching it.
//!
//! `cargo run --example demo` tells a story: healthy, then one thing after the other breaks, then
//! all heals. Faults are put into the systems, never into Vigie.

mod story;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio_util::sync::CancellationToken;
use vigie::app::{self, Options};
use vigie::config::load;
use vigie::systems::clock::Clock;
use vigie_sim::town::{FAULTS, Town};

/// A small simulated Trackdéchets on loopback, and the real Vigie watching it.
#[derive(Parser)]
struct Arguments {
    /// `story` breaks one thing after the other and heals all; `none` keeps everything healthy;
    /// else names of faults, separated by commas, which stay.
    #[arg(long, default_value = "story")]
    faults: String,
    /// Lists the faults and ends.
    #[arg(long)]
    list: bool,
    /// Where page, API and metrics are served.
    #[arg(long, default_value = "127.0.0.1:9743")]
    listen: SocketAddr,
}

/// The token that may ask for a look in the demo; only its digest is in the file.
const TOKENS: &str = "- name: demo
  # What `printf %s demo | sha256sum` prints.
  sha256: 2a97516c354b68848cdbd8f54a226a0a55b21ed138e207ad6c5cbb9c00aa5aea
  scopes: [look, reload]
";

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { faults, list, listen } = Arguments::parse();
    if list {
        return print(&story::list());
    }
    vigie::telemetry::start("warn,vigie=info").map_err(anyhow::Error::msg)?;
    // Two parts of the program bring TLS; both are to use the same cryptography.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let folder = tempfile::tempdir().context("a folder for credentials")?;
    let town = Arc::new(Town::found(folder.path(), Clock::System.now()).await?);
    let files = configuration(&town, folder.path())?;
    let tokens = folder.path().join("tokens.yaml");
    std::fs::write(&tokens, TOKENS)?;
    let loaded = load::load(&files).map_err(|flaws| {
        let flaws: Vec<_> = flaws.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", flaws.join("\n"))
    })?;
    let chosen = chosen(&faults)?;
    print(&story::greeting(listen, folder.path()))?;
    let stop = CancellationToken::new();
    let telling = tokio::spawn(story::tell(Arc::clone(&town), chosen));
    let options = Options { files, listen, tokens: Some(tokens), data_dir: None };
    let ended = app::run(options, loaded, stop).await;
    telling.abort();
    ended
}

/// The demo's checklist, and the variables that tell where the town is.
fn configuration(town: &Town, folder: &Path) -> Result<Vec<PathBuf>> {
    let checklist = folder.join("checklist.yaml");
    std::fs::write(&checklist, include_str!("checklist.yaml"))?;
    let environment = folder.join("environment.yaml");
    let variables: Vec<_> = town
        .variables()
        .into_iter()
        .map(|(name, value)| format!("  {name}: {}", serde_json::Value::from(value)))
        .collect();
    std::fs::write(&environment, format!("variables:\n{}\n", variables.join("\n")))?;
    Ok(vec![checklist, environment])
}

/// What is to be told: `None` for the story, else the faults to put in at once.
fn chosen(faults: &str) -> Result<Option<Vec<&'static str>>> {
    match faults {
        "story" => Ok(None),
        "none" => Ok(Some(Vec::new())),
        names => {
            let known = |name: &str| FAULTS.iter().find(|fault| fault.name == name.trim());
            let mut chosen = Vec::new();
            for name in names.split(',') {
                let Some(fault) = known(name) else {
                    bail!("there is no fault `{name}`; --list shows them");
                };
                chosen.push(fault.name);
            }
            Ok(Some(chosen))
        }
    }
}

/// Prints to standard output; a reader that went away is no mistake.
fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
