//! What a store's refusal means when it is asked about a bucket itself.
//!
//! Beside what every refusal can mean: another region, another place, a call that the store lacks,
//! a setting that was never made.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;
use crate::systems::s3::trouble::{self, NOT_IMPLEMENTED, Trouble};

/// The bucket lies in another region than requests are signed for.
pub const WRONG_REGION: Reason = Reason::new("WrongRegion");
/// The endpoint sends requests elsewhere.
pub const REDIRECTED: Reason = Reason::new("Redirected");

/// The codes of a setting that was never made.
const NEVER_MADE: [&str; 4] = [
    "NoSuchBucketPolicy",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "ServerSideEncryptionConfigurationNotFoundError",
];
/// The codes of a call that the store lacks.
const LACKING: [&str; 4] =
    ["NotImplemented", "MethodNotAllowed", "UnsupportedOperation", "XNotImplemented"];
/// The codes of a request that went to the wrong region.
const OF_REGIONS: [&str; 5] = [
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "InvalidRegion",
    "PermanentRedirect",
    "TemporaryRedirect",
];

/// Why a question about a bucket was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no such bucket, or no such object.
    Missing,
    /// The setting was never made.
    NeverMade,
    /// Whoever asked may not: the store says so in its own words.
    Denied(Obstacle),
    /// Anything else.
    Obstacle(Obstacle),
}

/// Reads the SDK's error. `doing` says what was asked of whom.
pub(super) fn refusal<E>(doing: &str, error: &SdkError<E, HttpResponse>) -> Refusal
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let SdkError::ServiceError(refused) = error else {
        return Refusal::of(trouble::trouble(doing, error), 0);
    };
    let (said, raw) = (refused.err(), refused.raw());
    let (status, code) = (raw.status().as_u16(), said.code().unwrap_or_default());
    let header = |name| raw.headers().get(name).map(|value| legible(value, 200));
    // What the SDK makes of a 404 to HEAD, whose answer has no body to tell more.
    if code == "NotFound" {
        return Refusal::Missing;
    }
    if NEVER_MADE.contains(&code) {
        return Refusal::NeverMade;
    }
    if status == 501 || status == 405 || LACKING.contains(&code) {
        let because = format!("{doing}: the store lacks this call ({status} {})", named(code));
        return Refusal::Obstacle(Obstacle::new(NOT_IMPLEMENTED, because));
    }
    let region = header("x-amz-bucket-region");
    if OF_REGIONS.contains(&code) || (300..400).contains(&status) && region.is_some() {
        let at = region.map(|region| format!("; it lies in `{region}`")).unwrap_or_default();
        let message = said.message().map(|said| format!(" ({})", legible(said, 200)));
        let because = format!(
            "{doing}: requests are signed for another region than the bucket's: {status} {}{}{at}",
            named(code),
            message.unwrap_or_default()
        );
        return Refusal::Obstacle(Obstacle::new(WRONG_REGION, because));
    }
    if (300..400).contains(&status) {
        let to = header("location").unwrap_or_else(|| "an unnamed place".to_owned());
        let because = format!("{doing}: answered {status}: the store is to be asked at {to}");
        return Refusal::Obstacle(Obstacle::new(REDIRECTED, because));
    }
    Refusal::of(trouble::trouble(doing, error), status)
}

impl Refusal {
    fn of(trouble: Trouble, status: u16) -> Self {
        match trouble {
            Trouble::NoBucket | Trouble::NoObject => Self::Missing,
            // Whose clock is wrong can't be told from here.
            Trouble::Obstacle(obstacle) if obstacle.reason == Reason::CLOCK_SKEW => {
                Self::Obstacle(Obstacle { ours: true, ..obstacle })
            }
            Trouble::Obstacle(obstacle) if matches!(status, 401 | 403) => Self::Denied(obstacle),
            Trouble::Obstacle(obstacle) => Self::Obstacle(obstacle),
        }
    }
}

fn named(code: &str) -> String {
    if code.is_empty() { "without an S3 error".to_owned() } else { legible(code, 60) }
}
