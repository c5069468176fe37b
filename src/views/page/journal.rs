//! What the journal has to say above the checklist.

use super::notice::Notice;
use crate::model::vitals::{JournalHealth, JournalVitals};

/// Its notices: that nothing is kept, that another daemon keeps it, or that it is in trouble.
pub(super) fn notices(journal: &JournalVitals) -> Vec<Notice> {
    let (text, grave, more) = match journal {
        JournalVitals::None => {
            let text = "Nothing outlives a restart, human acts included: Vigie runs without a data folder.";
            (text, false, vec!["Start it with `--data-dir DIR`.".to_owned()])
        }
        JournalVitals::Waiting { because } => {
            let text = "Nothing is looked at here: this Vigie waits for its data folder.";
            (text, true, vec![because.clone()])
        }
        JournalVitals::Kept(health) => {
            return trouble(health).into_iter().chain(aside(health)).collect();
        }
    };
    vec![Notice { text: text.to_owned(), grave, more }]
}

fn trouble(health: &JournalHealth) -> Option<Notice> {
    let more = health.trouble.iter().cloned().collect();
    (!health.up).then(|| Notice {
        text: "Nothing is recorded: what happens now will not outlive a restart, and human acts are refused."
            .to_owned(),
        grave: true,
        more,
    })
}

fn aside(health: &JournalHealth) -> Option<Notice> {
    (!health.set_aside.is_empty()).then(|| Notice {
        text: "The journal was damaged and begun anew; older history may be missing. \
               The damaged file lies in the data folder until somebody takes it away."
            .to_owned(),
        grave: false,
        more: health.set_aside.clone(),
    })
}
