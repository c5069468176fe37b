//! Vigie keeps every line of a deployment checklist true, and says so to Prometheus.
//!
//! This page is the map. Data flows one way:
//!
//! ```text
//! files ─ config ─▶ checklist ─▶ engine ──(due, permit, deadline, panic guard)──▶ check.observe, check.judge
//!                       │           ▲                                                      │ judgement
//!                       ▼           └── revisions of watches, requests to look now         ▼
//!                     board ◀──────────────────────── apply(event) ───────────────────── report
//!                       └─ snapshot ─▶ views (metrics, page, API) ─▶ server
//! ```
//!
//! - [`model`]: the words, as plain values; no I/O and no clock.
//! - [`config`]: from files to a [`checklist`], strictly, every mistake with its place.
//! - [`checks`]: one file a kind; it *observes*, all the I/O, then *judges*, purely.
//! - [`systems`]: the connections; each turns its SDK's errors into obstacles in one place.
//! - [`engine`]: when and how attempts run; it knows no kind.
//! - [`board`]: what is known now; one writer, cheap snapshots; the fold of verdicts into standings.
//! - [`journal`]: what must outlive a restart, in one file.
//! - [`views`], [`server`]: what others see; a request starts no look.
//! - [`app`], [`cli`]: everything wired together, and the command line.
//!
//! Each part names only those that stand before it here, as a test over the sources holds it to.
//!
//! # How to get it wrong
//!
//! - **Two answers instead of three.** Whoever could not see must say so: an [`Obstacle`] is never a
//!   failure, but for the *subject* of a claim, whose silence is evidence.
//! - **Comparing while looking.** What was seen is a value of its own, so that every limit can be
//!   tested as a table without a network.
//! - **Passing by absence.** A missing field, an empty list, a judgement without lines: none of them
//!   is a pass, and property tests take fields away to see.
//! - **Memory in a check.** A reload would lose it; what has to be remembered goes through
//!   [`Past`](model::past::Past).
//! - **Asking the system for the time.** The clock is handed in, and may be set back.
//!
//! [`Obstacle`]: model::finding::Obstacle

pub mod app;
pub mod board;
pub mod checklist;
pub mod checks;
pub mod cli;
pub mod config;
pub mod engine;
pub mod journal;
pub mod model;
pub mod server;
pub mod systems;
pub mod telemetry;
pub mod views;
