//! Sites and names: the ingress, providers outside, what answers inside the cluster.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::net::site::Answer;
use crate::town::{API, HOSTS, LOAD_BALANCER, NOTIFIER, Town, UI};

/// Hosts outside.
pub(in crate::town) const OUTSIDE: [&str; 5] = [
    "api.brevo.com",
    "auth.insee.net",
    "api.insee.fr",
    "sentry.incubateur.net",
    "docs.trackdechets.beta.gouv.fr",
];
/// How far apart the notifier's signs of life are; thirty seconds in the real one.
const HEARTBEAT: Duration = Duration::from_secs(1);

impl Town {
    pub(in crate::town) fn open_sites(&self) {
        self.open_ingress();
        self.open_outside();
        let up = json!({ "status": "up", "details": {
            "chromium": { "status": "up", "timestamp": "2026-11-20T08:00:00Z" },
            "libreoffice": { "status": "up", "timestamp": "2026-11-20T08:00:00Z" },
        } });
        self.inside.answer("/health", of_json(&up));
        let grafana = json!({ "database": "ok", "version": "12.2.0", "commit": "92f1fba9b4" });
        self.inside.answer("/api/health", of_json(&grafana));
        self.inside.answer(
            "*",
            of_json(&json!({
                "meta": { "slug": "vigie", "isFolder": false }, "dashboard": { "uid": "vigie-overview" },
            })),
        );
    }

    fn open_ingress(&self) {
        let page =
            Answer::new(200, "<!doctype html><title>Trackdéchets</title><div id=\"root\"></div>")
                .header("content-type", "text/html; charset=utf-8");
        self.web.answer(&format!("{UI}/*"), page);
        for host in [API, NOTIFIER] {
            let pong = Answer::new(200, "Pong!").header("content-type", "text/html");
            self.web.answer(&format!("{host}/ping"), pong);
        }
        let typename = of_json(&json!({ "data": { "__typename": "Query" } }));
        self.web.answer(&format!("{API}/"), typename);
        // It answers whoever listens, whatever follows `/updates/`.
        self.web.answer(&format!("{NOTIFIER}/*"), Self::stream());
        let away = Answer::new(308, "").header("location", "https://{host}{target}");
        self.plain.answer("*", away);
    }

    /// The notifier's stream.
    pub(in crate::town) fn stream() -> Answer {
        Answer::new(200, "retry: 10000\n\n")
            .header("content-type", "text/event-stream")
            .header("cache-control", "no-cache")
            .beating(": keep alive\n\n", HEARTBEAT)
    }

    fn open_outside(&self) {
        self.outside.answer("api.brevo.com/v3/account", account(48_211));
        let token = json!({
            "access_token": "simulated", "expires_in": 300, "token_type": "Bearer",
            "refresh_expires_in": 1800, "scope": "profile email",
        });
        let path = "/auth/realms/apim-gravitee/protocol/openid-connect/token";
        self.outside.answer(&format!("auth.insee.net{path}"), of_json(&token));
        self.outside.answer(
            "api.insee.fr/*",
            of_json(&json!({
                "statutService": "UP", "versionService": "3.11.15",
                "datesDernieresMisesAJourDesDonnees": [],
            })),
        );
        self.outside.answer("sentry.incubateur.net/*", Answer::new(200, "ok"));
        self.outside.answer("docs.trackdechets.beta.gouv.fr/*", Answer::new(200, "<h1>Runbook"));
        self.outside.answer(MAINTENANCE, Answer::new(503, "<h1>Maintenance</h1>"));
    }

    pub(in crate::town) fn point_names(&self) -> Result<()> {
        let (balancer, here): (IpAddr, IpAddr) = (LOAD_BALANCER.parse()?, "127.0.0.1".parse()?);
        for names in &self.names {
            for host in HOSTS {
                names.point(host, balancer);
            }
            for host in OUTSIDE.into_iter().chain([crate::kubernetes::trackdechets::REGISTRY]) {
                names.point(host, here);
            }
        }
        Ok(())
    }
}

/// Where the page is that is shown during maintenance.
pub(in crate::town) const MAINTENANCE: &str = "docs.trackdechets.beta.gouv.fr/maintenance";

/// What Brevo says of an account with so many mails left.
pub(in crate::town) fn account(credits: u32) -> Answer {
    of_json(&json!({
        "organization_id": "64f0c1a7e4b0", "user_id": 1, "email": "ops@trackdechets.beta.gouv.fr",
        "companyName": "Trackdéchets",
        "plan": [
            { "type": "subscription", "credits": credits, "creditsType": "sendLimit",
              "startDate": "2026-11-01", "endDate": "2026-12-01" },
            { "type": "sms", "credits": 0, "creditsType": "sendLimit" },
        ],
        "relay": { "enabled": true },
    }))
}

pub(in crate::town) fn of_json(value: &serde_json::Value) -> Answer {
    Answer::new(200, value.to_string()).header("content-type", "application/json")
}
