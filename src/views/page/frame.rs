//! What all pages share: head, style, script, and the policy that allows these two and no others.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::model::deployment::Deployment;
use crate::model::snapshot::Snapshot;
use crate::model::standing::Standing;

const STYLE: &str = concat!(
    include_str!("../../../templates/page.css"),
    include_str!("../../../templates/checklist.css"),
    include_str!("../../../templates/item.css"),
);
const SCRIPT: &str = concat!(
    include_str!("../../../templates/page.js"),
    include_str!("../../../templates/filter.js"),
    include_str!("../../../templates/forms.js"),
);

macro_rules! icon {
    ($colour:literal, $path:literal) => {
        concat!(
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E",
            "%3Crect width='32' height='32' rx='8' fill='%23",
            $colour,
            "'/%3E%3Cpath d='",
            $path,
            "' fill='none' stroke='white' stroke-width='3.5' stroke-linecap='round' ",
            "stroke-linejoin='round'/%3E%3C/svg%3E"
        )
    };
}

static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

/// The value of the header `Content-Security-Policy` for pages: the style and the script that are
/// written into them, by digest, and nothing else.
pub fn content_security_policy() -> &'static str {
    &POLICY
}

/// The icon in the browser's tab: how things stand, without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Icon {
    /// Nothing fails and everything can be seen.
    Good,
    /// Something fails.
    Bad,
    /// Something can't be told.
    Unknown,
}

impl Icon {
    pub(super) fn of(worst: Option<Standing>) -> Self {
        match worst {
            Some(Standing::Failing) => Self::Bad,
            Some(Standing::Unknown | Standing::Pending) | None => Self::Unknown,
            Some(
                Standing::Passing | Standing::Warning | Standing::Waived | Standing::NotApplicable,
            ) => Self::Good,
        }
    }

    const fn uri(self) -> &'static str {
        match self {
            Self::Good => icon!("1a7f4b", "M9 17l5 5 9-11"),
            Self::Bad => icon!("c9252d", "M11 11l10 10M21 11L11 21"),
            Self::Unknown => icon!("6a4fc4", "M12 12q0-4 4-4t4 4q0 3-4 5v2M16 23v1"),
        }
    }
}

/// The frame around a page's main part.
pub(super) struct Frame<'a> {
    /// The title in the browser's tab.
    pub(super) title: String,
    /// The environment's name.
    pub(super) environment: &'a str,
    /// The current deployment, where one is known.
    pub(super) deployment: Option<&'a Deployment>,
    /// The way to `/` from this page; ends in a slash.
    pub(super) up: String,
    /// The icon in the browser's tab.
    pub(super) icon: &'static str,
    /// The style sheet.
    pub(super) style: &'static str,
    /// The script.
    pub(super) script: &'static str,
}

impl<'a> Frame<'a> {
    pub(super) fn new(title: &str, snapshot: &'a Snapshot, icon: Icon, up: String) -> Self {
        let environment = snapshot.environment.as_str();
        Self {
            title: format!("{title} · {environment} · Vigie"),
            environment,
            deployment: snapshot.deployment().map(AsRef::as_ref),
            up,
            icon: icon.uri(),
            style: STYLE,
            script: SCRIPT,
        }
    }
}
