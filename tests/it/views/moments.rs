//! Times as people read them, on pages and in Markdown: what they say beyond the second is noise.

use std::sync::Arc;

use jiff::SignedDuration;
use vigie::model::acts::Covers;
use vigie::model::pause::Pause;
use vigie::model::snapshot::ItemState;
use vigie::views::page::{self, Filter};

use crate::fixtures::{WORDS, ago, everything, now, stood_for, vitals};

#[test]
fn people_read_times_to_the_second() {
    const NOISE: SignedDuration = SignedDuration::from_nanos(123_456_789);
    let mut all = stood_for(WORDS);
    all.deployments = everything().deployments;
    for deployment in &mut all.deployments {
        Arc::make_mut(deployment).started += NOISE;
    }
    for span in &mut all.maintenance {
        let span = Arc::make_mut(span);
        (span.at, span.from, span.until) = (span.at + NOISE, span.from + NOISE, span.until + NOISE);
    }
    for item in &mut all.items {
        let item = Arc::make_mut(item);
        item.folded.since += NOISE;
        for attestation in &mut item.attestations {
            let attestation = Arc::make_mut(attestation);
            attestation.at += NOISE;
            if let Covers::Until(until) = &mut attestation.covers {
                *until += NOISE;
            }
        }
        for waiver in &mut item.waivers {
            let waiver = Arc::make_mut(waiver);
            (waiver.at, waiver.until) = (waiver.at + NOISE, waiver.until + NOISE);
        }
    }
    let now = now() + NOISE;
    let one = |item: &Arc<ItemState>| page::item(&all, &vitals(), item, true, now).expect("a page");
    let items = all.items.iter().map(one);
    let list = page::checklist(&all, &vitals(), &Filter::default(), now).expect("a page");
    let markdown = vigie::views::markdown::checklist(&all, &[], now);
    for text in items.chain([list, markdown]) {
        assert!(text.contains("2026-11-23"), "times are told");
        assert!(!text.contains(".123"), "{text}");
    }
}

#[test]
fn a_timeline_is_empty_where_nobody_recorded() {
    let mut all = stood_for(WORDS);
    all.pauses = Arc::from([Pause { from: ago(7_200), to: ago(3_600) }]);
    let item = all.item("restore-tested").expect("an item");
    let html = page::item(&all, &vitals(), item, true, now()).expect("a page");
    for shown in [
        "no record for 1h: Vigie did not run, or could not write",
        "<rect class=\"blank\" x=\"1833\" y=\"0\" width=\"83\" height=\"40\"><title>No record from \
         2026-11-22 23:00:00 UTC, for 1h</title>",
        "Passing from 2026-11-23 00:00:00 UTC, for 1h",
    ] {
        assert!(html.contains(shown), "{shown}: {html}");
    }
}
