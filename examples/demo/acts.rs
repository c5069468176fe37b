//! What a pipeline and people tell the daemon in the demo, as they tell any: over HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::StatusCode;
use vigie_sim::town::{Act, PLEDGE};

/// How far tries are apart until the daemon listens.
const AGAIN: Duration = Duration::from_millis(200);

/// Tells it all as soon as the daemon listens.
pub(crate) async fn tell(acts: Vec<Act>, to: SocketAddr) {
    for act in acts {
        let status = loop {
            match post(&act, to).await {
                Ok(status) => break status,
                Err(error) => tracing::debug!("not told yet: {error}"),
            }
            tokio::time::sleep(AGAIN).await;
        };
        if !status.is_success() {
            tracing::warn!(target: "vigie::demo", "{} is refused: {status}", act.path);
        }
    }
}

async fn post(act: &Act, to: SocketAddr) -> reqwest::Result<StatusCode> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("http://{to}{}", act.path);
    let asked = client.post(url).bearer_auth(PLEDGE.secret);
    let asked = asked.header("content-type", "application/json").body(act.body.to_string());
    Ok(asked.send().await?.status())
}
