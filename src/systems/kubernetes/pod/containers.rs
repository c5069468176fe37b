//! What all containers of a pod come to.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::pool::Words;
use super::super::record::time;
use super::super::template::{Role, Template};
use super::trouble::{ContainerName, Ended, NEVER_RAN, Snag, Waiting};
use super::wire::{ContainerStatus, Terminated};
use super::words_of;

/// What the statuses of containers come to, one after the other.
#[derive(Default)]
pub(super) struct Containers {
    pub(super) restarts: u32,
    pub(super) last_restart: Option<Timestamp>,
    pub(super) waiting: Option<Waiting>,
    pub(super) oom_killed: Option<(ContainerName, Timestamp)>,
    pub(super) ended: Option<Ended>,
    pub(super) initializing: Option<(Arc<str>, Option<Timestamp>)>,
    pub(super) initialized: Option<Timestamp>,
}

impl Containers {
    /// Adds the status of a container of a pod of this template.
    pub(super) fn add(
        &mut self,
        status: &ContainerStatus,
        init: bool,
        template: &Template,
        words: &mut Words,
    ) {
        let name = words.shared(status.name.as_deref().unwrap_or_default());
        let container = ContainerName { name, init };
        self.restarts = self.restarts.saturating_add(status.restart_count.unwrap_or_default());
        let state = status.state.as_ref();
        if let Some(last) = status.last_state.as_ref().and_then(|state| state.terminated.as_ref()) {
            self.last_restart = self.last_restart.max(time(last.finished_at.clone()));
            self.add_end(last, false, &container, words);
        }
        if let Some(now) = state.and_then(|state| state.terminated.as_ref()) {
            self.add_end(now, true, &container, words);
            if init && now.exit_code == Some(0) {
                self.initialized = self.initialized.max(time(now.finished_at.clone()));
            }
        }
        if let Some(running) = state.and_then(|state| state.running.as_ref())
            && init
            && !is_sidecar(template, &container.name)
        {
            let since = time(running.started_at.clone());
            self.initializing = Some((Arc::clone(&container.name), since));
        }
        let waiting = state.and_then(|state| state.waiting.as_ref());
        if let Some(waiting) = waiting
            && let Some(reason) = waiting.reason.as_deref()
            && let Some(snag) = Snag::of(reason)
            && self.waiting.as_ref().is_none_or(|worst| snag < worst.snag)
        {
            let message = match words_of(waiting.message.as_deref()) {
                empty if empty.is_empty() => reason.to_owned(),
                message => format!("{reason}: {message}"),
            };
            self.waiting = Some(Waiting { container, snag, message });
        }
    }

    /// Adds the end of a run of a container, `over` where it is the last one so far.
    fn add_end(
        &mut self,
        end: &Terminated,
        over: bool,
        container: &ContainerName,
        words: &mut Words,
    ) {
        let at = time(end.finished_at.clone());
        let reason = end.reason.as_deref().unwrap_or_default();
        if let Some(at) = at
            && reason == "OOMKilled"
            && self.oom_killed.as_ref().is_none_or(|(_, before)| *before < at)
        {
            self.oom_killed = Some((container.clone(), at));
        }
        let exit_code = end.exit_code.unwrap_or_default();
        let is_good = over && exit_code == 0;
        if is_good
            || self.ended.as_ref().is_some_and(|before| (before.over, before.at) > (over, at))
        {
            return;
        }
        let message = if NEVER_RAN.contains(&reason) { end.message.as_deref() } else { None };
        self.ended = Some(Ended {
            container: container.clone(),
            exit_code,
            reason: words.shared(reason),
            message: words_of(message),
            at,
            over,
        });
    }
}

fn is_sidecar(template: &Template, name: &str) -> bool {
    let containers = template.containers.iter();
    containers.filter(|one| *one.name == *name).any(|one| one.role == Role::Sidecar)
}
