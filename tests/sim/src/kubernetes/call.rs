//! A request as the API server understands it: a verb on a resource, and how to answer.

use axum::extract::Query;
use http::header::ACCEPT;
use http::{HeaderMap, Method, Uri};

use super::failure::Failure;

/// How the caller wants objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Objects,
    Metadata,
    Table,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for paths
    /// without a resource the method in lower case.
    pub(super) verb: &'static str,
    pub(super) path: String,
    query: Vec<(String, String)>,
    pub(super) wanted: Wanted,
    pub(super) target: Option<Target>,
}

/// The resource that a path names.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) plural: String,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<String>,
}

impl Target {
    fn parse(path: &str) -> Option<Self> {
        let mut steps: Vec<String> =
            path.split('/').filter(|step| !step.is_empty()).map(decoded).collect();
        let mut target = Self::default();
        match steps.first()?.as_str() {
            "api" if steps.len() > 2 => target.version = steps.drain(..2).nth(1)?,
            "apis" if steps.len() > 3 => {
                let mut root = steps.drain(..3).skip(1);
                target.group = root.next()?;
                target.version = root.next()?;
            }
            _ => return None,
        }
        let of_namespace_itself =
            matches!(steps.get(2).map(String::as_str), None | Some("status" | "finalize"));
        if steps.first().is_some_and(|step| step == "namespaces") && !of_namespace_itself {
            target.namespace = Some(steps.drain(..2).nth(1)?);
        }
        let mut steps = steps.into_iter();
        target.plural = steps.next()?;
        target.name = steps.next();
        // What follows goes on to whoever the subresource leads to.
        target.subresource = steps.next();
        Some(target)
    }

    /// `pods`, `pods/log`.
    pub(super) fn resource(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.plural),
            None => self.plural.clone(),
        }
    }
}

impl Call {
    pub(super) fn parse(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Self, Failure> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| Failure::bad_request(error.body_text()))?
            .0;
        let target = Target::parse(uri.path());
        let mut call = Self {
            method: method.clone(),
            verb: "",
            path: uri.path().to_owned(),
            query,
            // Other paths answer as they see fit.
            wanted: if target.is_some() { wanted(headers)? } else { Wanted::Objects },
            target,
        };
        call.verb = call.find_verb();
        Ok(call)
    }

    fn find_verb(&self) -> &'static str {
        let one = self.target.as_ref().is_none_or(|target| target.name.is_some());
        let watch = matches!(self.ask("watch"), "1" | "true");
        match (&self.method, one) {
            (&Method::GET, true) => "get",
            (&Method::GET, false) if watch => "watch",
            (&Method::GET, false) => "list",
            (&Method::POST, _) => "create",
            (&Method::PUT, _) => "update",
            (&Method::PATCH, _) => "patch",
            (&Method::DELETE, true) => "delete",
            (&Method::DELETE, false) => "deletecollection",
            _ => "unknown",
        }
    }

    /// A parameter of the query; empty where it is missing.
    pub(super) fn ask(&self, name: &str) -> &str {
        self.query.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// A number in the query.
    pub(super) fn ask_number(&self, name: &str) -> Result<Option<u64>, Failure> {
        match self.ask(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                Failure::bad_request(format!("Invalid value: \"{text}\": {name} must be a number"))
            }),
        }
    }

    /// Whether the query names `name` at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.query.iter().any(|(known, _)| known == name)
    }

    /// Whether the query sets `name` to true.
    pub(super) fn asks_for(&self, name: &str) -> bool {
        matches!(self.ask(name), "1" | "true")
    }

    /// The name that rights are checked against: a field selector on one name counts.
    pub(super) fn name(&self) -> &str {
        let named = self.target.as_ref().and_then(|target| target.name.as_deref());
        let selected = || self.ask("fieldSelector").strip_prefix("metadata.name=");
        named.or_else(selected).map_or("", |name| name.trim_start_matches('='))
    }
}

fn wanted(headers: &HeaderMap) -> Result<Wanted, Failure> {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    for choice in accept.split(',') {
        let mut parts = choice.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        if !matches!(media, "application/json" | "application/*" | "*/*" | "text/plain" | "") {
            continue;
        }
        match parts.find_map(|part| part.strip_prefix("as=")) {
            None => return Ok(Wanted::Objects),
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") => {
                return Ok(Wanted::Metadata);
            }
            Some("Table") => return Ok(Wanted::Table),
            Some(_) => {}
        }
    }
    let message = "only the following media types are accepted: application/json";
    Err(Failure::new(406, "NotAcceptable", message))
}

/// `%3A` and the like as what they stand for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        if let (b'%', Some(code)) = (byte, code) {
            bytes.push(code);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(path: &str) -> Call {
        Call::parse(&Method::GET, &path.parse().unwrap(), &HeaderMap::new()).unwrap()
    }

    #[test]
    fn paths_name_resources() {
        let rows = [
            ("/api/v1/pods", "list", "pods", None, None),
            ("/api/v1/pods?watch=1", "watch", "pods", None, None),
            ("/api/v1/namespaces/n", "get", "namespaces", None, Some("n")),
            ("/api/v1/namespaces/n/status", "get", "namespaces/status", None, Some("n")),
            ("/api/v1/namespaces/n/pods/p/log", "get", "pods/log", Some("n"), Some("p")),
            ("/api/v1/nodes/n/proxy/stats/summary", "get", "nodes/proxy", None, Some("n")),
            ("/apis/apps/v1/namespaces/n/deployments", "list", "deployments", Some("n"), None),
        ];
        for (path, verb, resource, namespace, name) in rows {
            let call = call(path);
            let target = call.target.unwrap();
            assert_eq!(call.verb, verb, "{path}");
            assert_eq!(target.resource(), resource, "{path}");
            assert_eq!(target.namespace.as_deref(), namespace, "{path}");
            assert_eq!(target.name.as_deref(), name, "{path}");
        }
    }

    #[test]
    fn paths_without_a_resource_have_none() {
        for path in ["/", "/api", "/api/v1", "/apis/apps/v1", "/readyz", "/openapi/v3/api/v1"] {
            assert!(call(path).target.is_none(), "{path}");
        }
    }

    #[test]
    fn names_are_decoded() {
        let call = call("/api/v1/nodes/system%3Anode");
        assert_eq!(call.name(), "system:node");
    }
}
