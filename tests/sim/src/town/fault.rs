//! What can go wrong in the town, how, and what it turns; and what happens that is no fault.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use futures::future::BoxFuture;
use serde_json::Value;

use super::faults::FAULTS;
use super::{CHANGES, Town};
use crate::kubernetes::Changes;

/// An item that turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The item.
    pub item: &'static str,
    /// The standing that it turns to.
    pub standing: &'static str,
    /// The reason that it must give.
    pub reason: &'static str,
}

/// An item fails.
pub const fn fails(item: &'static str, reason: &'static str) -> Turn {
    Turn { item, standing: "failing", reason }
}

/// An item warns.
pub const fn warns(item: &'static str, reason: &'static str) -> Turn {
    Turn { item, standing: "warning", reason }
}

/// An item can't be told.
pub const fn blind(item: &'static str, reason: &'static str) -> Turn {
    Turn { item, standing: "unknown", reason }
}

/// Something that can go wrong.
#[derive(Clone, Copy)]
pub struct Fault {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens, in a sentence.
    pub about: &'static str,
    /// The items of the shipped checklist that turn; all others stay as they are.
    pub turns: &'static [Turn],
    pub(super) deed: Deed,
}

/// Something that happens every day, and that must turn nothing once it is over.
#[derive(Clone, Copy)]
pub struct Change {
    /// Its name.
    pub name: &'static str,
    /// What happens, in a sentence.
    pub about: &'static str,
    /// The kinds of checks that see it, and must not mind.
    pub seen_by: &'static [&'static str],
    /// What items may say of it while it is under way.
    pub meanwhile: &'static [Turn],
    pub(super) deed: Deed,
}

/// What is done to the town.
#[derive(Clone, Copy)]
pub(super) enum Deed {
    /// At once.
    Now(fn(&mut Doing<'_>) -> Result<()>),
    /// It takes its time.
    Later(for<'d> fn(&'d mut Doing<'_>) -> BoxFuture<'d, Result<()>>),
}

/// How something is mended that is not the cluster's, which remembers what it was like.
type Mend = Box<dyn for<'t> FnOnce(&'t Town) -> BoxFuture<'t, Result<()>> + Send>;

/// A deed under way.
pub(super) struct Doing<'t> {
    /// The town.
    pub(super) town: &'t Town,
    mends: Vec<Mend>,
}

impl Doing<'_> {
    /// Says how what was done is mended.
    pub(super) fn mend(&mut self, how: impl FnOnce(&Town) -> Result<()> + Send + 'static) {
        self.mend_later(|town| {
            let mended = how(town);
            Box::pin(std::future::ready(mended))
        });
    }

    /// The same where mending takes its time.
    pub(super) fn mend_later(
        &mut self,
        how: impl for<'t> FnOnce(&'t Town) -> BoxFuture<'t, Result<()>> + Send + 'static,
    ) {
        self.mends.push(Box::new(how));
    }

    /// Changes an object of the cluster.
    pub(super) fn patch(&self, path: &str, changes: &Value) -> Result<Value> {
        Ok(self.town.kubernetes.patch(path, changes)?)
    }

    /// Deletes an object of the cluster.
    pub(super) fn delete(&self, path: &str) -> Result<()> {
        self.town.kubernetes.delete(path).with_context(|| path.to_owned())?;
        Ok(())
    }

    async fn do_it(&mut self, deed: Deed) -> Result<()> {
        match deed {
            Deed::Now(deed) => deed(self),
            Deed::Later(deed) => deed(self).await,
        }
    }
}

/// How a fault is healed.
pub(super) struct Remedy {
    cluster: Changes,
    mends: Vec<Mend>,
}

/// Those of the faults that were put in, by name.
pub(super) type Remedies = BTreeMap<&'static str, Remedy>;

impl Town {
    /// Puts a fault into the system that it is about.
    ///
    /// # Errors
    /// There is no fault of this name, or the system does not take it.
    pub async fn inject(&self, name: &str) -> Result<()> {
        let Some(fault) = FAULTS.iter().copied().flatten().find(|fault| fault.name == name) else {
            bail!("there is no fault `{name}`");
        };
        let remedy = self.do_it(fault.deed).await.with_context(|| name.to_owned())?;
        self.remedies().insert(fault.name, remedy);
        Ok(())
    }

    /// Takes a fault out again.
    ///
    /// # Errors
    /// It was not put in, or the system does not heal.
    pub async fn heal(&self, fault: &str) -> Result<()> {
        let remedy = self.remedies().remove(fault);
        let Some(Remedy { cluster, mends }) = remedy else {
            bail!("`{fault}` was not put in");
        };
        self.kubernetes.undo(cluster)?;
        for mend in mends.into_iter().rev() {
            mend(self).await?;
        }
        Ok(())
    }

    /// Lets something happen that is no fault. What it leaves behind is what it is in a town that
    /// lives.
    ///
    /// # Errors
    /// There is no change of this name, or a system does not take it.
    pub async fn change(&self, name: &str) -> Result<()> {
        let Some(change) = CHANGES.iter().find(|change| change.name == name) else {
            bail!("there is no change `{name}`");
        };
        self.do_it(change.deed).await.map(drop).with_context(|| name.to_owned())
    }

    async fn do_it(&self, deed: Deed) -> Result<Remedy> {
        let before = self.kubernetes.remember();
        let mut doing = Doing { town: self, mends: Vec::new() };
        doing.do_it(deed).await?;
        let cluster = self.kubernetes.changes_since(&before);
        Ok(Remedy { cluster, mends: doing.mends })
    }
}
