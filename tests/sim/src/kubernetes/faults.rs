//! Faults on demand: what the server does wrong to requests, to open watches and to everybody.

use std::time::Duration;

use tokio::sync::watch;

use super::call::Call;

/// What happens to a request instead of a proper answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A `Status` of this code, with `Retry-After` in seconds where there is one.
    Status { code: u16, retry_after: Option<u32> },
    /// 200 and `application/json`, but not JSON.
    Garbage,
    /// The proper answer, cut after so many bytes of its body, and the connection with it.
    CutAfter(usize),
    /// The proper answer behind so many blanks, which JSON allows.
    Pad(usize),
    /// The proper answer, later.
    Delay(Duration),
    /// No answer, ever.
    Hang,
    /// 403, whoever asks.
    Forbid,
}

/// An [`Act`], and the requests it is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    verb: Option<String>,
    resource: Option<String>,
    times: Option<u32>,
    act: Act,
}

impl Fault {
    /// `act` on every request until it is healed.
    pub fn new(act: Act) -> Self {
        Self { verb: None, resource: None, times: None, act }
    }

    /// Only for requests with this verb, such as `list`.
    pub fn verb(mut self, verb: &str) -> Self {
        self.verb = Some(verb.to_owned());
        self
    }

    /// Only for this resource, such as `pods` or `pods/log`.
    pub fn resource(mut self, resource: &str) -> Self {
        self.resource = Some(resource.to_owned());
        self
    }

    /// Only for the next `times` requests that it is meant for.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    fn is_for(&self, call: &Call) -> bool {
        let resource = call.target.as_ref().map(super::call::Target::resource);
        self.verb.as_deref().is_none_or(|verb| verb == call.verb)
            && (self.resource.is_none() || self.resource == resource)
            && self.times != Some(0)
    }
}

/// Takes the first fault that is meant for `call`, and counts it off.
pub(super) fn strike(faults: &mut Vec<Fault>, call: &Call) -> Option<Act> {
    let fault = faults.iter_mut().find(|fault| fault.is_for(call))?;
    fault.times = fault.times.map(|times| times - 1);
    let act = fault.act;
    faults.retain(|fault| fault.times != Some(0));
    Some(act)
}

/// How much the server says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Voice {
    /// All it should.
    #[default]
    Speaking,
    /// Watches, open and new ones, get no more bytes; all else is answered.
    WatchesMute,
    /// Connections are accepted, nothing is ever answered, open watches get no more bytes.
    Silent,
}

/// What is done to all open watches at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// The connection is cut in the middle of the body.
    Cut,
    /// The body ends properly, as at the timeout, but without a bookmark.
    Close,
    /// An `ERROR` event with code 410, then the end.
    Expire,
    /// A line that is not JSON.
    Garbage,
}

/// Waits until nobody is silent towards `mute`.
pub(super) async fn until_heard(voice: &mut watch::Receiver<Voice>, mute: &[Voice]) {
    let heard = voice.wait_for(|voice| !mute.contains(voice)).await.is_ok();
    if !heard {
        // The server is gone; so will be whoever waits here.
        std::future::pending::<()>().await;
    }
}
