//! Who may do what: bearer tokens, and the rules of the users that bear them.
//!
//! A server without any token lets everybody do everything.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::call::Call;
use super::failure::Failure;
use super::review;

/// Somebody with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name in refusals, such as `system:serviceaccount:vigie:vigie`.
    pub name: String,
    /// The groups, for role bindings.
    pub groups: Vec<String>,
    /// What the user may do; role bindings in the store add to it.
    pub rules: Vec<Rule>,
}

impl User {
    /// A user with `rules`.
    pub fn new(name: &str, rules: Vec<Rule>) -> Self {
        Self { name: name.to_owned(), groups: vec!["system:authenticated".to_owned()], rules }
    }

    /// A user who may do everything.
    pub fn admin() -> Self {
        Self::new("admin", vec![Rule::everything()])
    }
}

/// One rule, as in a Role; `*` stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// `get`, `list`, `watch` …
    pub verbs: Vec<String>,
    /// API groups, the core being empty.
    pub groups: Vec<String>,
    /// Plurals, with the subresource where one is meant: `pods/log`.
    pub resources: Vec<String>,
    /// Names of objects; empty means all.
    pub names: Vec<String>,
    /// Namespaces; empty means the whole cluster.
    pub namespaces: Vec<String>,
    /// Paths without a resource, such as `/metrics`.
    pub paths: Vec<String>,
}

impl Rule {
    /// All verbs on all things.
    pub fn everything() -> Self {
        Self::cluster(&["*"], &["*"], &["*"])
    }

    /// `verbs` on `resources` of `groups` in the whole cluster.
    pub fn cluster(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Self {
        let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Self {
            verbs: own(verbs),
            groups: own(groups),
            resources: own(resources),
            ..Self::default()
        }
    }

    /// The same in one namespace only.
    pub fn within(mut self, namespace: &str) -> Self {
        self.namespaces.push(namespace.to_owned());
        self
    }

    /// The same for one object only.
    pub fn only(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        self
    }

    fn allows(&self, wish: &Wish<'_>) -> bool {
        has(&self.verbs, wish.verb)
            && has(&self.groups, wish.group)
            && (has(&self.resources, wish.resource) || self.all_of_subresource(wish.resource))
            && (self.names.is_empty() || self.names.iter().any(|name| name == wish.name))
            && (self.namespaces.is_empty()
                || self.namespaces.iter().any(|name| name == wish.namespace))
    }

    fn all_of_subresource(&self, resource: &str) -> bool {
        let Some((_, subresource)) = resource.split_once('/') else { return false };
        self.resources.iter().any(|known| known.strip_prefix("*/") == Some(subresource))
    }

    pub(super) fn allows_path(&self, verb: &str, path: &str) -> bool {
        let is_for = |known: &String| match known.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == known,
        };
        let everything = has(&self.groups, "*") && has(&self.resources, "*");
        has(&self.verbs, verb) && (everything || self.paths.iter().any(is_for))
    }
}

fn has(known: &[String], wanted: &str) -> bool {
    known.iter().any(|known| known == "*" || known == wanted)
}

/// What somebody would like to do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wish<'a> {
    pub(super) verb: &'a str,
    pub(super) group: &'a str,
    /// With its subresource.
    pub(super) resource: &'a str,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
}

impl Wish<'_> {
    pub(super) fn allowed_by(&self, rules: &[Rule]) -> bool {
        rules.iter().any(|rule| rule.allows(self))
    }

    fn refusal(&self, user: &str) -> Failure {
        let place = if self.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace \"{}\"", self.namespace)
        };
        let why = format!(
            "User \"{user}\" cannot {} resource \"{}\" in API group \"{}\" {place}",
            self.verb, self.resource, self.group
        );
        let plural = self.resource.split('/').next().unwrap_or_default();
        Failure::forbidden(self.group, plural, self.name, &why)
    }
}

/// The tokens that open the server.
#[derive(Debug, Default)]
pub(super) struct Access {
    users: BTreeMap<String, User>,
    /// Whether a token is needed; stays when the last one is revoked.
    guarded: bool,
}

impl Access {
    pub(super) fn admit(&mut self, token: &str, user: User) {
        self.guarded = true;
        self.users.insert(token.to_owned(), user);
    }

    pub(super) fn revoke(&mut self, token: &str) -> Option<User> {
        self.users.remove(token)
    }

    /// What a user of this name was admitted with.
    pub(super) fn rules_of(&self, name: &str) -> Vec<Rule> {
        let known = self.users.values().find(|user| user.name == name);
        known.map(|user| user.rules.clone()).unwrap_or_default()
    }

    /// The user behind a request.
    pub(super) fn user(&self, headers: &HeaderMap) -> Result<User, Failure> {
        if !self.guarded {
            return Ok(User::admin());
        }
        let token = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let user = token.and_then(|token| self.users.get(token.trim()));
        user.cloned().ok_or_else(Failure::unauthorized)
    }
}

/// Refuses a call that `rules`, all rules of `user`, do not allow.
pub(super) fn authorize(
    call: &Call,
    user: &User,
    rules: &[Rule],
    default_roles: bool,
) -> Result<(), Failure> {
    let Some(target) = &call.target else {
        let verb = call.method.as_str().to_lowercase();
        let open = is_open(&call.path, default_roles);
        let open = open || rules.iter().any(|r| r.allows_path(&verb, &call.path));
        let why = format!("User \"{}\" cannot {verb} path \"{}\"", user.name, call.path);
        let refusal = Failure::new(403, "Forbidden", format!("forbidden: {why}"));
        return if open { Ok(()) } else { Err(refusal) };
    };
    if default_roles && review::is_own(target) {
        return Ok(());
    }
    let resource = target.resource();
    // A namespace as an object lies in itself, as far as rights go.
    let namespace = match (&target.namespace, target.plural.as_str()) {
        (None, "namespaces") => target.name.as_deref().unwrap_or_default(),
        (namespace, _) => namespace.as_deref().unwrap_or_default(),
    };
    let wish = Wish {
        verb: call.verb,
        group: &target.group,
        resource: &resource,
        namespace,
        name: call.name(),
    };
    if wish.allowed_by(rules) { Ok(()) } else { Err(wish.refusal(&user.name)) }
}

/// What every authenticated user may read by the roles that a cluster has from its start: what is
/// served, and how the server is.
fn is_open(path: &str, default_roles: bool) -> bool {
    let below = |open: &str| {
        path.strip_prefix(open).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let open = ["/api", "/apis", "/openapi", "/version", "/healthz", "/livez", "/readyz"];
    default_roles && open.into_iter().any(below)
}
