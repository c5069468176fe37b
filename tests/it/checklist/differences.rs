//! How the environments differ.

use std::collections::BTreeSet;

use vigie::checklist::Item;
use vigie::config::Configuration;

use super::{ENVIRONMENTS, shipped};

/// The items that do not apply, by id.
fn left_out(configuration: &Configuration) -> BTreeSet<String> {
    let items = configuration.checklist.items.iter().filter(|item| !item.applies);
    items.map(|item| item.card.id.to_string()).collect()
}

fn ids(all: &[&[&str]]) -> BTreeSet<String> {
    all.iter().copied().flatten().map(|id| (*id).to_owned()).collect()
}

fn item<'c>(configuration: &'c Configuration, id: &str) -> &'c Item {
    let found = configuration.checklist.items.iter().find(|item| item.card.id.as_str() == id);
    found.unwrap_or_else(|| panic!("there is no {id}"))
}

#[test]
fn what_applies_is_the_environment_s() {
    let optional = ["sentry", "secret-sentry-dsn", "grafana-dashboards", "maintenance-page"];
    let production = [
        "change-ticket",
        "deployment-window",
        "stakeholders-notified",
        "monitoring-alerted",
        "on-call",
        "disaster-recovery-reviewed",
        "sla-documented",
        "compliance",
    ];
    let fixed = ["autoscalers-active", "autoscaling-tested", "watch-autoscaling", "load-test"];
    for (environment, without) in [
        ("production", ids(&[&optional])),
        ("staging", ids(&[&optional, &production])),
        ("dev", ids(&[&optional, &production, &fixed])),
    ] {
        assert_eq!(left_out(&shipped(environment, &[])), without, "{environment}");
    }
}

#[test]
fn each_has_names_and_a_namespace_of_its_own() {
    let hosts = [
        ("dev", "recette.trackdechets.fr", "trackdechets-dev"),
        ("staging", "sandbox.trackdechets.beta.gouv.fr", "trackdechets-staging"),
        ("production", "app.trackdechets.beta.gouv.fr", "trackdechets"),
    ];
    for (environment, ui, namespace) in hosts {
        let configuration = shipped(environment, &[]);
        assert_eq!(configuration.settings.environment, environment);
        assert_eq!(item(&configuration, "ui-accessible").needs.hosts, [ui]);
        let parent = ui.strip_prefix("app.").unwrap_or(ui);
        for (id, host) in [("api-health", "api"), ("notifier-sse", "notifier")] {
            let wanted = format!("{host}.{parent}");
            assert_eq!(item(&configuration, id).needs.hosts, [wanted], "{environment}");
        }
        let watched = configuration.checklist.watches();
        let others = ENVIRONMENTS.map(|other| match other {
            "production" => "trackdechets".to_owned(),
            other => format!("trackdechets-{other}"),
        });
        for watch in &watched {
            let place = watch.namespace.as_deref().unwrap_or_default();
            let stray = place != namespace && others.iter().any(|other| other == place);
            assert!(!stray, "{environment} watches {place}");
        }
        assert!(watched.iter().any(|watch| watch.namespace.as_deref() == Some(namespace)));
    }
}

#[test]
fn databases_are_of_the_environment_s_size() {
    for (environment, instances) in [("dev", "1"), ("staging", "2"), ("production", "3")] {
        let configuration = shipped(environment, &[]);
        let title = &item(&configuration, "postgres-instances").card.title;
        assert!(title.contains(&format!(", {instances} of them")), "{environment}: {title}");
    }
}

/// What one database says is not believed while its operator is gone.
#[test]
fn databases_depend_on_their_operators() {
    let configuration = shipped("production", &[]);
    for (database, operator) in [
        ("postgres-ready", "operator-cloudnative-pg"),
        ("postgres-instances", "operator-cloudnative-pg"),
        ("elasticsearch-ready", "operator-eck"),
        ("mongodb-ready", "operator-percona-mongodb"),
        ("mongodb-replica-set", "operator-percona-mongodb"),
    ] {
        let on = &item(&configuration, database).depends_on;
        assert!(on.iter().any(|on| on.as_str() == operator), "{database}");
    }
}

/// The Secrets of production are asked for by name, and neither listed nor watched.
#[test]
fn no_secret_is_watched() {
    for environment in ENVIRONMENTS {
        for watch in shipped(environment, &[]).checklist.watches() {
            assert_ne!(watch.resource.kind, "Secret", "{environment}");
        }
    }
}
