//! `metadata` of kinds whose annotations are read.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Deserialize;

/// `metadata`, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Annotated {
    pub(super) creation_timestamp: Option<Time>,
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

impl Annotated {
    /// The value of an annotation.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        Some(self.annotations.as_ref()?.get(key)?)
    }
}
