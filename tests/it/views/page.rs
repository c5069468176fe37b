//! The pages of snapshots built by hand.

use std::sync::Arc;

use proptest::prelude::*;
use vigie::model::acts::Maintenance;
use vigie::model::reason::Reason;
use vigie::model::snapshot::Snapshot;
use vigie::views::page::{self, Filter};

use crate::fixtures::{WORDS, Words, ago, everything, item, now, snapshot, stood_for, vitals};

fn checklist(snapshot: &Snapshot) -> String {
    filtered(snapshot, "")
}

fn filtered(snapshot: &Snapshot, query: &str) -> String {
    page::checklist(snapshot, &vitals(), &Filter::read(query), now()).expect("a page")
}

fn one(snapshot: &Snapshot, id: &str) -> String {
    page::item(snapshot, &vitals(), snapshot.item(id).expect(id), true, now()).expect("a page")
}

/// What of the list is shown: the ids, in order.
fn listed(html: &str) -> Vec<&str> {
    fn id(row: &str) -> Option<&str> {
        row.split("href=\"items/").nth(1)?.split('"').next()
    }
    let rows = html.split("<li class=\"row ").skip(1);
    let shown = rows.filter(|row| !row.split('>').next().unwrap_or_default().contains(" hidden"));
    shown.filter_map(id).collect()
}

