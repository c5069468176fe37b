//! `firing_alerts`: every reason, over a real socket. Against a real Alertmanager it is held in
//! `prometheus::observed`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use vigie::checks::firing_alerts::FiringAlerts;
use vigie::model::finding::Verdict::{self, Fail, Pass, Unknown, Warn};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::clock::Clock;
use vigie_sim::net::broken::Fault;
use vigie_sim::net::site::{Answer, Site};

use super::api::{self, silences};
use super::{Provocation, provoke};
use crate::net::ground::deserted;
use crate::support::{look, look_since, look_within, systems};

const CHECK: &str = "firing_alerts: { from: { alertmanager: main }, began: any_time, matchers: \
                     ['severity=~\"critical|warning\"'] }";
const AFTER: &str =
    "firing_alerts: { from: { alertmanager: main }, matchers: ['severity=~\"critical|warning\"'] }";

#[tokio::test(flavor = "multi_thread")]
async fn firing_alerts_gives_every_reason() {
    provoke(provocations()).await;
}

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    let mut all = silences!(FiringAlerts, Unknown, at);
    all.extend(rows! { FiringAlerts:
        "AlertFiring" Fail holding([alert("Slow", 60, "active")]);
        "AlertFiring" Warn async {
            let (_site, systems) = member(&[alert("Slow", 3_600, "active"), watchdog()]).await;
            look_since(ago(60), AFTER, &systems).await
        };
        "NoWatchdog" Unknown async {
            let (_site, systems) = member(&[]).await;
            look(CHECK, &systems).await
        };
        "MemberDown" Warn async {
            let (site, _) = member(&[watchdog()]).await;
            let urls = format!("'http://{}', 'http://{}'", site.address(), deserted().await);
            look(CHECK, &cluster(&urls)).await
        };
        "ClockSkew" Unknown holding([alert("Slow", -180, "active")]);
        "NoDeployment" Unknown async {
            let (_site, systems) = member(&[watchdog()]).await;
            look(AFTER, &systems).await
        };
        "NoConnection" Unknown async { look(CHECK, &systems("{}", Clock::System)).await };
    });
    all
}

fn ago(seconds: i64) -> Timestamp {
    Clock::System.now() - SignedDuration::from_secs(seconds)
}

fn alert(name: &str, since: i64, state: &str) -> Value {
    json!({
        "annotations": {}, "endsAt": ago(-240), "fingerprint": name, "receivers": [{ "name": "r" }],
        "startsAt": ago(since), "updatedAt": ago(1), "generatorURL": "",
        "status": { "inhibitedBy": [], "silencedBy": [], "state": state },
        "labels": { "alertname": name, "severity": "critical" },
    })
}

fn watchdog() -> Value {
    let mut watchdog = alert("Watchdog", 86_400, "active");
    watchdog["labels"]["severity"] = json!("none");
    watchdog
}

/// An Alertmanager of one member, which knows no filters: whoever asks has to look for himself.
async fn member(alerts: &[Value]) -> (Site, vigie::systems::Systems) {
    let site = Site::plain().await.expect("a site");
    site.answer("/api/v2/alerts", Answer::new(200, json!(alerts).to_string()));
    let systems = cluster(&format!("'http://{}'", site.address()));
    (site, systems)
}

fn cluster(urls: &str) -> vigie::systems::Systems {
    let connections = format!("{{ alertmanager: {{ main: {{ urls: [{urls}] }} }} }}");
    systems(&connections, Clock::System)
}

/// Besides the alert that always fires.
async fn holding<const N: usize>(alerts: [Value; N]) -> Judgement {
    let all: Vec<_> = alerts.into_iter().chain([watchdog()]).collect();
    let (_site, systems) = member(&all).await;
    look(CHECK, &systems).await
}

async fn refusing(status: u16) -> Judgement {
    let (url, _site) = api::answering(status, api::failure(status)).await;
    at(&url, "", "", api::PATIENT).await
}

async fn at(url: &str, more: &str, net: &str, allowed: Duration) -> Judgement {
    let connections = format!("{{ {net}alertmanager: {{ main: {{ urls: ['{url}'], {more} }} }} }}");
    look_within(allowed, CHECK, &systems(&connections, Clock::System)).await
}

