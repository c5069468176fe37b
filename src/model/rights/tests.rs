use proptest::prelude::*;

use super::*;
use crate::model::needs::SystemName;

fn purpose(item: &str) -> Purpose {
    Purpose { by: Cow::Borrowed("pods"), item: ItemId::parse(item).unwrap() }
}

fn resource(plural: &str) -> Resource {
    let owned = |word: &str| Cow::Owned(word.to_owned());
    Resource { group: owned(""), version: owned("v1"), plural: owned(plural), kind: owned("Kind") }
}

fn watch(plural: &str, namespace: Option<&str>, name: Option<&str>) -> Watch {
    let own = |word: Option<&str>| word.map(str::to_owned);
    Watch { namespace: own(namespace), name: own(name), ..Watch::all(resource(plural)) }
}

fn demands(watches: impl IntoIterator<Item = Watch>) -> Demands {
    let mut demands = Demands::default();
    let needs = Needs { watches: watches.into_iter().collect(), ..Needs::default() };
    demands.add(&needs, &purpose("a"));
    demands
}

fn said(rights: &Rights) -> Vec<String> {
    rights.granted().map(|(right, _)| right.to_string()).collect()
}

/// A rule as `verbs resources [names] @ namespace`.
fn shown(rights: &Rights) -> Vec<String> {
    let words = |words: &BTreeSet<String>| words.iter().cloned().collect::<Vec<_>>().join(",");
    let rule = |role: &Role, rule: &Rule| {
        let verbs = rule.verbs().iter().copied().collect::<Vec<_>>().join(",");
        let target = match rule.target() {
            Target::Resources { group: _, resources, names } => {
                format!("{} [{}]", words(resources), words(names))
            }
            Target::Paths(paths) => words(paths),
        };
        format!("{verbs} {target} @ {}", role.namespace().unwrap_or("cluster"))
    };
    let roles = rights.roles();
    roles.iter().flat_map(|role| role.rules().iter().map(move |one| rule(role, one))).collect()
}

#[test]
fn a_watch_takes_list_and_watch_and_no_more() {
    let rights = demands([watch("pods", Some("shop"), None)]).rights(|_| None);
    assert_eq!(said(&rights), ["list pods in shop", "watch pods in shop"]);
    let rights = demands([watch("pods", Some("shop"), Some("web"))]).rights(|_| None);
    assert_eq!(said(&rights), ["list pods web in shop", "watch pods web in shop"]);
}

#[test]
fn rules_are_merged_where_they_differ_in_one_thing() {
    let rights = demands([
        watch("pods", Some("shop"), None),
        watch("events", Some("shop"), None),
        watch("services", Some("shop"), Some("b")),
        watch("services", Some("shop"), Some("a")),
        watch("endpoints", Some("shop"), Some("a")),
        watch("nodes", None, None),
    ])
    .rights(|_| None);
    assert_eq!(
        shown(&rights),
        [
            "list,watch nodes [] @ cluster",
            "list,watch endpoints [a] @ shop",
            "list,watch events,pods [] @ shop",
            "list,watch services [a,b] @ shop",
        ]
    );
}

#[test]
fn what_a_wider_right_allows_is_left_out_and_its_purpose_kept() {
    let mut demands = demands([watch("pods", None, None)]);
    let narrow = [watch("pods", Some("shop"), None), watch("pods", Some("shop"), Some("web"))];
    let needs = Needs { watches: narrow.into(), ..Needs::default() };
    demands.add(&needs, &purpose("b"));
    let rights = demands.rights(|_| None);
    assert_eq!(said(&rights), ["list pods", "watch pods"]);
    assert!(rights.granted().all(|(_, purposes)| told(purposes) == "pods (a, b)"));
}

#[test]
fn a_plural_that_is_not_known_is_asked_for_or_told() {
    let demands = demands([watch("", Some("shop"), None)]);
    assert_eq!(demands.without_plural().len(), 1);
    let rights = demands.rights(|_| None);
    assert_eq!((rights.granted().len(), rights.unknown().len()), (0, 1));
    let rights = demands.rights(|_| Some("boats".to_owned()));
    assert_eq!(said(&rights), ["list boats in shop", "watch boats in shop"]);
}

#[test]
fn secrets_are_read_one_by_one_and_paths_as_they_are() {
    let mut demands = Demands::default();
    let key = |name: &str, key: &str| {
        let (namespace, name, key) = ("shop".to_owned(), name.to_owned(), key.to_owned());
        SecretSource::Secret(SecretKey { namespace, name, key })
    };
    let secrets = vec![key("b", "x"), key("a", "x"), key("a", "y"), SecretSource::Env("A".into())];
    let needs = Needs { secrets, rights: vec![Right::path("/readyz")], ..Needs::default() };
    demands.add(&needs, &purpose("a"));
    let rights = demands.rights(|_| None);
    assert_eq!(shown(&rights), ["get /readyz @ cluster", "get secrets [a,b] @ shop"]);
}

