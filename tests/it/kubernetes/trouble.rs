//! The ways in which a check that reads watches is blind: the same for every such kind.

use std::time::Duration;

use vigie::model::judgement::Judgement;
use vigie::model::past::Past;
use vigie::model::reason::Reason;
use vigie::systems::kubernetes::Pace;
use vigie_sim::kubernetes::{Act, Fault, User, Voice};

use super::{Cluster, brisk};
use crate::support;

/// The first list is not there yet.
pub async fn running(check: &str) -> Judgement {
    let cluster = Cluster::start().await;
    cluster.server.speak(Voice::Silent);
    let (allowed, at_once) = (Duration::from_secs(10), Duration::ZERO);
    support::look_settled(allowed, at_once, check, &cluster.systems, &mut Past::default()).await
}

/// The port refuses.
pub async fn down(check: &str) -> Judgement {
    let cluster = Cluster::start().await;
    cluster.server.refuse().await;
    cluster.look(check).await
}

/// The server says nothing any more, bookmarks neither.
pub async fn silent(check: &str) -> Judgement {
    let mut cluster = Cluster::start().await;
    let pace = Pace { silence: Duration::from_secs(1), ..brisk() };
    cluster.connect(&cluster.connection(""), pace);
    cluster.look(check).await;
    cluster.server.speak(Voice::WatchesMute);
    cluster.look_until(check, Reason::STREAM_SILENT).await
}

/// The token is accepted, and may do nothing.
pub async fn forbidden(check: &str) -> Judgement {
    let mut cluster = Cluster::start().await;
    cluster.server.admit("t0ken", User::new("vigie", vec![]));
    let token = cluster.file("token", "t0ken\n");
    cluster.connect(
        &cluster.connection(&format!("token: {{ file: '{}' }}", token.display())),
        brisk(),
    );
    cluster.look(check).await
}

/// The server wants a token, and Vigie has none.
pub async fn unauthorized(check: &str) -> Judgement {
    let cluster = Cluster::start().await;
    cluster.server.admit("t0ken", User::admin());
    cluster.look(check).await
}

/// The server does not know the kind.
pub async fn kind_unknown(check: &str) -> Judgement {
    let cluster = Cluster::start().await;
    cluster.server.inject(Fault::new(Act::Status { code: 404, retry_after: None }));
    cluster.look(check).await
}

/// The kubeconfig is not there.
pub async fn no_access(check: &str) -> Judgement {
    let mut cluster = Cluster::start().await;
    let path = cluster.folder().join("absent");
    cluster.connect(&format!("kubeconfig: {{ path: '{}' }}", path.display()), brisk());
    cluster.look(check).await
}