fn states(judgement: &Judgement) -> Vec<String> {
    let row =
        |sample: &vigie::model::measure::Sample| format!("{} {}", sample.labels[1], sample.value);
    judgement.samples().iter().map(row).collect()
}

#[tokio::test]
async fn what_is_silenced_inhibited_or_our_own_is_named_and_left_out() {
    let mut silenced = alert("Loud", 60, "suppressed");
    silenced["status"]["silencedBy"] = json!(["s1"]);
    let mut inhibited = alert("Lesser", 60, "suppressed");
    inhibited["status"]["inhibitedBy"] = json!(["i1"]);
    let own = alert("VigieItemFailing", 60, "active");
    let mut mild = alert("Mild", 60, "active");
    mild["labels"]["severity"] = json!("info");
    let judgement = holding([silenced, inhibited, own, mild]).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    let said: Vec<_> = judgement.lines().iter().map(|l| (&*l.subject, &*l.because)).collect();
    assert_eq!(
        said,
        [
            ("silenced", "Loud (severity=\"critical\"): silenced, and left out"),
            ("inhibited", "Lesser (severity=\"critical\"): inhibited by others, and left out"),
            (
                "own",
                "VigieItemFailing (severity=\"critical\"): of this daemon itself, and left out"
            ),
            (
                "",
                "no alert with severity=~\"critical|warning\" fires, and the one that always fires does"
            ),
        ]
    );
    assert_eq!(states(&judgement), ["new 0", "older 0", "silenced 1", "inhibited 1", "own 1"]);
}

#[tokio::test]
async fn a_member_that_notifies_decides_whatever_others_silence() {
    let mut silenced = alert("Slow", 60, "suppressed");
    silenced["status"]["silencedBy"] = json!(["s1"]);
    let (heard, _) = member(&[silenced, watchdog()]).await;
    let mut same = alert("Slow", 50, "active");
    same["startsAt"] = json!(ago(50));
    let (unheard, _) = member(&[same, watchdog()]).await;
    let urls = format!("'http://{}', 'http://{}'", heard.address(), unheard.address());
    let judgement = look(CHECK, &cluster(&urls)).await;
    assert_eq!(judgement.verdict(), Fail, "{}", judgement.because());
    assert_eq!(
        states(&judgement)[..3],
        ["new 1", "older 0", "silenced 0"],
        "one alert, told twice"
    );
}

#[tokio::test]
async fn older_alerts_are_what_is_said_of_them() {
    let (_site, systems) = member(&[alert("Slow", 3_600, "active"), watchdog()]).await;
    for (older, verdict) in [("warn", Warn), ("fail", Fail), ("allowed", Pass)] {
        let check = AFTER.replace("matchers:", &format!("older: {older}, matchers:"));
        let judgement = look_since(ago(60), &check, &systems).await;
        assert_eq!(judgement.verdict(), verdict, "{older}: {}", judgement.because());
    }
    let judgement = look_since(ago(7_200), AFTER, &systems).await;
    assert_eq!(judgement.verdict(), Fail, "it began after that one");
    assert!(judgement.because().contains("after the deployment"), "{}", judgement.because());
}

#[tokio::test]
async fn an_alert_that_can_not_be_read_is_never_passed_over() {
    for field in ["labels", "startsAt", "status"] {
        let mut odd = alert("Slow", 60, "active");
        odd.as_object_mut().expect("an object").remove(field);
        let judgement = holding([odd]).await;
        let said: (Verdict, _) = (judgement.verdict(), judgement.reason());
        assert_eq!(said, (Unknown, Some(Reason::GARBLED)), "{field}");
    }
}

#[tokio::test]
async fn a_member_is_asked_for_no_more_than_is_watched() {
    let (site, systems) = member(&[watchdog()]).await;
    look(CHECK, &systems).await;
    let asked: Vec<_> = site.asked().into_iter().map(|asked| asked.target).collect();
    let watched = "filter=severity%3D%7E%22critical%7Cwarning%22";
    assert!(asked.iter().any(|target| target.contains(watched)), "{asked:?}");
    assert!(asked.iter().any(|target| target.contains("Watchdog")), "{asked:?}");
    assert_eq!(asked.len(), 2);
}
