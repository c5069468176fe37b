//! `vigie run`: the daemon.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::Files;
use crate::app::{self, Options};
use crate::server;

/// The daemon.
#[derive(Args)]
pub(super) struct Run {
    #[command(flatten)]
    files: Files,
    /// Where page, API and metrics are served; all addresses where only a port is given.
    #[arg(long, default_value = ":9743", value_parser = address)]
    listen: SocketAddr,
    /// A file of named, scoped tokens; without one nobody can write.
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// The folder of what must outlive a restart: standings, history, human acts, deployments. One
    /// daemon a folder. Without it everything is kept in memory alone.
    #[arg(long, value_name = "DIR", env = "VIGIE_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let full = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
    full.parse()
        .map_err(|_| format!("`{text}` is not an address; write `:9743` or `127.0.0.1:9743`"))
}

pub(super) async fn main(run: Run) -> ExitCode {
    let Run { files, listen, tokens, data_dir } = run;
    if let Some(file) = &tokens
        && let Err(message) = server::check_tokens(file).await
    {
        return super::complain(&message);
    }
    let configuration = match super::load(&files) {
        Ok(configuration) => configuration,
        Err(code) => return code,
    };
    let options = Options { files: files.config, listen, tokens, data_dir };
    match app::run(options, configuration, CancellationToken::new()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            super::complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
