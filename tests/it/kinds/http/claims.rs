//! Expressions over an answer, numbers out of it, and tokens that are not to be had.

use std::time::Duration;

use vigie::checks::http::Http;
use vigie::model::judgement::Judgement;
use vigie_sim::net::site::{Answer, Site};

use super::plain;
use crate::kinds::Provocation;
use crate::net::ground::{Ground, deserted};
use crate::support::look_within;

pub(super) fn provocations() -> Vec<Provocation> {
    rows! { Http:
        "ExpressionFalse" Warn claim("json.credits > 300", "severity: warn");
        "ExpressionFalse" Fail claim("json.credits > 300", "message: few are left");
        "EvaluationError" Unknown claim("json.absent > 300", "");
        "EvaluationTimedOut" Unknown endless();
        "ClockSkew" Unknown claim("past(json.at) < now", "");
        "NumberTooLow" Warn number("warn_below: 300");
        "NumberTooLow" Fail number("warn_below: 400, fail_below: 300");
        "NumberTooHigh" Warn number("warn_above: 200, fail_above: 300");
        "NumberTooHigh" Fail number("fail_above: 200");
        "NoToken" Fail token("judged: true");
        "NoToken" Unknown token("");
    }
}

const ANSWER: &str = r#"{"credits": 250, "at": "2999-01-01T00:00:00Z"}"#;

async fn claim(cel: &str, rest: &str) -> Judgement {
    let expect = format!("expect: {{ cel: [{{ cel: '{cel}', {rest} }}] }}");
    plain(Answer::new(200, ANSWER), &expect).await
}

async fn number(limits: &str) -> Judgement {
    let expect = format!("expect: {{ numbers: {{ left: {{ cel: json.credits, {limits} }} }} }}");
    plain(Answer::new(200, ANSWER), &expect).await
}

/// Work that would take hours.
async fn endless() -> Judgement {
    let ground = Ground::new().await;
    let site = Site::plain().await.expect("a site");
    let list: Vec<String> = (0..5000).map(|number| number.to_string()).collect();
    site.answer("*", Answer::new(200, format!("[{}]", list.join(","))));
    let cel = "json.all(a, json.all(b, json.all(c, a + b + c >= 0)))";
    let check = format!(
        "http: {{ url: 'http://{}/', expect: {{ cel: [{{ cel: '{cel}' }}] }} }}",
        site.address()
    );
    look_within(Duration::from_secs(2), &check, &ground.systems).await
}

/// A token's endpoint that answers without one.
async fn token(rest: &str) -> Judgement {
    let ground = Ground::new().await;
    let issuer = Site::plain().await.expect("a site");
    issuer.answer("/token", Answer::new(200, "{}"));
    let secret = ground.file("secret", "s3cret");
    let check = format!(
        "http: {{ url: 'http://{}/', login: {{ oauth2: {{ token_url: 'http://{}/token', \
         client_id: vigie, client_secret: {{ file: '{}' }}, {rest} }} }} }}",
        deserted().await,
        issuer.address(),
        secret.display()
    );
    ground.look(&check).await
}
