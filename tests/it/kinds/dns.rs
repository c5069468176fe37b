//! `dns`: every reason, from names that answer what they are told to.

use std::time::Duration;

use vigie::checks::dns::Dns;
use vigie::model::judgement::Judgement;
use vigie_sim::net::dns::{Behaviour, Names, Record};

use super::{Provocation, provoke};
use crate::net::ground::{Ground, HERE};
use crate::support::look_within;

#[tokio::test(flavor = "multi_thread")]
async fn dns_gives_every_reason() {
    provoke(provocations()).await;
}

pub fn provocations() -> Vec<Provocation> {
    rows! { Dns:
        "NameNotFound" Fail named(Behaviour::Code(3), "");
        "NoRecords" Fail named(Behaviour::Records(vec![Record::text(b"x")]), "");
        "TooFewRecords" Fail named(here(), "min_answers: 2");
        "UnexpectedRecords" Fail named(here(), "expected: { all: [192.0.2.1] }");
        "ResolversDisagree" Warn disagreement("warn");
        "ResolversDisagree" Fail disagreement("fail");
        "ServerError" Fail named(Behaviour::Code(2), "");
        "Refused" Fail named(Behaviour::Code(5), "");
        "TimedOut" Fail named(Behaviour::Silent, "");
        "Garbled" Fail named(Behaviour::Garbled, "");
        "Reset" Fail named(Behaviour::CutShort, "");
        "Unreachable" Unknown async {
            Ground::new().await.look("dns: { name: x.test, resolvers: ['fe80::1'] }").await
        };
        "ResolverFailed" Unknown async {
            let ground = Ground::new().await;
            ground.names.set("x.test", Behaviour::Code(2));
            ground.look("dns: { name: x.test }").await
        };
    }
}

fn here() -> Behaviour {
    Behaviour::Records(vec![Record::address(HERE)])
}

async fn named(behaviour: Behaviour, rest: &str) -> Judgement {
    let ground = Ground::new().await;
    ground.names.set("x.test", behaviour);
    let resolver = ground.names.address();
    let check = format!("dns: {{ name: x.test, resolvers: ['{resolver}'], {rest} }}");
    look_within(Duration::from_secs(1), &check, &ground.systems).await
}

async fn disagreement(means: &str) -> Judgement {
    let ground = Ground::new().await;
    let others = Names::start().await.expect("a DNS server");
    ground.names.set("x.test", here());
    others.point("x.test", [192, 0, 2, 1].into());
    let (one, other) = (ground.names.address(), others.address());
    let check =
        format!("dns: {{ name: x.test, resolvers: ['{one}', '{other}'], disagreement: {means} }}");
    ground.look(&check).await
}
