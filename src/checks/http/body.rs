//! What is sent in a request's body: a text, a secret, JSON, a form.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::grant::{FORM, encoded};
use super::text::Text;
use crate::model::finding::Obstacle;
use crate::model::secret::SecretSource;
use crate::systems::secrets::Secrets;

/// A body, as parameters say it in one of several ways.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent<'a> {
    pub(super) text: &'a str,
    pub(super) from: Option<&'a SecretSource>,
    pub(super) json: Option<&'a Value>,
    pub(super) form: Option<&'a BTreeMap<String, Text>>,
}

impl<'a> Sent<'a> {
    /// What is wrong between the parameters, the method among them.
    pub(super) fn flaws(self, method: &Method) -> Option<String> {
        let Self { text, from, json, form } = self;
        let given = [
            ("body", !text.is_empty()),
            ("body_from", from.is_some()),
            ("json", json.is_some()),
            ("form", form.is_some()),
        ];
        let given: Vec<_> = given.into_iter().filter(|(_, given)| *given).collect();
        match given.as_slice() {
            [(first, _), (second, _), ..] => {
                Some(format!("`{first}` and `{second}` exclude each other"))
            }
            [(sent, _)] if [Method::GET, Method::HEAD].contains(method) => Some(format!(
                "`{sent}` is what is sent, and {method} sends nothing; what an answer must hold is \
                 said by `expect: {{ body: {{ must_contain: […] }} }}`"
            )),
            _ => None,
        }
    }

    /// The secrets that it reads.
    pub(super) fn secrets(self) -> impl Iterator<Item = &'a SecretSource> {
        let fields = self.form.into_iter().flat_map(BTreeMap::values);
        self.from.into_iter().chain(fields.filter_map(Text::source))
    }

    /// Whether any of it is secret.
    pub(super) fn is_secret(self) -> bool {
        self.secrets().next().is_some()
    }

    /// What it is; none for a text of which only the configuration knows.
    pub(super) fn content_type(self) -> Option<&'static str> {
        let form = self.form.map(|_| FORM);
        self.json.map(|_| "application/json").or(form)
    }

    /// The bytes.
    pub(super) async fn read(self, secrets: &Secrets) -> Result<Bytes, Obstacle> {
        let Self { text, from, json, form } = self;
        if let Some(from) = from {
            let secret = secrets.read(from).await?;
            return Ok(Bytes::copy_from_slice(secret.expose_secret().as_bytes()));
        }
        if let Some(json) = json {
            return Ok(Bytes::from(json.to_string()));
        }
        let Some(form) = form else { return Ok(Bytes::copy_from_slice(text.as_bytes())) };
        let mut fields = Vec::new();
        for (name, value) in form {
            fields.push((name.as_str(), value.read(secrets).await?));
        }
        Ok(encoded(&fields))
    }
}
