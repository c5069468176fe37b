//! `/api/v1/records`: all that people did, and the deployments: what no look could find out again.
//!
//! `vigie once --records` reads it; it is also what to keep where a journal is not enough.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::model::acts::{Attestation, Maintenance, Waiver};
use crate::model::deployment::Deployment;
use crate::model::item::ItemId;
use crate::model::snapshot::{ItemState, Snapshot};

/// The record.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordsView<'a> {
    /// The environment's name.
    pub environment: &'a str,
    /// The time for which this holds.
    pub at: Timestamp,
    /// Deployments, the one that began last first.
    pub deployments: &'a [Arc<Deployment>],
    /// Maintenance, what begins last first.
    pub maintenance: &'a [Arc<Maintenance>],
    /// The items of the checklist, in file order.
    pub items: Vec<ItemRecords<'a>>,
}

/// What people did about an item.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemRecords<'a> {
    /// The item's id.
    pub id: &'a ItemId,
    /// Since when it is on the checklist.
    pub known_since: Timestamp,
    /// Attestations, newest first, those that have lapsed included.
    #[schema(value_type = Vec<Attestation>)]
    pub attestations: &'a VecDeque<Arc<Attestation>>,
    /// Waivers, newest first, those that have ended included.
    #[schema(value_type = Vec<Waiver>)]
    pub waivers: &'a VecDeque<Arc<Waiver>>,
}

impl<'a> RecordsView<'a> {
    /// The record as it is at `now`.
    pub fn new(snapshot: &'a Snapshot, now: Timestamp) -> Self {
        let item = |item: &'a Arc<ItemState>| ItemRecords {
            id: &item.card.id,
            known_since: item.known_since,
            attestations: &item.attestations,
            waivers: &item.waivers,
        };
        Self {
            environment: &snapshot.environment,
            at: now,
            deployments: &snapshot.deployments,
            maintenance: &snapshot.maintenance,
            items: snapshot.items.iter().map(item).collect(),
        }
    }
}
