//! Text that people write into the record, as the API's description has it.

use utoipa::ToSchema;

/// One line of text that says something: a name, a version. No characters that can't be seen.
#[derive(Clone, Debug, ToSchema)]
#[schema(
    value_type = String,
    min_length = 1,
    max_length = 128,
    pattern = r"^[^\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb]*[^\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb][^\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb]*$"
)]
pub struct Word(pub String);

/// Some lines of text, without control characters but line ends and tabs.
#[derive(Clone, Debug, ToSchema)]
#[schema(value_type = String, max_length = 4000, pattern = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$")]
pub struct Notes(pub String);

/// Some lines of text that say something.
#[derive(Clone, Debug, ToSchema)]
#[schema(
    value_type = String,
    min_length = 1,
    max_length = 4000,
    pattern = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb]*[^\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb][^\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb]*$"
)]
pub struct Text(pub String);

/// A link that a browser may follow.
#[derive(Clone, Debug, ToSchema)]
#[schema(value_type = String, max_length = 2000, pattern = r"^https?://[^\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb]*$")]
pub struct Link(pub String);

/// A reason's code, such as `BackupTooOld`.
#[derive(Clone, Debug, ToSchema)]
#[schema(value_type = String, pattern = "^[A-Z][A-Za-z0-9]*$")]
pub struct Code(pub String);
