//! Sites, certificates, names, providers outside.

use anyhow::Result;

use super::super::fault::Deed::{Later, Now};
use super::super::fault::{Doing, Fault, fails};
use super::super::furnish::{MAINTENANCE, account, of_json};
use super::super::{API, HOSTS, LASTS, NOTIFIER, Town, UI, began, until};
use super::fault;
use crate::net::dns::Behaviour;
use crate::net::mill::Sort;
use crate::net::site::{Answer, Site};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "certificate-expiring",
        "the ingress shows a certificate that ends in five days",
        &[fails("tls-certificates", "CertificateExpiring")],
        Now(|doing| certify(doing, Sort::Good, &HOSTS, 5)),
    ),
    fault(
        "certificate-of-another",
        "the ingress shows a certificate for another name",
        &[
            fails("tls-certificates", "NameMismatch"),
            fails("ui-accessible", "NameMismatch"),
            fails("api-health", "NameMismatch"),
            fails("notifier-sse", "NameMismatch"),
        ],
        Now(|doing| certify(doing, Sort::Good, &["other.example.org"], LASTS)),
    ),
    fault(
        "certificate-incomplete",
        "the ingress does not send the issuer's certificate",
        &[
            fails("tls-certificates", "ChainIncomplete"),
            fails("ui-accessible", "ChainIncomplete"),
            fails("api-health", "ChainIncomplete"),
            fails("notifier-sse", "ChainIncomplete"),
        ],
        Now(|doing| certify(doing, Sort::Incomplete, &HOSTS, LASTS)),
    ),
    fault(
        "ingress-refuses",
        "the ingress refuses connections over TLS",
        &[
            fails("tls-certificates", "Refused"),
            fails("ui-accessible", "Refused"),
            fails("api-health", "Refused"),
            fails("notifier-sse", "Refused"),
        ],
        Later(|doing| {
            doing.mend_later(|town| Box::pin(town.web.open()));
            Box::pin(async {
                doing.town.web.close().await;
                Ok(())
            })
        }),
    ),
    fault(
        "api-in-trouble",
        "the API answers 500",
        &[fails("api-health", "ServerError")],
        Now(|doing| {
            answer(
                doing,
                |town| &town.web,
                &[
                    (&format!("{API}/*"), Answer::new(500, "out of order")),
                    (&format!("{API}/ping"), Answer::new(500, "out of order")),
                    (&format!("{API}/"), Answer::new(500, "out of order")),
                ],
            );
            Ok(())
        }),
    ),
    fault(
        "ui-blank",
        "the UI answers 200 with an empty page",
        &[fails("ui-accessible", "WrongBody")],
        Now(|doing| {
            let blank = Answer::new(200, "<html>").header("content-type", "text/html");
            answer(doing, |town| &town.web, &[(&format!("{UI}/*"), blank)]);
            Ok(())
        }),
    ),
    fault(
        "stream-is-silent",
        "the notifier's stream opens and says nothing more",
        &[fails("notifier-sse", "HeartbeatMissed")],
        Now(|doing| {
            let mut silent = Town::stream();
            silent.beat = silent.beat.map(|(beat, _)| (beat, std::time::Duration::from_hours(1)));
            answer(doing, |town| &town.web, &[(&format!("{NOTIFIER}/*"), silent)]);
            Ok(())
        }),
    ),
    fault(
        "no-redirect",
        "the ingress serves the UI over plain HTTP",
        &[fails("https-redirects", "WrongRedirect"), fails("tls-enabled", "WrongRedirect")],
        Now(|doing| {
            let page = Answer::new(200, "<div id=\"root\"></div>");
            answer(doing, |town| &town.plain, &[(&format!("{UI}/*"), page)]);
            Ok(())
        }),
    ),
    fault(
        "domain-moved",
        "the API's name leads to another address",
        &[fails("dns-load-balancer", "WrongAddress")],
        Now(|doing| {
            for names in &doing.town.names {
                names.point(API, "192.0.2.99".parse()?);
            }
            doing.mend(Town::point_names);
            Ok(())
        }),
    ),
    fault(
        "domain-unknown-outside",
        "a resolver outside does not know the UI's name",
        &[fails("dns-ui", "NameNotFound")],
        Now(|doing| {
            doing.town.names[1].set(UI, Behaviour::Code(3));
            doing.mend(Town::point_names);
            Ok(())
        }),
    ),
    fault(
        "api-unknown-outside",
        "a resolver outside does not know the API's name",
        &[fails("dns-api", "NameNotFound")],
        Now(|doing| {
            doing.town.names[1].set(API, Behaviour::Code(3));
            doing.mend(Town::point_names);
            Ok(())
        }),
    ),
    fault(
        "maintenance-page-gone",
        "where the maintenance page was, the ingress says that it has no service",
        &[fails("maintenance-page", "WrongBody")],
        Now(|doing| {
            let page = "<h1>503 Service Temporarily Unavailable</h1>";
            let gone = Answer::new(503, page).header("content-type", "text/html");
            answer(doing, |town| &town.outside, &[(MAINTENANCE, gone)]);
            Ok(())
        }),
    ),
    fault(
        "domain-without-address",
        "the notifier's name has no address any more",
        &[
            fails("domains-configured", "NoRecords"),
            fails("dns-load-balancer", "NoRecords"),
            fails("dns-notifier", "NoRecords"),
        ],
        Now(|doing| {
            for names in &doing.town.names {
                names.set(NOTIFIER, Behaviour::Records(Vec::new()));
            }
            doing.mend(Town::point_names);
            Ok(())
        }),
    ),
    fault(
        "gotenberg-down",
        "Gotenberg has lost its browser",
        &[fails("gotenberg", "ServerError")],
        Now(|doing| {
            let down = Answer { status: 503, ..of_json(&serde_json::json!({ "status": "down" })) };
            answer(
                doing,
                |town| &town.inside,
                &[("/health", down), ("/ping", Answer::new(404, ""))],
            );
            Ok(())
        }),
    ),
    fault(
        "credits-used-up",
        "a hundred mails are left at the provider",
        &[fails("email-provider", "NumberTooLow")],
        Now(|doing| {
            answer(doing, |town| &town.outside, &[("api.brevo.com/v3/account", account(100))]);
            Ok(())
        }),
    ),
    fault(
        "insee-refuses",
        "INSEE's gateway is in trouble",
        &[fails("insee-api", "ServerError")],
        Now(|doing| {
            let trouble = Answer::new(503, "maintenance");
            answer(doing, |town| &town.outside, &[("api.insee.fr/*", trouble)]);
            Ok(())
        }),
    ),
    fault(
        "grafana-without-database",
        "Grafana has lost its database",
        &[fails("grafana-dashboards", "ServerError")],
        Now(|doing| {
            let down = of_json(&serde_json::json!({ "database": "failing", "version": "12.2.0" }));
            answer(doing, |town| &town.inside, &[("/api/health", Answer { status: 503, ..down })]);
            Ok(())
        }),
    ),
    fault(
        "runbook-gone",
        "a runbook is not found any more",
        &[fails("runbooks", "WrongStatus")],
        Now(|doing| {
            let path = "docs.trackdechets.beta.gouv.fr/docs/runbooks/queue-workers.md";
            answer(doing, |town| &town.outside, &[(path, Answer::new(404, ""))]);
            Ok(())
        }),
    ),
];

/// Lets a site answer otherwise, until that is mended.
fn answer(doing: &mut Doing<'_>, site: fn(&Town) -> &Site, answers: &[(&str, Answer)]) {
    for (path, answer) in answers {
        let before = site(doing.town).set_answer(path);
        site(doing.town).answer(path, answer.clone());
        let path = (*path).to_owned();
        doing.mend(move |town| {
            match before {
                Some(before) => site(town).answer(&path, before),
                None => site(town).forget(&path),
            }
            Ok(())
        });
    }
}

fn certify(doing: &mut Doing<'_>, sort: Sort, names: &[&str], days: i64) -> Result<()> {
    show(doing.town, sort, names, days)?;
    doing.mend(|town| show(town, Sort::Good, &HOSTS, LASTS));
    Ok(())
}

fn show(town: &Town, sort: Sort, names: &[&str], days: i64) -> Result<()> {
    let (from, to) = (began(town.founded), until(town.founded, days));
    town.web.certify(&town.mill.issue(sort, names, from, to)?)
}
