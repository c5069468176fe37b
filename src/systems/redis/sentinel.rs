//! Asking the sentinels where the master is.

use redis::Value;
use tokio::time::Instant;

use super::command::Reply;
use super::connection::Sentinel;
use super::dial::share;
use super::peer::{Credential, Failed, Peer};
use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;
use crate::model::reason::Reason;

/// Where the sentinel at the other end of `peer` says that the master is.
pub(super) async fn ask(
    peer: &mut Peer,
    sentinel: &Sentinel,
    deadline: Instant,
) -> Result<HostPort, Obstacle> {
    let mut question = redis::cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(&sentinel.master);
    let answers = peer.send(vec![question], deadline).await?;
    let whom = peer.whom();
    let Some(answer) = answers.first() else {
        return Err(Obstacle::new(Reason::GARBLED, format!("{whom} did not answer")));
    };
    if matches!(answer, Reply(Ok(Value::Nil))) {
        let because = format!("{whom} knows no master named `{}`", sentinel.master);
        return Err(Obstacle::new(Reason::NOT_FOUND, because));
    }
    let words = answer.list()?;
    let text = |at: usize| {
        words.get(at).copied().flatten().and_then(|bytes| std::str::from_utf8(bytes).ok())
    };
    let place = text(0).zip(text(1)).and_then(|(host, port)| {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        HostPort::parse(&format!("{host}:{port}")).ok()
    });
    place.ok_or_else(|| {
        Obstacle::new(Reason::GARBLED, format!("{whom} names a master without an address"))
    })
}

/// A connection to the sentinel at `at`.
pub(super) async fn connect(
    at: &HostPort,
    sentinel: &Sentinel,
    credential: &Credential,
    deadline: Instant,
) -> Result<Peer, Failed> {
    Peer::connect(at, sentinel.tls.as_ref(), credential, 0, deadline).await
}

/// The time for the sentinel that is asked next, when `left` are left to ask after it: half of what
/// is left is kept for the master.
pub(super) fn time_for_one(deadline: Instant, left: usize) -> Instant {
    share(share(deadline, 2), left + 1)
}
