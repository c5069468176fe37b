//! What Vigie says of a real Prometheus and a real Alertmanager: `prometheus_server`,
//! `prometheus_query` and `firing_alerts` against Debian's own.

use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use vigie::model::finding::Verdict::{self, Fail, Pass, Unknown, Warn};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;

use super::process::{Process, eventually};
use super::server::Alertmanager;
use super::webhook::Webhook;
use crate::net::ground::deserted;
use crate::support::{look, look_since, systems};

/// What the exporter serves at first: two sides of two, which nobody can match.
const CALM: &str = "slow 0\nload{of=\"api\"} 10\nleft{n=\"1\"} 1\nleft{n=\"2\"} 1\n\
                    right{n=\"1\"} 1\nright{n=\"2\"} 1\n";

/// A Prometheus that scrapes itself and an exporter each second, as this daemon and as an API.
struct Observed {
    _prometheus: Process,
    alertmanager: Option<Alertmanager>,
    text: Arc<Mutex<String>>,
    systems: Systems,
    _exporter: AbortOnDropHandle<()>,
    _folder: TempDir,
}

impl Observed {
    /// Starts all of it; `broken` adds a rule that can't be evaluated, and a target that is away.
    async fn start(notifies: bool, broken: bool) -> Self {
        let text = Arc::new(Mutex::new(CALM.to_owned()));
        let (exporter, serving) = exporter(Arc::clone(&text)).await;
        let alertmanager = if notifies {
            Some(Alertmanager::notifying(Webhook::open().await.address).await)
        } else {
            None
        };
        let notified = alertmanager.as_ref().map(Alertmanager::address);
        let away = if broken { Some(deserted().await) } else { None };
        let folder = TempDir::new().expect("a folder");
        let prometheus = prometheus(&folder, exporter, notified, away).await;
        let mut connections =
            format!("prometheus: {{ main: {{ url: 'http://{}' }} }}", prometheus.address);
        if let Some(address) = notified {
            connections += &format!(", alertmanager: {{ main: {{ urls: ['http://{address}'] }} }}");
        }
        let systems = systems(&format!("{{ {connections} }}"), Clock::System);
        Self {
            _prometheus: prometheus,
            alertmanager,
            text,
            systems,
            _exporter: serving,
            _folder: folder,
        }
    }

    fn serve(&self, text: &str) {
        text.clone_into(&mut self.text.lock().expect("a text"));
    }

    async fn look(&self, check: &str) -> Judgement {
        look(check, &self.systems).await
    }

    /// Looks until it is so.
    async fn becomes(&self, check: &str, verdict: Verdict, reason: Option<&'static str>) {
        let wanted = (verdict, reason);
        let mut said = String::new();
        let turned = eventually(async || {
            let judgement = self.look(check).await;
            said = judgement.because();
            (judgement.verdict(), judgement.reason().map(Reason::code)) == wanted
        });
        turned.await.unwrap_or_else(|()| panic!("{check}: {wanted:?} wanted: {said}"));
    }
}

async fn exporter(text: Arc<Mutex<String>>) -> (SocketAddr, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let page = get(move || async move { text.lock().expect("a text").clone() });
    let router = Router::new().route("/metrics", page);
    let serving = async move { axum::serve(listener, router).await.expect("it serves") };
    (address, AbortOnDropHandle::new(tokio::spawn(serving)))
}

