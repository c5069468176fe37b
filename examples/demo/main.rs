//! The demo: a small simulated Trackdéchets on loopback, and the real daemon watching it.
//!
//! `cargo run --example demo` tells a story: healthy, then one thing after the other breaks, then
//! all heals. Faults are put into the systems, never into Vigie.

mod acts;
mod story;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio_util::sync::CancellationToken;
use vigie::app::{self, Options};
use vigie::config::{Configuration, load};
use vigie::systems::clock::Clock;
use vigie_sim::town::{FAULTS, PLEDGE, Town};

/// How often items are looked at that no event brings on.
const EVERY: &str = "10s";

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

#[tokio::main]
async fn main() -> ExitCode {
    match demonstrate(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => vigie::cli::unable(&error),
    }
}

async fn demonstrate(Arguments { faults, list, listen }: Arguments) -> Result<()> {
    if list {
        return print(&story::list());
    }
    let chosen = chosen(&faults)?;
    vigie::telemetry::start("warn,s3s=off,vigie=info").map_err(anyhow::Error::msg)?;
    // Two parts of the program bring TLS; both are to use the same cryptography.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let folder = tempfile::tempdir().context("a folder for credentials")?;
    let town = Arc::new(Town::found(folder.path(), Clock::System.now()).await?);
    let mut files = configuration(&town, folder.path())?;
    files.push(hurry(&load(&files)?, folder.path())?);
    let loaded = load(&files)?;
    let tokens = folder.path().join("tokens.yaml");
    std::fs::write(&tokens, PLEDGE.tokens)?;
    print(&story::greeting(listen, folder.path()))?;
    let stop = CancellationToken::new();
    let acting = tokio::spawn(acts::tell(town.acts(), listen));
    let telling = tokio::spawn(story::tell(Arc::clone(&town), chosen));
    let data_dir = Some(folder.path().join("data"));
    let options = Options { files, listen, tokens: Some(tokens), data_dir };
    let ended = app::run(options, loaded, stop).await;
    telling.abort();
    acting.abort();
    ended
}

/// The shipped checklist, the demo's environment, and the variables that tell where the town is.
fn configuration(town: &Town, folder: &Path) -> Result<Vec<PathBuf>> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).map(|()| path)
    };
    let variables: Vec<_> = town
        .variables()
        .into_iter()
        .map(|(name, value)| format!("  {name}: {}", serde_json::Value::from(value)))
        .collect();
    Ok(vec![
        write("checklist.yaml", include_str!("../../config/trackdechets/checklist.yaml"))?,
        write("environment.yaml", include_str!("environment.yaml"))?,
        write("town.yaml", &format!("variables:\n{}\n", variables.join("\n")))?,
    ])
}

fn load(files: &[PathBuf]) -> Result<Configuration> {
    load::load(files).map_err(|flaws| {
        let flaws: Vec<_> = flaws.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", flaws.join("\n"))
    })
}

/// Overrides by which nobody has to wait for a quarter of an hour until a backup is looked at.
fn hurry(loaded: &Configuration, folder: &Path) -> Result<PathBuf> {
    let items = loaded.checklist.items.iter();
    let lines = items.map(|item| format!("  {}: {{ every: {EVERY} }}", item.card.id));
    let overrides: Vec<_> = std::iter::once("overrides:".to_owned()).chain(lines).collect();
    let path = folder.join("hurry.yaml");
    std::fs::write(&path, overrides.join("\n"))?;
    Ok(path)
}

/// What is to be told: `None` for the story, else the faults to put in at once.
fn chosen(faults: &str) -> Result<Option<Vec<&'static str>>> {
    match faults {
        "story" => Ok(None),
        "none" => Ok(Some(Vec::new())),
        names => {
            let known =
                |name: &str| FAULTS.iter().copied().flatten().find(|f| f.name == name.trim());
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
