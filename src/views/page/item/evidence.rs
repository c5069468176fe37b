//! What the last attempt saw, line by line, and in figures.

use super::super::mark::Mark;
use crate::model::duration::spoken;
use crate::model::judgement::Line;
use crate::model::report::{CheckReport, Report};
use crate::model::snapshot::ItemState;

pub(super) struct CheckView<'a> {
    pub(super) kind: &'static str,
    pub(super) took: String,
    pub(super) mark: Mark,
    pub(super) lines: Vec<LineView<'a>>,
}

pub(super) struct LineView<'a> {
    pub(super) subject: &'a str,
    pub(super) mark: Mark,
    pub(super) reason: &'static str,
    pub(super) because: &'a str,
}

pub(super) struct Figure<'a> {
    pub(super) name: &'static str,
    pub(super) labels: Vec<(&'static str, &'a str)>,
    pub(super) value: f64,
}

pub(super) fn checks(report: &Report) -> Vec<CheckView<'_>> {
    report
        .all()
        .map(|CheckReport { kind, took, judgement }| CheckView {
            kind,
            took: spoken(*took),
            mark: judgement.verdict().into(),
            lines: judgement.lines().iter().map(LineView::new).collect(),
        })
        .collect()
}

pub(super) fn figures(state: &ItemState) -> Vec<Figure<'_>> {
    let shown = state.samples.iter().filter(|sample| sample.measure.exported);
    shown
        .map(|sample| {
            let values = sample.labels.iter().map(|value| &**value);
            Figure {
                name: sample.measure.name,
                labels: sample.measure.labels.iter().copied().zip(values).collect(),
                value: sample.value,
            }
        })
        .collect()
}

impl<'a> LineView<'a> {
    pub(super) fn new(line: &'a Line) -> Self {
        let Line { subject, verdict, reason, because } = line;
        Self {
            subject,
            mark: (*verdict).into(),
            reason: reason.map_or("", |reason| reason.code()),
            because,
        }
    }
}
