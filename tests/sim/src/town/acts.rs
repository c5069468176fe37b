//! What people and pipelines tell the daemon of the town: its deployment, and what they have done.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Town;
use crate::kubernetes::trackdechets::VERSIONS;

/// Something that somebody tells, as a POST.
pub struct Act {
    /// The path.
    pub path: String,
    /// The body.
    pub body: Value,
}

/// A token for whoever acts in the town.
pub struct Pledge {
    /// The file of tokens, which holds its digest alone.
    pub tokens: &'static str,
    /// The token itself.
    pub secret: &'static str,
}

/// The token of the demo and the drill.
pub const PLEDGE: Pledge = Pledge {
    tokens: "- name: demo
  # What `printf %s demo | sha256sum` prints.
  sha256: 2a97516c354b68848cdbd8f54a226a0a55b21ed138e207ad6c5cbb9c00aa5aea
  scopes: [look, reload, announce, attest, waive]
",
    secret: "demo",
};

/// Who saw to what: item, name, note.
const ATTESTED: [(&str, &str, &str); 15] = [
    ("secrets-not-in-git", "Sacha", "gitleaks over the whole history finds nothing"),
    ("nx-projects-built", "pipeline", "build 4711, all projects"),
    ("load-test", "Noor", "500 users for an hour, the slowest twentieth below 800 ms"),
    ("configuration-documented", "Camille", "the wiki's page of this environment is up to date"),
    ("credentials-stored", "Sacha", "all in the vault, two people can open it"),
    ("team-trained", "Noor", "an afternoon with everybody on call"),
    ("rollback-documented", "Camille", "docs/rollback.md"),
    ("rollback-tested", "Noor", "back and forth on the sandbox"),
    ("change-ticket", "Camille", "CHG-1207 is approved"),
    ("stakeholders-notified", "Camille", "by mail, and on the status page"),
    ("monitoring-alerted", "Sacha", "told in the channel of whoever watches"),
    ("on-call", "Noor", "the rota of this month is full"),
    ("disaster-recovery-reviewed", "Sacha", "restored into an empty cluster in October"),
    ("sla-documented", "Camille", "99.5 % by the agreement of this year"),
    ("compliance", "Sacha", "the review of this year is signed"),
];

/// What people do on any day and what turns nothing: a name, the kinds that see it, the act.
pub type Ordinary = (&'static str, &'static [&'static str], Act);

impl Town {
    /// The acts of any day.
    pub fn ordinary_acts(&self) -> [Ordinary; 1] {
        let again = json!({ "who": "Camille", "note": "the rota of next month is full too" });
        let path = "/api/v1/items/on-call/attestations".to_owned();
        [("attested-again", &["attestation"], Act { path, body: again })]
    }

    /// What has to be told to a daemon that has just been started: the deployment, and for each line
    /// that no program can see, who saw to it.
    pub fn acts(&self) -> Vec<Act> {
        let deployment = Act {
            path: "/api/v1/deployments".to_owned(),
            body: json!({
                "version": VERSIONS[0],
                "who": "Camille",
                "started": self.deployed(),
                "migration": super::furnish::MIGRATION,
                "ticket": "CHG-1207",
                "notes": "registry lookups, and a faster search for waste tracking forms",
            }),
        };
        let attested = ATTESTED.iter().map(|(item, who, note)| Act {
            path: format!("/api/v1/items/{item}/attestations"),
            body: json!({ "who": who, "note": note }),
        });
        std::iter::once(deployment).chain(attested).collect()
    }

    /// When the rollout began: late in the morning of the last Monday to Thursday that was over
    /// half a day ago, so that there is a backup from before and one from after it.
    pub fn deployed(&self) -> Timestamp {
        deployed(self.founded)
    }
}

pub(super) fn deployed(now: Timestamp) -> Timestamp {
    let day = SignedDuration::from_hours(24);
    let morning = |at: Timestamp| {
        let at = at.to_zoned(jiff::tz::TimeZone::UTC);
        let weekday = at.weekday().to_monday_one_offset();
        let begins = at.datetime().date().at(9, 40, 0, 0).to_zoned(jiff::tz::TimeZone::UTC);
        (begins.map_or(now, |at| at.timestamp()), weekday <= 4)
    };
    let mut at = now - SignedDuration::from_hours(12);
    loop {
        let (begins, is_workday) = morning(at);
        if is_workday && begins <= now - SignedDuration::from_hours(12) {
            return begins;
        }
        at -= day;
    }
}
