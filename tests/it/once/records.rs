//! `vigie once --records`: people's words and the deployment, from a running Vigie.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use vigie::model::acts::{Attestation, Covers, Maintenance, Waiver};
use vigie::model::snapshot::{ItemState, Snapshot};
use vigie::server::Limits;
use vigie::systems::clock::Clock;

use super::{BAD, GOOD, Ground, once, text};
use crate::fixtures::{id, item, snapshot};
use crate::server::{Cardboard, Running};
use crate::support::deployment;

const BEGAN: &str = "2020-01-02T03:04:05Z";
/// When people gave their words: lately, since no word counts for longer than its item allows.
static GIVEN: LazyLock<Timestamp> = LazyLock::new(|| {
    let yesterday = Clock::System.now().as_second() - 86_400;
    Timestamp::from_second(yesterday).expect("a time")
});

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// So many days after the words were given.
fn after(days: i64) -> Timestamp {
    *GIVEN + SignedDuration::from_hours(24 * days)
}

/// A time as the paper has it.
fn stamp(at: Timestamp) -> String {
    at.to_string().replace('T', " ").replace('Z', " UTC")
}

/// An item whose only check is this.
fn line(name: &str, mode: &str, more: &str, check: &str) -> String {
    format!(
        "      - {{ id: {name}, title: About {name}, severity: info, mode: {mode}, {more}checks: [{{ {check} }}] }}\n"
    )
}

/// Items that a record decides, beside one that answers and one that does not.
fn items() -> String {
    let bad = "http: { url: \"http://${at}/bad\" }";
    let word = "attestation: { valid_for: 180d, answers: [WrongStatus] }, ";
    [
        GOOD.to_owned(),
        BAD.to_owned(),
        line("attested", "attested", "", "attestation: { valid_for: 180d }"),
        line("lapsed", "attested", "", "attestation: { valid_for: 180d }"),
        line("per-deployment", "attested", "", "attestation: { valid_for: deployment }"),
        line("either", "auto_attestable", word, bad),
        line("recorded", "auto", "", "deployment: { recorded: true }"),
        line("signed", "auto", "", "rollup: { items: [good], decided: watch_end }"),
    ]
    .concat()
}

fn attestation(item: &str, covers: Covers) -> Arc<Attestation> {
    Arc::new(Attestation {
        id: format!("at-{item}"),
        item: id(item),
        who: "Jo Doe".to_owned(),
        token: "ops".to_owned(),
        at: *GIVEN,
        covers,
        note: Some("tried on a <copy>".to_owned()),
        link: Some("https://wiki.example/restore".to_owned()),
        ended: None,
    })
}

/// What a Vigie of this environment records.
fn recorded(environment: &str) -> Snapshot {
    let names = ["good", "bad", "attested", "lapsed", "per-deployment", "either", "recorded"];
    let mut all = snapshot(names.map(|name| item(name, "web", name).pending()));
    environment.clone_into(&mut all.environment);
    let mut deployed = deployment(at(BEGAN));
    environment.clone_into(&mut deployed.environment);
    (deployed.id, deployed.who) = ("d1".to_owned(), "Jo Doe".to_owned());
    all.deployments = vec![Arc::new(deployed)];
    let mut change = |name: &str, with: &dyn Fn(&mut ItemState)| {
        let item = all.items.iter_mut().find(|item| item.card.id.as_str() == name);
        with(Arc::make_mut(item.expect("the item")));
    };
    let far = || Covers::Until(at("2200-01-01T00:00:00Z"));
    let over = || Covers::Until(*GIVEN + SignedDuration::from_secs(60));
    change("attested", &|item| item.attestations.push_front(attestation("attested", far())));
    change("either", &|item| item.attestations.push_front(attestation("either", far())));
    change("lapsed", &|item| item.attestations.push_front(attestation("lapsed", over())));
    change("per-deployment", &|item| {
        let covers = Covers::Deployment("d1".to_owned());
        item.attestations.push_front(attestation("per-deployment", covers));
    });
    change("bad", &|item| {
        item.waivers.push_front(Arc::new(Waiver {
            id: "w1".to_owned(),
            item: id("bad"),
            who: "Al".to_owned(),
            token: "ops".to_owned(),
            at: *GIVEN,
            until: at("2200-01-01T00:00:00Z"),
            reasons: vec!["WrongStatus".to_owned()],
            why: "the key is *rotated*".to_owned(),
            ended: None,
        }));
    });
    all
}

