//! Who serves an Ingress.

use super::Seen;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, legible};
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::Table;
use crate::systems::kubernetes::ingress::{Class, Ingress};
use crate::systems::kubernetes::ingress_class::IngressClass;

pub(super) const WRONG_CLASS: Documented = Documented::fails(
    Reason::new("WrongClass"),
    "An Ingress has another class than `class`, or none where the cluster's default is no help.",
);
pub(super) const CLASS_MISSING: Documented = Documented::fails(
    Reason::new("ClassMissing"),
    "An Ingress names an `IngressClass` that does not exist.",
);

/// Classes that can't be read may be any.
pub(super) fn garbled(table: &Table<IngressClass>) -> Option<Obstacle> {
    let (place, why) = table.garbled().next()?;
    let because = format!("the IngressClass {place} can't be read: {why}");
    Some(Obstacle::new(Reason::GARBLED, because))
}

/// Whether an Ingress is of the wanted class.
pub(super) fn of(seen: &Seen, ingress: &Ingress, wanted: &str) -> Result<String, Answer> {
    let wrong = |because: String| Err(Finding::fail(WRONG_CLASS.reason, because).into());
    let blind = || seen.blind_classes.clone().map_or(Ok(()), |why| Err(Answer::from(why)));
    match &ingress.class {
        Some(Class::Annotation(class) | Class::Field(class)) if **class != *wanted => {
            wrong(format!("is of class `{}`, `{wanted}` wanted", legible(class, 100)))
        }
        Some(Class::Annotation(_)) => Ok(format!("is of class {wanted} by annotation")),
        Some(Class::Field(_)) => {
            if seen.classes.iter().any(|class| *class.name == *wanted) {
                return Ok(format!("is of class {wanted}"));
            }
            blind()?;
            let because = format!("is of class {wanted}, and no IngressClass of that name exists");
            Err(Finding::fail(CLASS_MISSING.reason, because).into())
        }
        None => {
            blind()?;
            let defaults: Vec<&str> = seen
                .classes
                .iter()
                .filter(|class| class.is_default)
                .map(|class| &*class.name)
                .collect();
            match defaults.as_slice() {
                [only] if *only == wanted => {
                    Ok(format!("names no class, and {wanted} is the default"))
                }
                [] => wrong(format!("names no class and there is no default, `{wanted}` wanted")),
                some => wrong(format!(
                    "names no class, and the default is {}; `{wanted}` wanted",
                    some.join(" or ")
                )),
            }
        }
    }
}