#[test]
fn what_must_never_be_granted_is_refused() {
    let right = |verb, group, resource, name: Option<&str>| Right {
        verb,
        group: Cow::Borrowed(group),
        resource: Cow::Borrowed(resource),
        namespace: Some("shop".to_owned()),
        name: name.map(str::to_owned),
    };
    for (right, why) in [
        (right("list", "", "secrets", Some("a")), "one by its name"),
        (right("watch", "", "secrets", None), "one by its name"),
        (right("get", "", "secrets", None), "one by its name"),
        (right("get", "", "secrets", Some("")), "does not say"),
        (right("get", "", "secrets", Some("*")), "wildcard"),
        (right("*", "", "pods", None), "wildcard"),
        (right("get", "*", "pods", None), "wildcard"),
        (right("get", "", "pods/*", None), "wildcard"),
        (right("delete", "", "pods", None), "reading"),
        (right("create", "", "pods", None), "reading"),
        (right("get", "", "", None), "does not say"),
        (right("get", "", "/readyz", None), "as it is"),
    ] {
        let mut demands = Demands::default();
        demands.add(&Needs { rights: vec![right], ..Needs::default() }, &purpose("a"));
        let rights = demands.rights(|_| None);
        assert_eq!(rights.granted().len(), 0);
        assert!(rights.refused().all(|(_, told, _)| told.contains(why)), "{why}");
        assert_eq!(rights.refused().count(), 1);
    }
}

fn word() -> impl Strategy<Value = &'static str> {
    let words = ["", "a", "b", "pods", "secrets", "pods/log", "secrets/status", "*", "/readyz"];
    prop::sample::select(words.to_vec())
}

fn any_needs() -> impl Strategy<Value = Needs> {
    let place = || prop::option::of(prop::sample::select(vec!["shop", "jobs", "*"]));
    let verb = prop::sample::select(vec!["get", "list", "watch", "create", "delete", "*"]);
    let group = prop::sample::select(vec!["", "apps", "authorization.k8s.io", "*"]);
    let name = || prop::option::of(word());
    let watches = (word(), place(), name()).prop_map(|(r, place, name)| watch(r, place, name));
    let right = (verb, group, word(), place(), name());
    let rights = right.prop_map(|(verb, group, resource, namespace, name)| Right {
        verb,
        group: Cow::Borrowed(group),
        resource: Cow::Borrowed(resource),
        namespace: namespace.map(str::to_owned),
        name: name.map(str::to_owned),
    });
    let secrets = (word(), word()).prop_map(|(namespace, name)| {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        SecretSource::Secret(SecretKey { namespace, name, key: "k".to_owned() })
    });
    let all = |n| 0..n;
    (
        prop::collection::vec(watches, all(8)),
        prop::collection::vec(rights, all(8)),
        prop::collection::vec(secrets, all(4)),
    )
        .prop_map(|(watches, rights, secrets)| {
            let connections = vec![(SystemName::Kubernetes, "default".to_owned())];
            Needs { watches, rights, connections, secrets, ..Needs::default() }
        })
}

/// Each right of a rule.
fn spelled(rights: &Rights) -> BTreeSet<Right> {
    let mut all = BTreeSet::new();
    for role in rights.roles() {
        for rule in role.rules() {
            let (group, resources, names) = match rule.target() {
                Target::Resources { group, resources, names } => {
                    (group.clone(), resources, names.iter().cloned().map(Some).collect())
                }
                Target::Paths(paths) => (String::new(), paths, Vec::new()),
            };
            let names = if names.is_empty() { vec![None] } else { names };
            for (verb, resource) in
                rule.verbs().iter().flat_map(|verb| resources.iter().map(move |r| (verb, r)))
            {
                all.extend(names.iter().map(|name| Right {
                    verb,
                    group: Cow::Owned(group.clone()),
                    resource: Cow::Owned(resource.clone()),
                    namespace: role.namespace().map(str::to_owned),
                    name: name.clone(),
                }));
            }
        }
    }
    all
}

proptest! {
    #[test]
    fn no_configuration_is_granted_secrets_or_wildcards(needs in any_needs()) {
        let mut demands = Demands::default();
        demands.add(&needs, &purpose("a"));
        let rights = demands.rights(|_| Some("secrets".to_owned()));
        for right in spelled(&rights) {
            let shown = right.to_string();
            prop_assert!(!shown.contains('*'), "{shown}");
            prop_assert!(["get", "list", "watch", "create"].contains(&right.verb), "{shown}");
            let reviews = right.group == "authorization.k8s.io";
            prop_assert!(right.verb != "create" || reviews, "{shown}");
            if right.group.is_empty() && right.resource.starts_with("secrets") {
                prop_assert!(right.verb == "get" && right.name.is_some(), "{shown}");
            }
        }
    }

    #[test]
    fn rules_say_what_was_granted_and_not_one_right_more(needs in any_needs()) {
        let mut demands = Demands::default();
        demands.add(&needs, &purpose("a"));
        let rights = demands.rights(|_| None);
        let granted: BTreeSet<Right> = rights.granted().map(|(right, _)| right.clone()).collect();
        prop_assert_eq!(spelled(&rights), granted);
    }
}