async fn vigie_of(snapshot: Snapshot) -> (Running, String) {
    let server = Running::start(Cardboard::new(snapshot), None, Limits::default()).await;
    let url = format!("http://{}/", server.at);
    (server, url)
}

async fn outcome(file: &Path, records: &[&str]) -> (Value, Option<i32>) {
    let output = once(file, &[&["--format", "json"], records].concat()).await;
    let whole = serde_json::from_slice(&output.stdout);
    (whole.unwrap_or_else(|error| panic!("{error}: {output:?}")), output.status.code())
}

/// How each item stands.
fn standings(whole: &Value) -> Vec<(&str, &str, &str)> {
    let items = whole["items"].as_array().expect("items").iter();
    let word = |value: &'_ Value| -> &'static str {
        Box::leak(value.as_str().unwrap_or_default().to_owned().into_boxed_str())
    };
    items.map(|item| (word(&item["id"]), word(&item["standing"]), word(&item["reason"]))).collect()
}

#[tokio::test]
async fn without_a_record_what_it_decides_does_not_apply_and_the_summary_says_so() {
    let ground = Ground::new().await;
    let file = ground.file(&items());
    let (whole, code) = outcome(&file, &[]).await;
    assert_eq!(
        standings(&whole),
        [
            ("good", "passing", ""),
            ("bad", "failing", "WrongStatus"),
            ("attested", "not_applicable", ""),
            ("lapsed", "not_applicable", ""),
            ("per-deployment", "not_applicable", ""),
            ("either", "failing", "WrongStatus"),
            ("recorded", "not_applicable", ""),
            ("signed", "not_applicable", ""),
        ]
    );
    assert_eq!(whole["summary"]["without_records"], 5);
    assert_eq!(code, Some(1));
    let text = text(&once(&file, &[]).await);
    assert!(text.contains("\n5 items are not applicable only because"), "{text}");
    assert!(text.contains("`--records`\n"), "{text}");
}

#[tokio::test]
async fn a_running_vigie_tells_what_people_said_and_what_was_rolled_out() {
    let ground = Ground::new().await;
    let file = ground.file(&items());
    let (_server, url) = vigie_of(recorded("test")).await;
    let (whole, code) = outcome(&file, &["--records", &url]).await;
    assert_eq!(
        standings(&whole),
        [
            ("good", "passing", ""),
            ("bad", "waived", "WrongStatus"),
            ("attested", "passing", ""),
            ("lapsed", "failing", "AttestationLapsed"),
            ("per-deployment", "passing", ""),
            ("either", "passing", ""),
            ("recorded", "passing", ""),
            ("signed", "pending", ""),
        ]
    );
    assert_eq!(code, Some(1), "what has lapsed fails");
    let summary = &whole["summary"];
    let count = |name: &str| summary[name].as_u64().expect("a count");
    assert_eq!((count("passing"), count("attested"), count("waived")), (5, 3, 1), "{summary}");
    assert_eq!((count("pending"), count("without_records")), (1, 0), "{summary}");
    assert_eq!(whole["items"][2]["attestations"][0]["who"], "Jo Doe");
    assert_eq!(whole["items"][1]["waivers"][0]["token"], "ops");
    let more = ["--item", "good", "--item", "bad", "--item", "attested", "--item", "signed"];
    let args = [&["--records", &url], more.as_slice()].concat();
    let output = once(&file, &args).await;
    assert_eq!(output.status.code(), Some(0), "waived and pending break no pipeline: {output:?}");
    let text = text(&output);
    // Both are meant for longer than the items allow.
    let waived = format!(
        "  ! Bad answers\n      waived WrongStatus bad\n      waived by Al until {}",
        after(30)
    );
    let attested = format!(
        "  ✓ About attested\n      attested by Jo Doe at {}, valid until {}",
        *GIVEN,
        after(180)
    );
    for words in [
        waived.as_str(),
        attested.as_str(),
        "  … About signed\n",
        "4 items: 1 pending, 1 waived, 1 attested, 1 passing\n",
    ] {
        assert!(text.contains(words), "{words:?} in:\n{text}");
    }
}

