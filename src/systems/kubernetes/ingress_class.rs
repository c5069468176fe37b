//! `IngressClasses`: which controller serves an Ingress, and whose those are that name none.

use std::sync::Arc;

use serde::Deserialize;

use super::annotated::Annotated;
use super::pool::Words;
use super::record::Record;
use super::table::Key;
use crate::model::needs::Resource;

/// The annotation of the class of those that name none.
const IS_DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";

/// An `IngressClass`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressClass {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it is the class of those that name none.
    pub is_default: bool,
}

/// An `IngressClass`, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wire {
    metadata: Annotated,
}

impl Record for IngressClass {
    type Wire = Wire;

    fn of(wire: Wire, (_, name): &Key, _: &Resource, _: &mut Words) -> Self {
        let is_default = wire.metadata.get(IS_DEFAULT) == Some("true");
        Self { name: Arc::clone(name), is_default }
    }
}
