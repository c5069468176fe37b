//! The JSON API's answers: structs whose fields are the contract.
//!
//! Times are RFC 3339 in UTC, lengths are seconds with a fraction. A time that never was is null.

mod acts;
mod checklist;
mod deployment;
mod item;
mod problem;
mod records;

pub use acts::{
    ActView, AttestationView, Attestations, MaintenanceView, Maintenances, WaiverView, Waivers,
};
pub use checklist::{Checklist, Configuration, Counts, ItemSummary, SectionView};
pub use deployment::{DeploymentView, Deployments};
pub use item::{CheckView, Figure, ItemView, LimitView, ReportView};
pub use problem::Problem;
pub use records::{ItemRecords, RecordsView};