async fn prometheus(
    folder: &TempDir,
    exporter: SocketAddr,
    alertmanager: Option<SocketAddr>,
    away: Option<SocketAddr>,
) -> Process {
    let job = |name: &str, targets: &[String]| {
        format!(
            "  - {{ job_name: {name}, static_configs: [{{ targets: [{}] }}] }}\n",
            targets.join(", ")
        )
    };
    let quoted = |address: SocketAddr| format!("'{address}'");
    let api: Vec<_> = [Some(exporter), away].into_iter().flatten().map(quoted).collect();
    let rules = folder.path().join("rules.yaml");
    let broken = match away {
        Some(_) => "  - name: broken\n    rules: [{ record: 'a:b', expr: left * on(job) right }]\n",
        None => "",
    };
    let shop = format!(
        "groups:\n  - name: shop\n    rules:\n      - {{ alert: Slow, expr: slow > 0, labels: {{ severity: \
         critical }} }}\n      - {{ alert: Watchdog, expr: vector(1), labels: {{ severity: none }} }}\n{broken}"
    );
    fs::write(&rules, shop).expect("a file");
    let file = folder.path().join("prometheus.yaml");
    let alerting = alertmanager.map(|address| {
        format!("alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['{address}'] }}] }}] }}\n")
    });
    let (file, rules) = (&file, &rules);
    let alerting = alerting.unwrap_or_default();
    let started = Process::start("prometheus", folder.path(), |address| {
        let text = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: ['{}']\n{alerting}\
             scrape_configs:\n{}{}{}",
            rules.display(),
            job("api", &api),
            job("vigie", &[quoted(exporter)]),
            job("prometheus", &[quoted(address)]),
        );
        fs::write(file, text).expect("a file");
        vec![
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", folder.path().join("data").display()),
            format!("--web.listen-address={address}"),
        ]
    });
    started.await
}

const SERVER: &str = "prometheus_server: { connection: main, targets: { jobs: { api: 1, prometheus: \
                      1 } }, rules: { groups: [shop], names: [Slow] }, alertmanagers: {} }";
const ALERTS: &str = "firing_alerts: { from: { alertmanager: main }, began: any_time, matchers: \
                      ['severity=~\"critical|warning\"'] }";

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_fires_is_silenced_and_is_dated_by_the_deployment() {
    let observed = Observed::start(true, false).await;
    observed.becomes(SERVER, Pass, None).await;
    observed.becomes(ALERTS, Pass, None).await;

    observed.serve(&CALM.replace("slow 0", "slow 1"));
    observed.becomes(ALERTS, Fail, Some("AlertFiring")).await;
    let told = observed.look(ALERTS).await;
    assert!(told.because().starts_with("Slow (instance=\"127.0.0.1:"), "{}", told.because());
    let by_prometheus = ALERTS.replace("alertmanager", "prometheus");
    observed.becomes(&by_prometheus, Fail, Some("AlertFiring")).await;

    let after = ALERTS.replace("began: any_time, ", "");
    let now = Clock::System.now();
    let hour = SignedDuration::from_hours(1);
    for (began, verdict) in [(now - hour, Fail), (now + SignedDuration::from_secs(1), Warn)] {
        let judgement = look_since(began, &after, &observed.systems).await;
        let said = (judgement.verdict(), judgement.reason().map(Reason::code));
        assert_eq!(said, (verdict, Some("AlertFiring")), "{}", judgement.because());
    }

    silence(observed.alertmanager.as_ref().expect("one").address(), now).await;
    observed.becomes(ALERTS, Pass, None).await;
    let judgement = observed.look(ALERTS).await;
    let silenced = judgement.lines().iter().find(|line| line.subject == "silenced");
    assert!(silenced.is_some_and(|line| line.because.starts_with("Slow (")), "{judgement:?}");
    let other = ALERTS.replace("severity=~\"critical|warning\"", "severity=\"none\"");
    let judgement = observed.look(&other).await;
    assert_eq!(
        judgement.verdict(),
        Pass,
        "the one that always fires is none: {}",
        judgement.because()
    );
    let absent = ALERTS.replace("matchers", "always_firing: ['alertname=\"Deadman\"'], matchers");
    observed.becomes(&absent, Unknown, Some("NoWatchdog")).await;
}

