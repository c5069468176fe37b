//! Which records of the board are in the file: deployments and maintenance, and the acts of items.
//!
//! People's acts are written before they take effect; what becomes of them by itself (a waiver ends,
//! a deployment takes an attestation) is seen here, and written afterwards.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

use jiff::Timestamp;

use super::record::Record;
use crate::model::acts::{Attestation, Maintenance, Waiver};
use crate::model::deployment::Deployment;
use crate::model::snapshot::{ItemState, Snapshot};

/// The acts of one item that are in the file as they are.
#[derive(Clone, Debug, Default)]
pub(super) struct OfItem {
    attestations: HashMap<String, Weak<Attestation>>,
    waivers: HashMap<String, Weak<Waiver>>,
}

impl OfItem {
    /// The acts of an item that are not in the file as they are.
    pub(super) fn news(&mut self, item: &ItemState) -> serde_json::Result<Vec<Record>> {
        let attestations = item.attestations.iter().map(|act| (&*act.id, act));
        let waivers = item.waivers.iter().map(|act| (&*act.id, act));
        let mut news = changed(&mut self.attestations, attestations, Record::attestation)?;
        news.extend(changed(&mut self.waivers, waivers, Record::waiver)?);
        Ok(news)
    }
}

/// The records of the board that belong to no item.
#[derive(Clone, Debug, Default)]
pub(super) struct OfBoard {
    deployments: HashMap<String, Weak<Deployment>>,
    maintenance: HashMap<String, Weak<Maintenance>>,
    /// By their beginnings.
    pauses: HashSet<Timestamp>,
}

impl OfBoard {
    /// Those that are not in the file as they are. What the configuration declares is no act.
    pub(super) fn news(&mut self, snapshot: &Snapshot) -> serde_json::Result<Vec<Record>> {
        let deployments = snapshot.deployments.iter().map(|known| (&*known.id, known));
        let declared = snapshot.maintenance.iter().filter(|span| span.token.is_some());
        let declared = declared.map(|span| (&*span.id, span));
        let mut news = changed(&mut self.deployments, deployments, Record::deployment)?;
        news.extend(changed(&mut self.maintenance, declared, Record::maintenance)?);
        for pause in snapshot.pauses.iter().filter(|pause| !self.pauses.contains(&pause.from)) {
            news.push(Record::pause(pause)?);
        }
        self.pauses = snapshot.pauses.iter().map(|pause| pause.from).collect();
        Ok(news)
    }
}

fn changed<'a, T: 'a>(
    in_file: &mut HashMap<String, Weak<T>>,
    now: impl Iterator<Item = (&'a str, &'a Arc<T>)>,
    write: impl Fn(&T) -> serde_json::Result<Record>,
) -> serde_json::Result<Vec<Record>> {
    let mut news = Vec::new();
    let mut seen = HashMap::with_capacity(in_file.len());
    for (id, act) in now {
        let (id, weak) = match in_file.remove_entry(id) {
            Some((id, weak)) if std::ptr::eq(weak.as_ptr(), Arc::as_ptr(act)) => (id, weak),
            Some(_) | None => {
                news.push(write(act)?);
                (id.to_owned(), Arc::downgrade(act))
            }
        };
        seen.insert(id, weak);
    }
    *in_file = seen;
    Ok(news)
}
