//! What was asked and what it cost: tests count on it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;
use http::header::ACCEPT;

use super::call::Call;

/// The requests that are remembered.
const REMEMBERED: usize = 100_000;

/// One request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The verb, such as `list`; the HTTP method where no resource was asked for.
    pub verb: String,
    /// The resource with its subresource, such as `pods/log`; empty where none was asked for.
    pub resource: String,
    /// The namespace, empty for all.
    pub namespace: String,
    /// The path.
    pub path: String,
    /// The query, still encoded.
    pub query: String,
    /// The `Accept` header.
    pub accept: String,
    /// The code of the answer; none while there is no answer.
    pub code: Option<u16>,
    /// Bytes of the answer's body so far.
    pub bytes: u64,
}

#[derive(Debug, Default)]
struct Log {
    first: u64,
    requests: VecDeque<Request>,
    bytes: u64,
    open_watches: BTreeMap<String, usize>,
}

/// The log of one server.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic(Arc<Mutex<Log>>);

impl Traffic {
    fn log<T>(&self, act: impl FnOnce(&mut Log) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes a request; the number returned names it later.
    pub(super) fn arrived(&self, call: &Call, query: &str, headers: &HeaderMap) -> u64 {
        let target = call.target.clone().unwrap_or_default();
        let method = call.method.to_string();
        let known = call.target.is_some();
        let request = Request {
            verb: if known { call.verb.to_owned() } else { method },
            resource: if known { target.resource() } else { String::new() },
            namespace: target.namespace.unwrap_or_default(),
            path: call.path.clone(),
            query: query.to_owned(),
            accept: headers.get(ACCEPT).map_or_else(String::new, |value| {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            }),
            code: None,
            bytes: 0,
        };
        self.log(|log| {
            log.requests.push_back(request);
            if log.requests.len() > REMEMBERED {
                log.requests.pop_front();
                log.first += 1;
            }
            log.first + log.requests.len() as u64 - 1
        })
    }

    fn note(&self, number: u64, act: impl FnOnce(&mut Request)) {
        self.log(|log| {
            let place = number.checked_sub(log.first).and_then(|at| usize::try_from(at).ok());
            if let Some(request) = place.and_then(|at| log.requests.get_mut(at)) {
                act(request);
            }
        });
    }

    pub(super) fn answered(&self, number: u64, code: u16) {
        self.note(number, |request| request.code = Some(code));
    }

    pub(super) fn sent(&self, number: u64, bytes: usize) {
        self.note(number, |request| request.bytes += bytes as u64);
        self.log(|log| log.bytes += bytes as u64);
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.log(|log| log.requests.iter().cloned().collect())
    }

    pub(super) fn forget(&self) {
        self.log(|log| {
            log.first += log.requests.len() as u64;
            log.requests.clear();
            log.bytes = 0;
        });
    }

    pub(super) fn bytes(&self) -> u64 {
        self.log(|log| log.bytes)
    }

    pub(super) fn open_watches(&self, resource: &str) -> usize {
        self.log(|log| log.open_watches.get(resource).copied().unwrap_or_default())
    }

    /// Counts a watch as open until the guard is dropped.
    pub(super) fn watching(&self, resource: String) -> OpenWatch {
        self.log(|log| *log.open_watches.entry(resource.clone()).or_default() += 1);
        OpenWatch { traffic: self.clone(), resource }
    }
}

/// A watch that is open.
#[derive(Debug)]
pub(super) struct OpenWatch {
    traffic: Traffic,
    resource: String,
}

impl Drop for OpenWatch {
    fn drop(&mut self) {
        self.traffic.log(|log| {
            if let Some(open) = log.open_watches.get_mut(&self.resource) {
                *open -= 1;
            }
        });
    }
}
