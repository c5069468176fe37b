//! What containers wrote: `pods/<name>/log`.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Shared;
use super::call::{Call, Target};
use super::failure::Failure;
use super::kinds::Kind;
use super::lock;
use super::object::now;
use super::usage;
use super::write::key;

/// When a line was written, its bytes, and whether its end was written, too.
type Line = (Timestamp, Vec<u8>, bool);

/// The lines of all containers, by `namespace/pod/container`, with `/previous` of the run before.
#[derive(Debug, Default)]
pub(super) struct PodLogs(BTreeMap<String, Vec<Line>>);

impl PodLogs {
    /// Adds what was written at `at`: lines, of which the last may lack its end.
    pub(super) fn add(&mut self, pod: &str, container: &str, written: &[u8], at: Timestamp) {
        let known = self.0.entry(format!("{pod}/{container}")).or_default();
        for piece in written.split_inclusive(|byte| *byte == b'\n') {
            let (piece, ended) = match piece.strip_suffix(b"\n") {
                Some(line) => (line, true),
                None => (piece, false),
            };
            match known.last_mut() {
                // A line bears the time of its beginning.
                Some((_, line, end)) if !*end => {
                    line.extend_from_slice(piece);
                    *end = ended;
                }
                _ => known.push((at, piece.to_vec(), ended)),
            }
        }
    }

    /// The container starts anew: what it wrote becomes the log of its previous run.
    pub(super) fn turn(&mut self, pod: &str, container: &str) {
        let place = format!("{pod}/{container}");
        let lines = self.0.remove(&place).unwrap_or_default();
        self.0.insert(format!("{place}/previous"), lines);
    }
}

/// Answers a request for a log.
pub(super) fn read(
    shared: &Shared,
    kind: &Kind,
    target: &Target,
    call: &Call,
) -> Result<Response, Failure> {
    let name = target.name.as_deref().unwrap_or_default();
    let key = key(kind, target.namespace.as_deref(), name);
    let pod = lock(&shared.store).get(kind, &key)?.value(kind);
    let container = container(&pod, name, call.ask("container"))?;
    if let Some(node) = pod["spec"]["nodeName"].as_str().filter(|node| !node.is_empty()) {
        // A real server calls what the request is about by the name of what is not there.
        usage::reach(shared, node).map_err(|failure| match failure.code {
            404 => Failure::not_found(kind, node),
            _ => failure,
        })?;
    }
    let mut place = format!("{}/{name}/{container}", key.0);
    let previous = call.asks_for("previous");
    if previous {
        place.push_str("/previous");
    }
    let lines = lock(&shared.logs).0.get(&place).cloned();
    if previous && lines.is_none() {
        let message =
            format!("previous terminated container \"{container}\" in pod \"{name}\" not found");
        return Err(Failure::bad_request(message));
    }
    started(&pod, name, &container, previous)?;
    let text = text(call, &lines.unwrap_or_default())?;
    let empty = text.is_empty();
    let mut response = Response::new(Body::from(text));
    if empty && pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty) {
        // Nobody was asked.
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}

fn container(pod: &Value, name: &str, asked: &str) -> Result<String, Failure> {
    let names = |list: &str| -> Vec<String> {
        let all = pod["spec"][list].as_array().into_iter().flatten();
        all.filter_map(|container| container["name"].as_str()).map(str::to_owned).collect()
    };
    let known = names("containers");
    match (asked, known.as_slice()) {
        ("", [only]) => Ok(only.clone()),
        ("", _) => Err(Failure::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            known.join(" ")
        ))),
        (asked, _) if known.iter().chain(&names("initContainers")).any(|k| k == asked) => {
            Ok(asked.to_owned())
        }
        (asked, _) => {
            Err(Failure::bad_request(format!("container {asked} is not valid for pod {name}")))
        }
    }
}

/// A container that never ran has no log.
fn started(pod: &Value, name: &str, container: &str, previous: bool) -> Result<(), Failure> {
    let statuses = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
    let status = statuses.into_iter().find(|status| status["name"] == container);
    let waiting = status.and_then(|status| status["state"]["waiting"]["reason"].as_str());
    match waiting {
        Some(
            reason
            @ ("ContainerCreating" | "PodInitializing" | "ImagePullBackOff" | "ErrImagePull"),
        ) if !previous => {
            let message = format!(
                "container \"{container}\" in pod \"{name}\" is waiting to start: {}",
                if reason == "ImagePullBackOff" {
                    "trying and failing to pull image"
                } else {
                    reason
                }
            );
            Err(Failure::bad_request(message))
        }
        Some(_) | None => Ok(()),
    }
}

/// The lines as a kubelet writes them: those since a whole second, as the API server passes no
/// fractions on, each behind its time, and cut at the newest end wherever the limit falls.
fn text(call: &Call, lines: &[Line]) -> Result<Vec<u8>, Failure> {
    let since = match (call.ask("sinceTime"), call.ask_number("sinceSeconds")?) {
        ("", None) => Timestamp::MIN,
        ("", Some(seconds)) => {
            let back = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
            now().checked_sub(back).unwrap_or(Timestamp::MIN)
        }
        (time, _) => {
            let time: Timestamp = time.parse().map_err(|_| {
                Failure::bad_request(format!("sinceTime: Invalid value: \"{time}\""))
            })?;
            Timestamp::from_second(time.as_second()).unwrap_or(time)
        }
    };
    let mut lines: Vec<_> = lines.iter().filter(|(at, ..)| *at >= since).collect();
    if let Some(tail) = call.ask_number("tailLines")? {
        let tail = usize::try_from(tail).unwrap_or(usize::MAX);
        lines.drain(..lines.len().saturating_sub(tail));
    }
    let mut text = Vec::new();
    for (at, line, ended) in lines {
        if call.asks_for("timestamps") {
            text.extend_from_slice(format!("{at:.9} ").as_bytes());
        }
        text.extend_from_slice(line);
        if *ended {
            text.push(b'\n');
        }
    }
    if let Some(limit) = call.ask_number("limitBytes")? {
        if limit == 0 {
            let message = "limitBytes: Invalid value: 0: must be greater than 0";
            return Err(Failure::bad_request(message));
        }
        text.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    Ok(text)
}
