//! `vigie healthy`: the image has no shell and no curl, so the binary asks by itself.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks a running daemon whether it is healthy.
#[derive(Args)]
pub(super) struct Healthy {
    /// Where the daemon listens.
    #[arg(long, default_value = "http://127.0.0.1:9743", env = "VIGIE_URL")]
    url: String,
}

pub(super) async fn main(Healthy { url }: Healthy) -> ExitCode {
    match ask(&url).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            super::complain(&why);
            ExitCode::FAILURE
        }
    }
}

async fn ask(url: &str) -> Result<(), String> {
    let url = format!("{}/-/healthy", url.trim_end_matches('/'));
    let told = |error: reqwest::Error| {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        format!("{url} does not answer: {cause}")
    };
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().map_err(told)?;
    let answer = client.get(&url).send().await.map_err(told)?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(format!("{url} answers {status}")) }
}
