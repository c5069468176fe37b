//! The pages of snapshots built by hand.

use proptest::prelude::*;
use vigie::model::reason::Reason;
use vigie::model::snapshot::Snapshot;
use vigie::views::page::{self, Filter};

use crate::fixtures::{ago, everything, item, now, snapshot, vitals};

fn checklist(snapshot: &Snapshot) -> String {
    filtered(snapshot, "")
}

fn filtered(snapshot: &Snapshot, query: &str) -> String {
    page::checklist(snapshot, &vitals(), &Filter::read(query), now()).expect("a page")
}

fn one(snapshot: &Snapshot, id: &str) -> String {
    page::item(snapshot, &vitals(), snapshot.item(id).expect(id), now()).expect("a page")
}

#[test]
fn every_line_shows_its_standing_its_reason_and_its_times() {
    let html = checklist(&everything());
    for shown in [
        "1 item fails",
        "Every pod runs and is ready",
        "CrashLoopBackOff",
        "restarted 6 times in 10m, 3 allowed",
        "4m 12s",
        "12s ago",
        "Not applicable",
        "waived by jo until 2026-12-01",
        "Needs attention",
        "href=\"items/pods-running\"",
        "href=\"https://runbooks.example/pods-running\"",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
}

#[test]
fn an_item_shows_evidence_history_figures_and_dependencies() {
    let all = everything();
    let html = one(&all, "pods-running");
    for shown in [
        "web-5d8f",
        "its logs can&#39;t be read",
        "all was well",
        "Last attempts that did not hold",
        "the port refused the connection",
        "every 1m",
        "href=\"cluster-reachable\"",
        "vigie_fixture_jobs",
        "fail_above",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
    let queues = one(&all, "queues");
    assert!(queues.contains("<b>mails</b>") && queues.contains("7 more were seen"));
    assert!(!queues.contains("fixture_restarts"), "what is only remembered is not shown");
}

#[test]
fn an_item_that_waits_for_another_says_so() {
    let blocked = item("web", "s", "The site answers").blocked_by("dns").passes("fine", 500);
    let html = one(&snapshot([blocked]), "web");
    assert!(html.contains("DependencyFailing") && html.contains("not looked at while `dns`"));
}

#[test]
fn the_page_says_when_it_is_not_to_be_trusted() {
    let all = everything();
    let mut vitals = vitals();
    let quiet = checklist(&snapshot([item("a", "b", "c").passes("fine", 9)]));
    assert!(!quiet.contains("class=\"notice\""));
    vitals.last_tick = ago(45);
    vitals.config.successful = false;
    vitals.config.refused = Some("checklist.yaml:3:5: unknown key `titel`".to_owned());
    let html = page::checklist(&all, &vitals, &Filter::default(), now()).expect("a page");
    for shown in [
        "the engine last ticked 45s ago",
        "The newest configuration was refused",
        "unknown key `titel`",
        "A watch of the Kubernetes API is down",
        "deployments.apps in shop, last heard 3m 30s ago",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
}

#[test]
fn no_link_leads_to_what_a_browser_would_run() {
    let bad =
        item("a", "b", "c").runbook("javascript:alert(1)").fails(Reason::REFUSED, "refused", 5);
    let all = snapshot([bad]);
    assert!(!checklist(&all).contains("javascript:"));
    assert!(!one(&all, "a").contains("href=\"javascript:"));
}

#[test]
fn nothing_is_fetched_from_anywhere() {
    for html in [checklist(&everything()), one(&everything(), "pods-running")] {
        for attribute in [" src=", "@import", "url(", "<iframe", "<img"] {
            assert!(!html.contains(attribute), "{attribute}");
        }
        for link in html.split("<link").skip(1) {
            assert!(link.starts_with(" rel=\"icon\" href=\"data:"));
        }
        for url in html.split("href=\"").skip(1).filter(|url| url.starts_with("http")) {
            assert!(url.starts_with("https://runbooks.example/"), "only what a person clicks");
        }
    }
    let policy = page::content_security_policy();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
}

#[test]
fn a_page_of_nothing_finds_its_way_up() {
    for (path, up) in [("/nope", "./"), ("/items/nope", "../"), ("/a/b/c", "../../")] {
        let html = page::not_found(&everything(), path).expect("a page");
        assert!(html.contains(&format!("href=\"{up}\"")), "{path}");
    }
}

/// What a browser takes for structure: foreign text must add none of it.
fn structure(html: &str) -> [usize; 3] {
    ['<', '>', '"'].map(|sign| html.matches(sign).count())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_becomes_structure(text in "(\\PC|[<>&\"'\n]|<script>|-->|\\{\\{|</style>){1,40}") {
        let with = |text: &str| {
            let mut all = snapshot([item("a", "b", text).fails(Reason::REFUSED, text, 5)]);
            all.environment = text.to_owned();
            [checklist(&all), one(&all, "a")]
        };
        for (foreign, plain) in with(&text).iter().zip(with("plain")) {
            prop_assert_eq!(structure(foreign), structure(&plain));
        }
    }
}
