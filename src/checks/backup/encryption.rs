//! How the newest objects are encrypted, as the store tells it.
//!
//! A store that says nothing of any object does not tell, and that is never good; one that says it
//! of some has told of the others that they are not.

use super::copies::shown;
use super::parameters::Encrypted;
use super::reasons::{ENCRYPTION_UNKNOWN, NOT_ENCRYPTED};
use super::{Backup, Look};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::systems::s3::{Encryption, Heading, Store};

/// What the store says of an object, by its key; none where it is gone by now.
pub(super) type Told = (String, Result<Option<Heading>, Obstacle>);

/// Asks the store about these objects.
pub(super) async fn ask(check: &Backup, store: &Store<'_>, keys: Vec<String>) -> Vec<Told> {
    let mut told = Vec::new();
    for key in keys {
        let heading = store.heading(&check.bucket, &key, &check.encryption_metadata).await;
        told.push((key, heading));
    }
    told
}

/// Compares what the store says with what is demanded.
pub(super) fn judge(check: &Backup, told: &[Told], judgement: &mut Judgement) {
    let Some(demanded) = check.encrypted else { return };
    let tells = told
        .iter()
        .any(|(_, heading)| matches!(heading, Ok(Some(Heading { encryption: Some(_) }))));
    let mut silent = Vec::new();
    for (key, heading) in told {
        let key = shown(key);
        match heading {
            Err(obstacle) => judgement.add("encryption", obstacle.clone()),
            Ok(None) => {}
            Ok(Some(Heading { encryption: Some(encryption) })) => {
                judgement.add("encryption", by(&key, encryption, demanded));
            }
            Ok(Some(Heading { encryption: None })) if tells => {
                let because = format!(
                    "`{key}` is not encrypted: the store says of others that they are, and not of it"
                );
                judgement.add("encryption", Finding::fail(NOT_ENCRYPTED, because));
            }
            Ok(Some(Heading { encryption: None })) => silent.push(key),
        }
    }
    if let Some(key) = silent.first() {
        let because = format!(
            "the store does not say whether `{key}` is encrypted, nor does its metadata; of {} \
             objects it tells of none",
            told.len()
        );
        judgement.add("encryption", Obstacle::new(ENCRYPTION_UNKNOWN, because));
    } else if told.iter().all(|(_, heading)| matches!(heading, Ok(None))) {
        let because = "there is no object whose encryption could be asked for";
        judgement.add("encryption", Obstacle::new(ENCRYPTION_UNKNOWN, because));
    }
}

/// The data of this backup are snapshots of volumes: of those no object store can tell.
pub(super) fn outside(check: &Backup, name: &str, judgement: &mut Judgement) {
    if check.encrypted.is_some() {
        let name = shown(name);
        let because =
            format!("`{name}` is snapshots of volumes, of whose encryption no store tells");
        judgement.add("encryption", Obstacle::new(ENCRYPTION_UNKNOWN, because));
    }
}

fn by(key: &str, encryption: &Encryption, demanded: Encrypted) -> Finding {
    let (how, own) = match encryption {
        Encryption::Store => ("by the store with a key of its own", false),
        Encryption::Kms => ("by the store with a key of a key management service", true),
        Encryption::Customer => ("by the store with a key that must be brought", true),
        Encryption::Client => ("by whoever wrote it", true),
    };
    let said = format!("`{key}` is encrypted {how}");
    let enough = match demanded {
        Encrypted::Any => true,
        Encrypted::OwnKey => own,
        Encrypted::Client => *encryption == Encryption::Client,
    };
    if enough {
        return Finding::pass(said);
    }
    let wanted = match demanded {
        Encrypted::Any | Encrypted::OwnKey => "with a key that is not the store's",
        Encrypted::Client => "by whoever writes it",
    };
    Finding::fail(NOT_ENCRYPTED, format!("{said}, {wanted} wanted"))
}

/// A store, opened for a look.
pub(super) async fn open<'a>(check: &'a Backup, look: &'a Look<'_>) -> Result<Store<'a>, Obstacle> {
    let patience =
        crate::systems::s3::Patience { until: look.until(), fresh_within: look.fresh_within };
    look.systems.s3.open(&check.connection.0, patience).await
}