#[test]
fn every_line_shows_its_standing_its_reason_and_its_times() {
    let html = checklist(&everything());
    for shown in [
        "1 item fails",
        "</b> passing</a>",
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
fn the_address_says_what_is_listed() {
    let all = everything();
    assert_eq!(listed(&checklist(&all)).len(), all.items.len());
    for (query, shown) in [
        ("standing=failing", &["pods-running"][..]),
        ("standing=failing,unknown", &["pods-running", "backup-fresh"]),
        ("standing=failing&severity=info", &[]),
        ("severity=info", &["error-tracker"]),
        ("q=workers+ALIVE", &["queues"]),
        ("q=TimedOut", &["backup-fresh"]),
        ("standing=nonsense&q=restore-tested", &["restore-tested"]),
    ] {
        let html = filtered(&all, query);
        assert_eq!(listed(&html), shown, "{query}");
        assert!(html.contains(&format!("<span id=\"_left\">{}</span>", shown.len())), "{query}");
        assert!(html.contains("id=\"_overview\" hidden"), "{query}: what is asked for comes first");
    }
    let html = filtered(&all, "standing=failing&q=x");
    assert!(
        html.contains(
            "href=\"./?q=x\" data-filter=\"standing\" data-word=\"failing\" aria-current"
        )
    );
    assert!(html.contains("href=\"./?standing=failing&#38;severity=info&#38;q=x\""));
    assert!(html.contains("No item is as you ask for.") && html.contains("value=\"x\""));
}

#[test]
fn a_box_above_others_is_as_bad_as_the_worst() {
    let html = checklist(&everything());
    let head = html.split("<li class=\"group\"").nth(1).expect("a group");
    let head = head.split("</div>").next().expect("its head");
    assert!(head.contains("head failing") && head.contains("Workloads"), "{head}");
    assert!(head.contains("1 of 2 hold"), "{head}");
}

#[test]
fn what_changed_lately_is_told_newest_first_and_bounded() {
    let items = (0..200).map(|n| {
        let one = item(&format!("item-{n}"), "s", &format!("Number {n}"));
        one.fails(Reason::REFUSED, "refused", 60 + n)
    });
    let html = checklist(&snapshot(items));
    let lately = html.split("What changed lately").nth(1).expect("the section");
    let lately = lately.split("</section>").next().expect("its end");
    assert_eq!(lately.matches("class=\"title\"").count(), 48);
    let (newest, next) = (lately.find("Number 0<"), lately.find("Number 1<"));
    assert!(newest.is_some() && newest < next, "{lately}");
    assert!(!lately.contains("Number 199<"));
    let calm = checklist(&snapshot([item("a", "b", "c").passes("fine", 9)]));
    assert!(!calm.contains("What changed lately"), "a first look that holds is no news");
}

#[test]
fn the_worst_lines_stand_above_the_list_and_the_others_are_counted() {
    let items = (0..30).map(|n| item(&format!("i-{n}"), "s", "T").fails(Reason::REFUSED, "no", 60));
    let html = checklist(&snapshot(items));
    assert_eq!(html.matches("<li class=\"card ").count(), 8);
    assert!(html.contains("22 more need attention"));
}

#[test]
fn each_environments_box_is_printed_and_its_own_bears_the_standing() {
    let boxes = [("dev", "Development"), ("staging", "Staging (Sandbox)"), ("prod", "Production")];
    let applied = item("applied", "s", "The environment is applied").boxes(&boxes);
    let html = checklist(&snapshot([applied.passes("it is", 60)]));
    assert!(html.contains("The environment is applied<small>Staging (Sandbox)</small>"));
    assert_eq!(html.matches("row absent other").count(), 2);
    assert!(html.contains(">Development<") && html.contains(">Production<"));
    assert!(html.contains("1 of 1 holds"), "the others are no items of their own");
}

#[test]
fn what_people_said_is_shown_with_their_names() {
    let all = stood_for(WORDS);
    let html = checklist(&all);
    for shown in [
        "attested by Jo Martin, valid until 2027-05-19T01:00:00Z",
        "<span class=\"act\">attested by Jo Martin for the coming deployment</span>",
        "waived by Jo Martin until 2026-11-25T01:00:00Z",
        "under maintenance by Jo Martin until 2026-11-23T02:00:00Z",
        "<span class=\"act\">under maintenance by Jo Martin",
        "<b>3</b> passing (1 of them attested)</a>",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
    let restored = one(&all, "restore-tested");
    for shown in [
        "row counts agree",
        "<a href=\"https://wiki.example/restore-2026-11\" rel=\"noreferrer noopener\">",
        "<code>ops</code>",
        "until 2027-05-19T01:00:00Z",
        "lapsed: until 2026-11-03T01:00:00Z",
        "data-post=\"../api/v1/items/restore-tested/attestations\"",
        "at most 180d",
        "vigie attest restore-tested",
        "<code>a2</code>",
        "<code>a1</code>",
        "vigie attest restore-tested --who &#34;Your name&#34; --take-back a2 --token-file TOKEN",
    ] {
        assert!(restored.contains(shown), "{shown}");
    }
    let late = one(&all, "backup-fresh");
    for shown in [
        "open</span> until 2026-11-25 01:00:00 UTC",
        "ended: the item recovered 8d ago",
        "data-post=\"../api/v1/items/backup-fresh/waivers\"",
        "value=\"BackupTooOld\"",
        "at most 7d from now",
        "<code>w2</code>",
        "vigie waive backup-fresh --who &#34;Your name&#34; --take-back w2 --token-file TOKEN",
    ] {
        assert!(late.contains(shown), "{shown}");
    }
    let waits = "vigie attest backups-encrypted --who &#34;Your name&#34; --take-back a3 ";
    assert!(one(&all, "backups-encrypted").contains(waits));
    let moved = one(&all, "api-answers");
    assert!(moved.contains("Under maintenance</span> by Jo Martin"));
    let take_back = "vigie maintain --who &#34;Your name&#34; --take-back m1 --token-file TOKEN";
    assert!(moved.contains("<code>m1</code>") && moved.contains(take_back));
    for over in ["take-back a1", "take-back w1", "take-back m1"] {
        let found = [&restored, &late].into_iter().any(|page| page.contains(over));
        assert!(!found, "{over}: it has ended, or is not about the item");
    }
    let item = all.item("restore-tested").expect("an item");
    let mute = page::item(&all, &vitals(), item, false, now()).expect("a page");
    assert!(!mute.contains("--take-back") && mute.contains("<code>a2</code>"));
}

#[test]
fn maintenance_is_told_above_whatever_it_covers() {
    let mut all = stood_for(WORDS);
    let notice = "Maintenance is on, of verification, by Jo Martin until 2026-11-23 02:00:00 UTC: \
                  Restored onto a copy of staging: 12 min, row counts agree. What fails or can&#39;t \
                  be seen is shown as waived.";
    assert!(checklist(&all).contains(notice), "{}", checklist(&all));
    assert!(one(&all, "api-answers").contains(notice) && one(&all, "ui-answers").contains(notice));
    assert!(!one(&all, "backup-fresh").contains("Maintenance is on"), "another section");
    let span = (*all.maintenance[0]).clone();
    let everywhere = Maintenance { id: "m2".to_owned(), sections: vec![], ..span.clone() };
    let ahead = Maintenance { id: "m3".to_owned(), from: ago(-60), ..span.clone() };
    all.maintenance.extend([everywhere, ahead].map(Arc::new));
    let html = checklist(&all);
    assert!(html.contains("2 spans of maintenance are on."), "{html}");
    assert!(html.contains("<pre>of all sections, by Jo Martin until "));
    assert!(one(&all, "backup-fresh").contains("Maintenance is on, of all sections, by Jo Martin"));
    all.maintenance = vec![Arc::new(Maintenance { until: ago(1), ..span })];
    assert!(!checklist(&all).contains("aintenance is on"), "it is over");
}

#[test]
fn forms_stand_only_where_they_can_do_something() {
    let all = stood_for(WORDS);
    assert!(!one(&all, "ui-answers").contains("id=\"_forms\""), "neither attestable nor failing");
    assert!(!one(&all, "backup-fresh").contains("/attestations\""), "not attestable");
    assert!(!one(&all, "backups-encrypted").contains("/waivers\""), "it holds");
    assert!(one(&all, "backups-encrypted").contains("name=\"next_deployment\""));
    let item = all.item("restore-tested").expect("an item");
    let mute = page::item(&all, &vitals(), item, false, now()).expect("a page");
    assert!(!mute.contains("<form") && mute.contains("--tokens FILE"), "it says how to enable it");
}

#[test]
fn a_token_is_asked_for_and_kept_nowhere() {
    let html = one(&stood_for(WORDS), "restore-tested");
    let field =
        html.split("<input").find(|input| input.contains("name=\"token\"")).expect("a field");
    assert!(field.contains("type=\"password\"") && field.contains("autocomplete=\"off\""));
    let policy = page::content_security_policy();
    assert!(policy.contains("form-action 'none'") && policy.contains("connect-src 'self'"));
}

#[test]
fn the_timeline_is_drawn_and_told() {
    let html = one(&everything(), "pods-running");
    for shown in ["24 hours", "7 days", "<rect class=\"failing\"", "the record begins", "1 turn<"] {
        assert!(html.contains(shown), "{shown}");
    }
}

#[test]
fn an_item_shows_what_its_checks_were_told() {
    let told =
        item("a", "b", "c").told("http:\n  url: https://example.org/?a=<b>").passes("fine", 9);
    let html = one(&snapshot([told]), "a");
    assert!(html.contains("http:\n  url: https://example.org/?a=&#60;b&#62;"), "{html}");
}

#[test]
fn an_item_that_waits_for_another_says_so() {
    let blocked = item("web", "s", "The site answers").blocked_by("dns").passes("fine", 500);
    let html = one(&snapshot([blocked]), "web");
    assert!(
        html.contains("DependencyFailing") && html.contains("not looked at while <code>dns</code>")
    );
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
    let bad = stood_for(Words { link: "javascript:alert(1)", ..WORDS });
    assert!(!one(&bad, "restore-tested").contains("javascript:"));
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

/// What a browser takes for structure: foreign text must add none of it. Code is no structure: a
/// backtick makes it, whoever writes it, and whatever is opened is closed.
fn structure(html: &str) -> [usize; 3] {
    assert_eq!(html.matches("<code>").count(), html.matches("</code>").count());
    let html = html.replace("<code>", "").replace("</code>", "");
    ['<', '>', '"'].map(|sign| html.matches(sign).count())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_becomes_structure(text in "(\\PC|[<>&\"'\n]|<script>|-->|\\{\\{|</style>){1,40}") {
        let with = |text: &str| {
            let bad = item("a", "b", text).told(text).fails(Reason::REFUSED, text, 5);
            let mut all = snapshot([bad.boxes(&[("staging", text), ("dev", text)])]);
            all.environment = text.to_owned();
            let link = format!("https://{text}");
            let said = stood_for(Words { who: text, text, link: &link });
            let query: String = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("q", text)
                .append_pair("standing", text)
                .finish();
            [
                filtered(&all, &query).replace(" hidden", ""),
                checklist(&all),
                one(&all, "a"),
                checklist(&said),
                one(&said, "restore-tested"),
                one(&said, "backup-fresh"),
                one(&said, "api-answers"),
            ]
        };
        for (foreign, plain) in with(&text).iter().zip(with("plain")) {
            prop_assert_eq!(structure(foreign), structure(&plain));
        }
    }
}
