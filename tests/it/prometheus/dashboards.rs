//! Every expression of the dashboards has rows in a Prometheus that scraped the demo, a fault in it.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use vigie::systems::clock::Clock;
use vigie_sim::town::Town;

use super::server::{Alertmanager, Prometheus};
use super::webhook::Webhook;
use crate::drill::{Daemon, configuration};

#[tokio::test(flavor = "multi_thread")]
async fn every_expression_of_the_dashboards_has_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let town = Town::found(folder.path(), Clock::System.now()).await.expect("a town");
    let daemon = Daemon::start(&configuration(&town.variables(), folder.path())).await;
    let alertmanager = Alertmanager::notifying(Webhook::open().await.address).await;
    let prometheus = Prometheus::scraping(daemon.address(), alertmanager.address()).await;
    town.inject("api-in-trouble").await.expect("a fault");
    prometheus.rows("vigie_item_reason{standing=\"failing\"}").await;

    let dashboards = dashboards();
    assert!(!dashboards.is_empty());
    for (file, dashboard) in dashboards {
        let asked: Vec<_> = expressions(&dashboard).chain(choices(&dashboard)).collect();
        assert!(asked.len() > 10, "{}: {asked:#?}", file.display());
        for expression in asked {
            prometheus.rows(&substituted(&expression)).await;
        }
    }
    assert_eq!(prometheus.complaints(), "");
}

/// The dashboards in the tree.
fn dashboards() -> Vec<(PathBuf, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("dashboards");
    fs::read_dir(folder)
        .expect("dashboards")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a text");
            let dashboard = serde_json::from_str(&text).expect("JSON");
            (path, dashboard)
        })
        .collect()
}

/// The expressions of all panels.
fn expressions(dashboard: &Value) -> impl Iterator<Item = String> {
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().expect("an expression").to_owned())
}

/// What the variables ask for their choices, as expressions.
fn choices(dashboard: &Value) -> impl Iterator<Item = String> {
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    variables.iter().filter_map(|variable| variable["query"]["query"].as_str()).map(|query| {
        let arguments = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
        let (series, label) =
            arguments.and_then(|both| both.rsplit_once(", ")).expect("two arguments");
        format!("count by ({label}) ({series})")
    })
}

/// An expression as Grafana asks it, with one environment and all sections and severities chosen.
fn substituted(expression: &str) -> String {
    let values = [
        ("$environment", "production"),
        ("$section", ".*"),
        ("$severity", ".*"),
        ("$__rate_interval", "1m"),
    ];
    let expression =
        values.iter().fold(expression.to_owned(), |text, (name, value)| text.replace(name, value));
    assert!(!expression.contains('$'), "a variable that the test does not know: {expression}");
    expression
}
