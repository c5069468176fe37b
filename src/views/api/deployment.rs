//! `/api/v1/deployments`: the rollouts that the record knows of.

use serde::Serialize;

use crate::model::deployment::Deployment;
use crate::model::snapshot::Snapshot;

/// All that are kept.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Deployments<'a> {
    /// The one that began last first.
    pub deployments: Vec<DeploymentView<'a>>,
}

/// One of them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeploymentView<'a> {
    /// What is known of it.
    #[serde(flatten)]
    pub deployment: &'a Deployment,
    /// Whether it is the one that checks ask about.
    pub current: bool,
}

impl<'a> Deployments<'a> {
    /// Those of a snapshot.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let all = snapshot.deployments.iter();
        Self { deployments: all.map(|one| DeploymentView::new(snapshot, one)).collect() }
    }
}

impl<'a> DeploymentView<'a> {
    /// A deployment as the snapshot has it.
    pub fn new(snapshot: &Snapshot, deployment: &'a Deployment) -> Self {
        let current = snapshot.deployment().is_some_and(|current| current.id == deployment.id);
        Self { deployment, current }
    }
}
