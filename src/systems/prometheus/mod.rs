//! Prometheus, or whatever speaks its API: queries, as a witness about something else, and what it
//! says of itself, as a subject.
//!
//! One request a question, on a connection of its own. The answer is bounded in bytes; what is not
//! the form that the API promises is an obstacle and never an empty answer. A token that was refused
//! is not sent again before it changes.

pub mod alerts;
pub mod answer;
mod connection;
pub mod rules;
pub mod targets;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;

pub use answer::{Answer, Figures, Notes, Range, Row};
pub use connection::Connection;

use super::api::{Answered, Api, unconfigured};
use super::net::Net;
use super::secrets::Secrets;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use alerts::Alert;
use rules::Group;
use targets::Targets;

pub use super::api::{Asking, NO_CONNECTION};

/// Prometheus does not answer the query: it can't be reached, is in trouble, or is none.
pub const PROMETHEUS_DOWN: Reason = Reason::new("PrometheusDown");
/// Prometheus does not accept the query itself.
pub const QUERY_REFUSED: Reason = Reason::new("QueryRefused");

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 8 << 20;
/// The longest list of targets or rules that is read, in bytes.
const LONGEST_LIST: usize = 16 << 20;

/// The connections to Prometheus, by the name that the configuration gives them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Prometheus {
    connections: Arc<BTreeMap<String, Connection>>,
    api: Api,
}

/// A span of time in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
    /// How far its points lie apart.
    pub step: std::time::Duration,
}

impl Prometheus {
    /// Connections as configured; nothing is dialled yet.
    pub fn new(connections: &BTreeMap<String, Connection>, net: Net, secrets: Secrets) -> Self {
        Self { connections: Arc::new(connections.clone()), api: Api::new(net, secrets) }
    }

    /// What `expression` amounts to now, by the server's clock.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn query(&self, asking: Asking<'_>, expression: &str) -> Result<Answer, Obstacle> {
        let form = [("query", expression)];
        let answered = self.ask(asking, "/api/v1/query", &form, LONGEST_ANSWER).await?;
        answer::read(&doing(asking), &answered.body)
    }

    /// What `expression` amounted to at each step of a span.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn query_range(
        &self,
        asking: Asking<'_>,
        expression: &str,
        span: Span,
    ) -> Result<(Vec<Range>, Notes), Obstacle> {
        let Span { from, to, step } = span;
        let step = step.as_secs().max(1).to_string();
        let (from, to) = (from.as_second().to_string(), to.as_second().to_string());
        let form = [("query", expression), ("start", &from), ("end", &to), ("step", &step)];
        let answered = self.ask(asking, "/api/v1/query_range", &form, LONGEST_ANSWER).await?;
        answer::read_ranges(&doing(asking), &answered.body)
    }

    /// Its targets: those it scrapes, or those that relabelling drops.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn targets(&self, asking: Asking<'_>, dropped: bool) -> Result<Targets, Obstacle> {
        let state = [("state", if dropped { "dropped" } else { "active" })];
        let answered = self.ask(asking, "/api/v1/targets", &state, LONGEST_LIST).await?;
        targets::read(&doing(asking), &answered.body)
    }

    /// Its groups of rules.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn rules(&self, asking: Asking<'_>) -> Result<Vec<Group>, Obstacle> {
        // An older server does not know the word and sends the alerts along.
        let form = [("exclude_alerts", "true")];
        let answered = self.ask(asking, "/api/v1/rules", &form, LONGEST_LIST).await?;
        rules::read(&doing(asking), &answered.body)
    }

    /// How many Alertmanagers it sends alerts to.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn alertmanagers(&self, asking: Asking<'_>) -> Result<usize, Obstacle> {
        let answered = self.ask(asking, "/api/v1/alertmanagers", &[], LONGEST_ANSWER).await?;
        alerts::read_alertmanagers(&doing(asking), &answered.body)
    }

    /// Whether it took its configuration when it last read it.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn reloaded(&self, asking: Asking<'_>) -> Result<bool, Obstacle> {
        let answered = self.ask(asking, "/api/v1/status/runtimeinfo", &[], LONGEST_ANSWER).await?;
        rules::read_reloaded(&doing(asking), &answered.body)
    }

    /// The alerts of its rules, pending ones among them.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn alerts(&self, asking: Asking<'_>) -> Result<Vec<Alert>, Obstacle> {
        let answered = self.ask(asking, "/api/v1/alerts", &[], LONGEST_ANSWER).await?;
        alerts::read(&doing(asking), &answered.body)
    }

    async fn ask(
        &self,
        asking: Asking<'_>,
        path: &str,
        form: &[(&str, &str)],
        longest: usize,
    ) -> Result<Answered, Obstacle> {
        let connection = self.connections.get(asking.name);
        let connection = connection.ok_or_else(|| unconfigured("prometheus", asking.name))?;
        let doing = doing(asking);
        let question = asking.about(&doing, path, form, longest);
        let answered = self.api.ask(&connection.access, question).await?;
        match answered.status {
            StatusCode::OK => Ok(answered),
            _ => Err(answer::refusal(&doing, &answered)),
        }
    }
}

fn doing(asking: Asking<'_>) -> String {
    format!("asking Prometheus `{}`", asking.name)
}

/// The silence of a Prometheus that is asked about something else, in one word.
pub fn down(obstacle: Obstacle) -> Obstacle {
    const AS_IT_IS: [Reason; 7] = [
        Reason::UNAUTHORIZED,
        Reason::FORBIDDEN,
        Reason::GARBLED,
        Reason::TOO_LARGE,
        Reason::SECRET_MISSING,
        QUERY_REFUSED,
        NO_CONNECTION,
    ];
    if AS_IT_IS.contains(&obstacle.reason) {
        return obstacle;
    }
    Obstacle { reason: PROMETHEUS_DOWN, ..obstacle }
}
