//! The status page, for people: rendered here, readable without JavaScript, and self-contained.
//!
//! Its law: no request to any other host, nothing that needs a script to be read, no standing told
//! by colour alone, and no foreign text without escapes. Links are relative, so that the page may
//! stand under any path behind an ingress.

mod checklist;
mod filter;
mod filters;
mod frame;
mod item;
mod journal;
mod lately;
mod maintenance;
mod mark;
mod moment;
mod notice;
mod section;

use askama::Template;
use jiff::Timestamp;

pub use filter::Filter;
pub use frame::content_security_policy;

use crate::model::snapshot::{ItemState, Snapshot};
use crate::model::vitals::Vitals;
use frame::{Frame, Icon};

/// The page at `/`: every item of the checklist that `filter` asks for.
///
/// # Errors
/// A template could not be written: a defect of Vigie.
pub fn checklist(
    snapshot: &Snapshot,
    vitals: &Vitals,
    filter: &Filter,
    now: Timestamp,
) -> Result<String, askama::Error> {
    checklist::Page::new(snapshot, vitals, filter, now).render()
}

/// The page at `/items/{id}`: one item with its evidence and history; `writable` where the daemon
/// takes what people have to say.
///
/// # Errors
/// A template could not be written: a defect of Vigie.
pub fn item(
    snapshot: &Snapshot,
    vitals: &Vitals,
    item: &ItemState,
    writable: bool,
    now: Timestamp,
) -> Result<String, askama::Error> {
    item::Page::new(snapshot, vitals, item, writable, now).render()
}

/// The page for what does not exist. `path` is the request's, to find the way up.
///
/// # Errors
/// A template could not be written: a defect of Vigie.
pub fn not_found(snapshot: &Snapshot, path: &str) -> Result<String, askama::Error> {
    let depth = path.matches('/').count().saturating_sub(1);
    let up = if depth == 0 { "./".to_owned() } else { "../".repeat(depth) };
    let frame = Frame::new("Not found", snapshot, Icon::Unknown, up);
    NotFound { frame }.render()
}

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFound<'a> {
    frame: Frame<'a>,
}