async fn silence(alertmanager: SocketAddr, now: Timestamp) {
    let silence = json!({
        "matchers": [{ "name": "alertname", "value": "Slow", "isRegex": false, "isEqual": true }],
        "startsAt": now - SignedDuration::from_secs(60),
        "endsAt": now + SignedDuration::from_hours(1),
        "createdBy": "a test",
        "comment": "for a test",
    });
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .no_proxy()
        .build()
        .expect("a client");
    let url = format!("http://{alertmanager}/api/v2/silences");
    let answer = client.post(url).json(&silence).send().await.expect("an answer");
    let status = answer.status();
    assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap_or_default());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alertmanager_that_is_gone_is_missed_by_both() {
    let mut observed = Observed::start(true, false).await;
    observed.becomes(SERVER, Pass, None).await;
    observed.becomes(ALERTS, Pass, None).await;
    drop(observed.alertmanager.take());
    observed.becomes(ALERTS, Unknown, Some("Refused")).await;
    // So that there is something new to notify of.
    observed.serve(&CALM.replace("slow 0", "slow 1"));
    observed.becomes(SERVER, Fail, Some("NotificationsDropped")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_rules_and_alertmanagers_that_are_not_as_they_should_be_are_told() {
    let observed = Observed::start(false, true).await;
    let server = |parts: &str| format!("prometheus_server: {{ connection: main, {parts} }}");
    observed.becomes(&server("alertmanagers: {}"), Fail, Some("TooFewAlertmanagers")).await;
    observed.becomes(&server("targets: { jobs: { api: 1 } }"), Warn, Some("TargetDown")).await;
    // A target is down, too, before it was scraped for the first time.
    let refused = eventually(async || {
        let judgement = observed.look(&server("targets: { jobs: { api: 1 } }")).await;
        judgement.because().contains("connection refused")
    });
    refused.await.expect("the error of the scrape");
    observed.becomes(&server("targets: { jobs: { api: 2 } }"), Fail, Some("TooFewTargets")).await;
    observed.becomes(&server("targets: { jobs: { web: 1 } }"), Fail, Some("JobMissing")).await;
    let own = "targets: { jobs: { api: 1 }, down: allowed, own: { job: vigie, instance: other } }";
    observed.becomes(&server(own), Fail, Some("OwnTargetMissing")).await;
    observed.becomes(&server("rules: {}"), Fail, Some("RuleFailing")).await;
    let judgement = observed.look(&server("rules: {}")).await;
    assert!(judgement.because().contains("many-to-many"), "{}", judgement.because());
    observed.becomes(&server("rules: { groups: [shop] }"), Warn, Some("RuleFailing")).await;
    observed.becomes(&server("rules: { names: [Quick] }"), Fail, Some("RuleMissing")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_are_judged_by_what_they_amount_to() {
    let observed = Observed::start(false, false).await;
    let query = |expression: &str, parts: &str| {
        format!("prometheus_query: {{ connection: main, expression: '{expression}', {parts} }}")
    };
    let above = "above: { warn: 5, fail: 20 }";
    observed.becomes(&query("count(load)", "below: { fail: 2 }"), Pass, None).await;
    observed.becomes(&query("load", above), Warn, Some("AboveLimit")).await;
    let judgement = observed.look(&query("load", "above: { fail: 20 }, labels: [of, job]")).await;
    let named: Vec<_> = judgement.lines().iter().map(|line| line.subject.as_str()).collect();
    assert_eq!(named, ["job=\"api\", of=\"api\"", "job=\"vigie\", of=\"api\""]);
    for (expression, parts, verdict, reason) in [
        ("6 * 7", "below: { fail: 42 }", Pass, None),
        ("absent_one", above, Unknown, Some("NoSeries")),
        ("absent_one", "above: { fail: 1 }, empty: pass", Pass, None),
        ("vector(0) / 0", above, Unknown, Some("NotANumber")),
        ("vector(1) / 0", above, Unknown, Some("Infinite")),
        ("\"text\"", above, Unknown, Some("NotAFigure")),
        ("load[1m]", above, Unknown, Some("NotAFigure")),
        ("sum(", above, Unknown, Some("QueryRefused")),
        ("load", "above: { fail: 20 }, max_age: 1h", Pass, None),
        (
            "load",
            "above: { fail: 20 }, expect: { label: job, values: [web] }",
            Unknown,
            Some("NoSeries"),
        ),
        (
            "load",
            "baseline: { from: { ago: 30d }, at_most: { fail: 2 } }",
            Unknown,
            Some("NoBaseline"),
        ),
    ] {
        let judgement = observed.look(&query(expression, parts)).await;
        let said = (judgement.verdict(), judgement.reason().map(Reason::code));
        assert_eq!(said, (verdict, reason), "{expression}: {}", judgement.because());
    }
    // A constant is what it was: enough points of it can be had of any time.
    let level = "baseline: { from: deployment, at_most: { warn: 1, fail: 4 } }";
    let judgement =
        look_since(Clock::System.now(), &query("vector(3)", level), &observed.systems).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    assert!(
        judgement.because().contains("and it was 3 in the 1h before"),
        "{}",
        judgement.because()
    );
}
