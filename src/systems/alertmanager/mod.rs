//! Alertmanager, API version 2: the alerts that its members hold, as a witness.
//!
//! Every member of a cluster is asked by itself, at once: which of them hears of a silence late, or
//! is cut off, only they can tell. Answers are bounded in bytes, and read whole or not at all.

pub mod alert;
mod connection;
pub mod matcher;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use http::StatusCode;

pub use alert::Alert;
pub use connection::Connection;
pub use matcher::Matcher;

use super::api::{Access, Api, Asking, unconfigured};
use super::net::Net;
use super::secrets::Secrets;
use crate::model::finding::Obstacle;

/// The longest answer that is read of a member, in bytes.
const LONGEST_ANSWER: usize = 8 << 20;

/// The connections to Alertmanager, by the name that the configuration gives them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Alertmanager {
    connections: Arc<BTreeMap<String, Connection>>,
    api: Api,
}

/// What one member of a cluster says.
#[derive(Debug)]
pub struct Member {
    /// Where it is.
    pub place: String,
    /// Its alerts, or why it tells of none.
    pub alerts: Result<Vec<Alert>, Obstacle>,
}

impl Alertmanager {
    /// Connections as configured; nothing is dialled yet.
    pub fn new(connections: &BTreeMap<String, Connection>, net: Net, secrets: Secrets) -> Self {
        Self { connections: Arc::new(connections.clone()), api: Api::new(net, secrets) }
    }

    /// The alerts that fire, silenced and inhibited ones among them, and that all `matchers` hold of.
    ///
    /// # Errors
    /// No such connection is configured.
    pub async fn alerts(
        &self,
        asking: Asking<'_>,
        matchers: &[Matcher],
    ) -> Result<Vec<Member>, Obstacle> {
        let connection = self.connections.get(asking.name);
        let connection = connection.ok_or_else(|| unconfigured("alertmanager", asking.name))?;
        let members = connection.members.iter().map(|access| self.member(asking, access, matchers));
        Ok(join_all(members).await)
    }

    async fn member(&self, asking: Asking<'_>, access: &Access, matchers: &[Matcher]) -> Member {
        let place = access.place();
        let alerts = self.ask(asking, access, matchers).await;
        // A member that knows no filters answers more than was asked for.
        let alerts = alerts.map(|mut alerts| {
            alerts.retain(|alert| matchers.iter().all(|matcher| matcher.holds(&alert.labels)));
            alerts
        });
        Member { place, alerts }
    }

    async fn ask(
        &self,
        asking: Asking<'_>,
        access: &Access,
        matchers: &[Matcher],
    ) -> Result<Vec<Alert>, Obstacle> {
        let doing = format!("asking Alertmanager `{}` at {}", asking.name, access.place());
        let filters: Vec<String> = matchers.iter().map(ToString::to_string).collect();
        let mut form = vec![("active", "true"), ("silenced", "true"), ("inhibited", "true")];
        form.extend(filters.iter().map(|filter| ("filter", filter.as_str())));
        let question = asking.about(&doing, "/api/v2/alerts", &form, LONGEST_ANSWER);
        let answered = self.api.ask(access, question).await?;
        match answered.status {
            StatusCode::OK => alert::read(&doing, &answered.body),
            // Its words are a JSON string.
            _ => {
                let words =
                    serde_json::from_slice(&answered.body).unwrap_or_else(|_| String::new());
                Err(answered.refusal(&doing, &words))
            }
        }
    }
}
