//! Deployments: the rollouts that the record knows of.
//!
//! For now they are announced, by a pipeline or a person; the newest of this environment is the
//! current one, and what is asked "before the deployment" or "after it" is measured by its start.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::judgement::{is_hidden, says_nothing};
use super::reason::CLOCK_TOLERANCE;
use super::words::{Notes, Word};

/// The longest word of an announcement (a version, a name), in characters.
const LONGEST_WORD: usize = 128;
/// The longest notes, in characters.
const LONGEST_NOTES: usize = 4_000;

/// One rollout.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Deployment {
    /// Its name in paths and labels: when it began, with a number where two began at once.
    pub id: String,
    /// Where it was rolled out.
    pub environment: String,
    /// What was rolled out, as its announcement calls it.
    pub version: String,
    /// Who rolled it out, as the announcement says.
    pub who: String,
    /// The name of the token that announced it.
    pub token: String,
    /// When the rollout began.
    pub started: Timestamp,
    /// When it was announced.
    pub announced: Timestamp,
    /// The last migration that its code expects.
    pub migration: Option<String>,
    /// The change that it belongs to.
    pub ticket: Option<String>,
    /// Whatever else is worth keeping.
    pub notes: Option<String>,
}

/// What somebody says of a rollout: the body of `POST /api/v1/deployments`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[derive(utoipa::ToSchema)]
pub struct Announcement {
    /// What is rolled out.
    #[schema(value_type = Word)]
    pub version: String,
    /// Who rolls it out.
    #[schema(value_type = Word)]
    pub who: String,
    /// Where; the environment of the configuration, which it must be, where it is left out.
    pub environment: Option<String>,
    /// When the rollout began; now, where it is left out. The same version announced again with the
    /// same start is the same rollout.
    pub started: Option<Timestamp>,
    /// The last migration that the new code expects, by the name of its folder.
    #[schema(value_type = Option<Word>)]
    pub migration: Option<String>,
    /// The change that it belongs to.
    #[schema(value_type = Option<Word>)]
    pub ticket: Option<String>,
    /// Whatever else is worth keeping.
    #[schema(value_type = Option<Notes>)]
    pub notes: Option<String>,
}

impl Announcement {
    /// Why it can't be taken into the record of `environment`, in a sentence.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self, environment: &str, now: Timestamp) -> Result<(), String> {
        let Self { version, who, environment: theirs, started, migration, ticket, notes } = self;
        let words = [("version", Some(version)), ("who", Some(who))];
        let more = [("migration", migration.as_ref()), ("ticket", ticket.as_ref())];
        for (field, text) in words.into_iter().chain(more) {
            if let Some(text) = text {
                word(field, text)?;
            }
        }
        if let Some(notes) = notes {
            let is_foreign = |c: char| c.is_control() && c != '\n' && c != '\t';
            if notes.chars().count() > LONGEST_NOTES || notes.contains(is_foreign) {
                return Err(format!(
                    "`notes` is at most {LONGEST_NOTES} characters, none of them a control \
                     character but line ends and tabs"
                ));
            }
        }
        if let Some(theirs) = theirs
            && theirs != environment
        {
            return Err(format!("`environment` is not that of this Vigie, `{environment}`"));
        }
        match started {
            Some(at) if at.duration_since(now) > CLOCK_TOLERANCE => {
                Err("`started` lies in the future: announce a rollout when it begins".to_owned())
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// One line of text that says something.
fn word(field: &str, text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if says_nothing(text) || length > LONGEST_WORD || text.contains(is_hidden) {
        return Err(format!(
            "`{field}` is one line of 1 to {LONGEST_WORD} characters, none of them a control \
             character or invisible"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement() -> Announcement {
        Announcement {
            version: "2026.11.1".to_owned(),
            who: "Jo".to_owned(),
            environment: None,
            started: None,
            migration: None,
            ticket: None,
            notes: None,
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    #[test]
    fn what_is_empty_long_or_no_text_is_refused() {
        let base = announcement;
        assert_eq!(base().check("production", now()), Ok(()));
        let long = "x".repeat(129);
        for (wrong, field) in [
            (Announcement { version: String::new(), ..base() }, "`version`"),
            (Announcement { version: " ".to_owned(), ..base() }, "`version`"),
            (Announcement { version: long.clone(), ..base() }, "`version`"),
            (Announcement { who: "Jo\nAl".to_owned(), ..base() }, "`who`"),
            (Announcement { migration: Some(String::new()), ..base() }, "`migration`"),
            (Announcement { ticket: Some(long), ..base() }, "`ticket`"),
            (Announcement { notes: Some("\u{1b}[31m".to_owned()), ..base() }, "`notes`"),
            (Announcement { notes: Some("x".repeat(4_001)), ..base() }, "`notes`"),
            (Announcement { environment: Some("dev".to_owned()), ..base() }, "`environment`"),
        ] {
            let why = wrong.check("production", now()).unwrap_err();
            assert!(why.starts_with(field), "{why}");
        }
        let notes = Announcement { notes: Some("two\nlines".to_owned()), ..base() };
        assert_eq!(notes.check("production", now()), Ok(()));
    }

    #[test]
    fn a_rollout_of_tomorrow_is_no_deployment_yet() {
        let at = |second| Announcement {
            started: Some(now() + jiff::SignedDuration::from_secs(second)),
            ..announcement()
        };
        assert_eq!(at(-86_400).check("production", now()), Ok(()));
        assert_eq!(at(119).check("production", now()), Ok(()), "clocks differ");
        assert!(at(121).check("production", now()).unwrap_err().contains("future"));
    }
}
