//! What is done to every answer on the wire: its size is bounded, its date compared with ours, its
//! end looked for. The SDK reads half an answer as a whole one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::SdkBody;
use http_body_util::Limited;
use jiff::fmt::rfc2822;

use crate::systems::clock::Clock;

/// The largest answer that is read, in bytes: a page of a thousand keys, each as long as can be,
/// has half of it.
const LARGEST: usize = 8 << 20;

/// What every listing ends with.
const END: &[u8] = b"</ListBucketResult>";

/// An answer that ends in the middle.
#[derive(Debug, thiserror::Error)]
#[error("it ends in the middle")]
pub(super) struct EndsEarly;

/// How far the clocks of stores are ahead of ours, in seconds, by connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Skews(Arc<Mutex<BTreeMap<String, f64>>>);

impl Skews {
    /// All of them, as they were last seen.
    pub(super) fn seen(&self) -> BTreeMap<String, f64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads along with one connection.
#[derive(Debug)]
pub(super) struct Wire {
    /// The store's name in figures.
    pub system: String,
    /// Our time.
    pub clock: Clock,
    /// Where the store's time is noted.
    pub skews: Skews,
}

impl Intercept for Wire {
    fn name(&self) -> &'static str {
        "vigie"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        if let Some(date) = response.headers().get("date")
            && let Ok(theirs) = rfc2822::DateTimeParser::new().parse_timestamp(date)
        {
            let ahead = theirs.duration_since(self.clock.now()).as_secs_f64();
            let mut skews = self.skews.0.lock().unwrap_or_else(PoisonError::into_inner);
            skews.insert(self.system.clone(), ahead);
        }
        let body = response.take_body();
        *response.body_mut() = SdkBody::from_body_1_x(Limited::new(body, LARGEST));
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let whole = response.body().bytes().is_some_and(|xml| xml.trim_ascii_end().ends_with(END));
        let listing = context
            .output_or_error()
            .is_ok_and(|output| output.downcast_ref::<ListObjectsV2Output>().is_some());
        if listing && !whole {
            return Err(Box::new(EndsEarly));
        }
        Ok(())
    }
}
