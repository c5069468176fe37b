//! Asking resolvers about names.

use futures::StreamExt;
use tokio::time::{Duration, Instant};

use super::whom::Whom;
use super::{Dns, Look};
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::systems::net::answer::{Reply, Said};
use crate::systems::net::question::{absolute, ask};
use crate::systems::net::server_address::ServerAddress;

/// How many questions are open at a time, of each resolver by itself: a silent one keeps nobody from
/// asking another.
const AT_A_TIME: usize = 8;

/// What one resolver said about one name.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) resolver: Whom,
    pub(super) took: Duration,
    pub(super) said: Result<Reply, Obstacle>,
}

impl Dns {
    /// Asks each resolver about its names; the answers come in the order of the questions.
    pub(super) async fn ask_all(
        &self,
        look: &Look<'_>,
        questions: Vec<(&str, Whom)>,
    ) -> Vec<Asked> {
        let mut resolvers: Vec<(Whom, Vec<(usize, &str)>)> = Vec::new();
        for (place, (name, resolver)) in questions.into_iter().enumerate() {
            match resolvers.iter_mut().find(|(known, _)| *known == resolver) {
                Some((_, names)) => names.push((place, name)),
                None => resolvers.push((resolver, vec![(place, name)])),
            }
        }
        let mut all = Vec::new();
        for (resolver, names) in resolvers {
            let mut asking = Vec::new();
            for (place, name) in names {
                let put = self.put(look, name, resolver);
                asking.push(async move { (place, put.await) });
            }
            all.push(futures::stream::iter(asking).buffered(AT_A_TIME).collect::<Vec<_>>());
        }
        let mut asked =
            futures::future::join_all(all).await.into_iter().flatten().collect::<Vec<_>>();
        asked.sort_by_key(|(place, _)| *place);
        asked.into_iter().map(|(_, asked)| asked).collect()
    }

    async fn put(&self, look: &Look<'_>, name: &str, resolver: Whom) -> Asked {
        let started = Instant::now();
        let said = self.records(look, name, resolver).await;
        Asked { name: name.to_owned(), resolver, took: started.elapsed(), said }
    }

    async fn records(
        &self,
        look: &Look<'_>,
        name: &str,
        resolver: Whom,
    ) -> Result<Reply, Obstacle> {
        let name = absolute(name).map_err(|why| Obstacle::new(Reason::NAME_NOT_FOUND, why))?;
        let question = async |record| match resolver {
            Whom::Server(ServerAddress(server)) => ask(server, &name, record, look.until()).await,
            Whom::System => look.systems.net.resolver().records(&name, record, look.until()).await,
        };
        let (first, second) = self.record.types();
        let Some(second) = second else {
            return question(first).await;
        };
        let (first, second) = futures::future::join(question(first), question(second)).await;
        Ok(both(first?, second?))
    }
}

/// The addresses of both families: a name without one of them is well.
pub(super) fn both(v4: Reply, v6: Reply) -> Reply {
    let ttl = v4.ttl.into_iter().chain(v6.ttl).min();
    let (said, aliases) = match (v4.said, v6.said) {
        (Said::Records(mut one), Said::Records(other)) => {
            one.extend(other);
            (Said::Records(one), v4.aliases)
        }
        // Who does not follow aliases to their end does so for neither family.
        (Said::Astray, _) => (Said::Astray, v4.aliases),
        (_, Said::Astray) => (Said::Astray, v6.aliases),
        (Said::Records(one), _) => (Said::Records(one), v4.aliases),
        (_, Said::Records(one)) => (Said::Records(one), v6.aliases),
        (Said::NoRecords, _) => (Said::NoRecords, v4.aliases),
        (_, Said::NoRecords) => (Said::NoRecords, v6.aliases),
        (Said::NoName, Said::NoName) => (Said::NoName, v4.aliases),
    };
    Reply { said, aliases, ttl }
}