#[tokio::test]
async fn the_paper_names_who_stands_for_what() {
    let ground = Ground::new().await;
    let file = ground.file(&items());
    let mut all = recorded("test");
    all.maintenance = vec![Arc::new(Maintenance {
        id: "m1".to_owned(),
        who: Some("Bo".to_owned()),
        token: Some("ops".to_owned()),
        at: at(BEGAN),
        from: at(BEGAN),
        until: at("2200-01-01T00:00:00Z"),
        sections: vec![id("elsewhere")],
        why: "a new disk".to_owned(),
        ended: None,
    })];
    let (_server, url) = vigie_of(all).await;
    let text = text(&once(&file, &["--format", "markdown", "--records", &url]).await);
    let remark = format!("are those that `{}` records.", url.trim_end_matches('/'));
    let attested = format!(
        "  - attested by Jo Doe (token `ops`) at {}, until {}: tried on a `<copy>` (evidence: `https://wiki.example/restore`)\n",
        stamp(*GIVEN),
        stamp(after(180))
    );
    let waived = format!(
        "  - waived by Al (token `ops`) at {}, until {}, for `WrongStatus`: the key is `*rotated*`\n",
        stamp(*GIVEN),
        stamp(after(30))
    );
    for words in [
        "- deployment: `test` by Jo Doe, begun 2020-01-02 03:04:05 UTC\n",
        "- maintenance of `elsewhere` by Bo (token `ops`), from 2020-01-02 03:04:05 UTC until 2200-01-01 00:00:00 UTC: a new disk\n",
        &remark,
        "| waived | 1 |\n| warning | 0 |\n| attested | 3 |\n| passing | 2 |\n",
        "- [x] About attested `attested`\n  - **attested** since ",
        &attested,
        "UTC, for the deployment `d1`: tried",
        "  - was attested by Jo Doe",
        "- [ ] Bad answers `bad`\n  - **waived** `WrongStatus` since ",
        &waived,
        "- [ ] About signed `signed`\n  - **pending** since ",
        "- **Deployed by:** Jo Doe\n- **Date:** 2020-01-02 03:04:05 UTC\n",
    ] {
        assert!(text.contains(words), "{words:?} in:\n{text}");
    }
}

#[tokio::test]
async fn maintenance_that_is_on_waives_what_fails_under_its_name() {
    let ground = Ground::new().await;
    let mut all = recorded("test");
    all.maintenance = vec![Arc::new(Maintenance {
        id: "m1".to_owned(),
        who: Some("Bo".to_owned()),
        token: Some("ops".to_owned()),
        at: at(BEGAN),
        from: at(BEGAN),
        until: at("2200-01-01T00:00:00Z"),
        sections: vec![],
        why: "a new disk".to_owned(),
        ended: None,
    })];
    let (_server, url) = vigie_of(all).await;
    let file = ground.file(&line("x", "auto", "", "http: { url: \"http://${at}/bad\" }"));
    let output = once(&file, &["--records", &url]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output).contains("under maintenance by Bo until 2200-01-01"), "{output:?}");
}

#[tokio::test]
async fn junit_skips_what_is_waived_or_pending_and_names_who_attested() {
    let ground = Ground::new().await;
    let file = ground.file(&items());
    let (_server, url) = vigie_of(recorded("test")).await;
    let text = text(&once(&file, &["--format", "junit", "--records", &url]).await);
    for words in [
        "tests=\"8\" skipped=\"2\" failures=\"1\" errors=\"0\"",
        "<skipped message=\"waived by Al until",
        "<system-out>attested by Jo Doe",
    ] {
        assert!(text.contains(words), "{words:?} in:\n{text}");
    }
}

#[tokio::test]
async fn a_record_that_can_not_be_had_is_told_and_nothing_is_looked_at() {
    use vigie_sim::net::site::Answer;
    let ground = Ground::new().await;
    let file = ground.file(&items());
    ground.site.answer("/page/api/v1/records", Answer::new(200, "<html>welcome</html>"));
    ground.site.answer("/other/api/v1/records", Answer::new(200, "{\"environment\": \"test\"}"));
    let (_server, staging) = vigie_of(recorded("staging")).await;
    let site = format!("http://{}", ground.site.address());
    let user = format!("http://jo:secret@{}", ground.site.address());
    for (place, said) in [
        ("http://127.0.0.1:1".to_owned(), "http://127.0.0.1:1 does not answer: "),
        (site.clone(), "answers 404 Not Found to /api/v1/records: is it a Vigie of this version?"),
        (format!("{site}/page"), "/page is no Vigie, or one of another version: expected value"),
        (format!("{site}/other"), "/other is no Vigie, or one of another version: missing field"),
        (staging, "watches `staging`, and this configuration is for `test`"),
        (user, "a URL with a password in it would be shown to others"),
        ("http://".to_owned(), "--records: no URL: "),
        ("no-such-folder".to_owned(), "--records: "),
    ] {
        let output = once(&file, &["--records", &place]).await;
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{place}: {output:?}");
        assert!(told.contains(said), "{said:?} in {told}");
        assert!(!told.contains("secret"), "{told}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}
