//! `/metrics`: one rendering for all who scrape at the same time, gzip included.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};

use super::Served;
use super::answer::{body, defect, gzip, gzipped, vary};
use super::negotiation::{accepts_gzip, format};
use super::openapi::Defect;
use crate::model::item::ItemId;
use crate::views::metrics::{self, Exposition, Format};

/// How a rendering is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Form {
    format: Format,
    gzip: bool,
}

/// A rendering that is being made.
type Rendering = BoxFuture<'static, Result<Bytes, String>>;

/// The renderings that are being made, and the rows that all of them left out.
#[derive(Default)]
pub(super) struct Renderings {
    running: Mutex<Vec<(Form, WeakShared<Rendering>)>>,
    dropped: Arc<Mutex<BTreeMap<ItemId, u64>>>,
}

impl Renderings {
    /// The rendering in this form that is being made, or else a new one.
    fn join(&self, form: Form, start: impl FnOnce() -> Rendering) -> Shared<Rendering> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|(_, rendering)| rendering.upgrade().is_some_and(|r| r.peek().is_none()));
        let joined = running.iter().find(|(known, _)| *known == form);
        if let Some(rendering) = joined.and_then(|(_, rendering)| rendering.upgrade()) {
            return rendering;
        }
        let rendering = start().shared();
        running.extend(rendering.downgrade().map(|weak| (form, weak)));
        rendering
    }
}

/// All figures, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "daemon",
    responses(
        (
            status = 200,
            description = "Text, in the format that the scraper wants most",
            content((String = "text/plain"), (String = "application/openmetrics-text")),
        ),
        Defect,
    )
)]
pub(super) async fn metrics(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    let form = Form { format: format(&headers), gzip: accepts_gzip(&headers) };
    let rendering = served.renderings.join(form, || {
        let served = Arc::clone(&served);
        let rendering = tokio::task::spawn_blocking(move || render(&served, form));
        async move { rendering.await.unwrap_or_else(|error| Err(error.to_string())) }.boxed()
    });
    match rendering.await {
        Ok(content) => {
            let answer = body(StatusCode::OK, form.format.content_type(), content);
            if form.gzip { gzipped(answer) } else { vary(answer) }
        }
        Err(error) => defect("rendering the metrics", &error),
    }
}

fn render(served: &Served, form: Form) -> Result<Bytes, String> {
    let daemon = &served.daemon;
    let exposition = {
        let mut dropped = served.renderings.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        let counted =
            metrics::Served { writes: served.audit.counts(), series_dropped: dropped.clone() };
        let exposition = Exposition::new(daemon.snapshot(), daemon.vitals(), counted, daemon.now());
        for (item, count) in exposition.dropped() {
            *dropped.entry(item).or_default() += count;
        }
        exposition
    };
    let text = Arc::new(exposition).render(form.format).map_err(|error| error.to_string())?;
    Ok(if form.gzip { gzip(text.as_bytes()) } else { text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    const TEXT: Form = Form { format: Format::Text, gzip: false };

    fn waiting() -> (oneshot::Sender<&'static str>, Rendering) {
        let (done, rendered) = oneshot::channel::<&'static str>();
        let rendering = rendered.map(|text| Ok(Bytes::from_static(text.unwrap().as_bytes())));
        (done, rendering.boxed())
    }

    #[tokio::test]
    async fn who_comes_while_a_rendering_is_made_shares_it() {
        let renderings = Renderings::default();
        let (done, rendering) = waiting();
        let first = renderings.join(TEXT, || rendering);
        let second = renderings.join(TEXT, || panic!("it is being made"));
        done.send("one").unwrap();
        assert_eq!((first.await.unwrap(), second.await.unwrap()), ("one".into(), "one".into()));
    }

    #[tokio::test]
    async fn another_form_and_a_later_scrape_get_their_own() {
        let renderings = Renderings::default();
        let (done, rendering) = waiting();
        let first = renderings.join(TEXT, || rendering);
        let packed = Form { gzip: true, ..TEXT };
        let ready = |text: &'static str| async move { Ok(Bytes::from_static(text.as_bytes())) };
        assert_eq!(renderings.join(packed, || ready("gz").boxed()).await.unwrap(), "gz");
        done.send("one").unwrap();
        assert_eq!(first.clone().await.unwrap(), "one");
        assert_eq!(renderings.join(TEXT, || ready("two").boxed()).await.unwrap(), "two");
    }
}
