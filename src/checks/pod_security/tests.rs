//! Controls over templates, as tables and over bent objects.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::parameters::{Control, Level};
use super::standard::violations;
use super::user::{Declared, declared};
use crate::systems::kubernetes::pod::Pod;
use crate::systems::kubernetes::{PODS, Table};

/// A pod with init and ephemeral containers that keeps `restricted`.
fn hardened() -> Value {
    let container = |name: &str| {
        json!({
            "name": name, "image": "ghcr.io/a/b:1",
            "securityContext": {
                "allowPrivilegeEscalation": false, "runAsUser": 1000, "privileged": false,
                "readOnlyRootFilesystem": true, "procMount": "Default",
                "capabilities": { "drop": ["ALL"], "add": ["NET_BIND_SERVICE"] },
                "seLinuxOptions": { "type": "container_t", "level": "s0" },
            },
            "ports": [{ "containerPort": 80, "hostPort": 0 }],
            "livenessProbe": { "httpGet": { "port": 80, "path": "/" } },
            "lifecycle": { "preStop": { "exec": { "command": ["true"] } } },
        })
    };
    json!({
        "metadata": {
            "name": "a", "namespace": "shop",
            "annotations": {
                "container.apparmor.security.beta.kubernetes.io/web": "localhost/web",
                "other": "x",
            },
        },
        "spec": {
            "hostNetwork": false,
            "serviceAccountName": "web",
            "securityContext": {
                "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" },
                "appArmorProfile": { "type": "RuntimeDefault" },
                "sysctls": [{ "name": "net.ipv4.tcp_syncookies", "value": "1" }],
            },
            "volumes": [
                { "name": "config", "configMap": { "name": "c" } },
                { "name": "scratch", "emptyDir": {} },
                { "name": "none", "emptyDir": {}, "hostPath": null },
            ],
            "initContainers": [container("prepare")],
            "containers": [container("web")],
            "ephemeralContainers": [container("debug")],
        },
    })
}

fn pod(object: &Value) -> Option<Pod> {
    let mut table = Table::<Pod>::default();
    table.take(&object.to_string(), &PODS);
    table.records().next().map(|pod| (**pod).clone())
}

fn every_control() -> Vec<Control> {
    let mut all = Level::Baseline.controls();
    all.extend(Level::Restricted.controls());
    all.push(Control::ReadOnlyRoot);
    all
}

fn broken(object: &Value) -> Vec<&'static str> {
    let pod = pod(object).expect("a pod");
    let violated = |control: &Control| !violations(*control, &pod.template).is_empty();
    let mut broken: Vec<_> =
        every_control().into_iter().filter(violated).map(Control::label).collect();
    broken.sort_unstable();
    broken.dedup();
    broken
}

fn with(pointer: &str, value: Value) -> Value {
    let mut object = hardened();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}"))[name] = value;
    object
}

#[test]
fn a_hardened_pod_breaks_no_control() {
    assert_eq!(broken(&hardened()), Vec::<&str>::new());
}

#[test]
fn each_control_is_broken_by_what_the_standard_names_in_every_sort_of_container() {
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        let at = |field: &str| format!("/spec/{list}/0/{field}");
        let context = |field: &str| at(&format!("securityContext/{field}"));
        for (pointer, value, control) in [
            (context("windowsOptions"), json!({ "hostProcess": true }), "host_process"),
            (context("privileged"), json!(true), "privileged"),
            (context("appArmorProfile"), json!({ "type": "Unconfined" }), "app_armor"),
            (context("seLinuxOptions"), json!({ "user": "u" }), "selinux"),
            (context("seLinuxOptions"), json!({ "role": "r" }), "selinux"),
            (context("procMount"), json!("Unmasked"), "proc_mount"),
            (context("allowPrivilegeEscalation"), json!(true), "privilege_escalation"),
            (context("runAsNonRoot"), json!(false), "run_as_non_root"),
            (context("runAsUser"), json!(0), "run_as_user"),
            (
                context("capabilities"),
                json!({ "add": ["CHOWN"], "drop": ["ALL"] }),
                "drop_capabilities",
            ),
            (context("capabilities"), json!({ "drop": ["CHOWN"] }), "drop_capabilities"),
            (context("readOnlyRootFilesystem"), Value::Null, "read_only_root"),
            (at("ports"), json!([{ "hostPort": 80 }]), "host_ports"),
            (at("readinessProbe"), json!({ "tcpSocket": { "host": "a" } }), "host_probes"),
            (
                at("lifecycle"),
                json!({ "postStart": { "httpGet": { "host": "a" } } }),
                "host_probes",
            ),
        ] {
            assert_eq!(broken(&with(&pointer, value.clone())), [control], "{pointer} {value}");
        }
    }
    let context = |field: &str| format!("/spec/securityContext/{field}");
    for (pointer, value, controls) in [
        ("/spec/hostNetwork".to_owned(), json!(true), &["host_namespaces"][..]),
        ("/spec/hostIPC".to_owned(), json!(true), &["host_namespaces"]),
        (context("sysctls"), json!([{ "name": "kernel.x" }]), &["sysctls"]),
        (context("sysctls"), json!([{}]), &["sysctls"]),
        (
            context("seccompProfile"),
            json!({ "type": "Unconfined" }),
            &["seccomp", "seccomp_profile"],
        ),
        (context("seccompProfile"), json!({}), &["seccomp", "seccomp_profile"]),
        (context("seccompProfile"), Value::Null, &["seccomp_profile"]),
        (context("runAsNonRoot"), Value::Null, &["run_as_non_root"]),
        (
            "/spec/volumes".to_owned(),
            json!([{ "name": "x", "hostPath": {} }]),
            &["host_path", "volume_types"],
        ),
        ("/spec/volumes".to_owned(), json!([{ "name": "x" }]), &["volume_types"]),
    ] {
        assert_eq!(broken(&with(&pointer, value.clone())), controls, "{pointer} {value}");
    }
    let key = "container.apparmor.security.beta.kubernetes.io/web";
    let mut annotated = hardened();
    annotated["metadata"]["annotations"][key] = json!("unconfined");
    assert_eq!(broken(&annotated), ["app_armor"]);
}

#[test]
fn root_of_a_user_namespace_is_nobody_on_the_node() {
    let mut object = with("/spec/securityContext/runAsNonRoot", json!(false));
    object["spec"]["securityContext"]["runAsUser"] = json!(0);
    assert_eq!(broken(&object), ["run_as_non_root", "run_as_user"]);
    for (host_users, expected) in [
        (json!(false), &[][..]),
        (json!(true), &["run_as_non_root", "run_as_user"]),
        (Value::Null, &["run_as_non_root", "run_as_user"]),
    ] {
        object["spec"]["hostUsers"] = host_users.clone();
        assert_eq!(broken(&object), expected, "{host_users}");
    }
}

/// As `pod-security-admission` allows them since 1.32.
#[test]
fn safe_kernel_parameters_may_be_set() {
    let buffers = json!([{ "name": "net.ipv4.tcp_rmem" }, { "name": "net.ipv4.tcp_wmem" }]);
    assert_eq!(broken(&with("/spec/securityContext/sysctls", buffers)), Vec::<&str>::new());
}

#[test]
fn what_has_no_meaning_on_windows_is_left_out_there() {
    let mut object = with("/spec/os", json!({ "name": "windows" }));
    object["spec"]["containers"][0]["securityContext"] = json!({});
    object["spec"]["securityContext"] = json!({ "runAsNonRoot": true });
    assert_eq!(broken(&object), Vec::<&str>::new());
    object["spec"]["os"] = json!({ "name": "linux" });
    let more = ["drop_capabilities", "privilege_escalation", "read_only_root", "seccomp_profile"];
    assert_eq!(broken(&object), more);
}

#[test]
fn the_containers_own_word_counts_before_its_pods() {
    for (of_pod, own, expected) in [
        (json!({}), json!({}), Declared::OfImage),
        (json!({ "runAsUser": 0 }), json!({}), Declared::Root),
        (json!({ "runAsUser": 0 }), json!({ "runAsUser": 7 }), Declared::NonRoot),
        (json!({ "runAsUser": 7 }), json!({ "runAsUser": 0 }), Declared::Root),
        (json!({ "runAsNonRoot": true }), json!({}), Declared::NonRoot),
        (json!({ "runAsNonRoot": true }), json!({ "runAsNonRoot": false }), Declared::OfImage),
        (json!({ "runAsNonRoot": true }), json!({ "runAsUser": 0 }), Declared::Root),
        (json!({ "runAsNonRoot": false }), json!({ "runAsUser": 7 }), Declared::NonRoot),
        (json!({ "runAsUser": -1 }), json!({}), Declared::Root),
    ] {
        let mut object = with("/spec/securityContext", of_pod.clone());
        object["spec"]["initContainers"] = Value::Null;
        object["spec"]["containers"][0]["securityContext"] = own.clone();
        let pod = pod(&object).unwrap();
        assert_eq!(
            declared(&pod.template, &pod.template.containers[0]),
            expected,
            "{of_pod} {own}"
        );
    }
}

/// All places in an object.
fn places(object: &Value, at: &str, all: &mut Vec<String>) {
    match object {
        Value::Object(members) => {
            for (name, value) in members {
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                all.push(at.clone());
                places(value, &at, all);
            }
        }
        Value::Array(elements) => {
            for (number, value) in elements.iter().enumerate() {
                places(value, &format!("{at}/{number}"), all);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    /// What is taken away breaks a control, says nothing new, or makes the object unreadable; no
    /// word of a hardened pod may be replaced by nonsense and be believed.
    #[test]
    fn no_bent_field_crashes_or_hardens_a_bare_pod(pick in any::<prop::sample::Index>(), kind in 0_usize..5) {
        let mut all = Vec::new();
        places(&hardened(), "", &mut all);
        let place = all[pick.index(all.len())].clone();
        let mut object = hardened();
        let value = [Value::Null, json!(7), json!("x"), json!([]), json!({})][kind].clone();
        *object.pointer_mut(&place).unwrap() = value;
        if let Some(pod) = pod(&object) {
            for control in every_control() {
                violations(control, &pod.template);
            }
        }
        // A container that says nothing keeps no hardened standard, whatever else is bent.
        if !place.starts_with("/spec/containers") && place != "/spec" && !place.starts_with("/metadata") {
            object["spec"]["containers"] = json!([{ "name": "web", "image": "a" }]);
            if let Some(pod) = pod(&object).filter(|pod| !pod.template.security.windows) {
                prop_assert!(!violations(Control::PrivilegeEscalation, &pod.template).is_empty());
                prop_assert!(!violations(Control::DropCapabilities, &pod.template).is_empty());
            }
        }
    }
}

#[test]
fn five_thousand_containers_do_not_hurt() {
    let mut object = hardened();
    let container = object["spec"]["containers"][0].clone();
    let many = (0..5000).map(|number| {
        let mut one = container.clone();
        one["name"] = json!(format!("c{number}"));
        one["securityContext"]["privileged"] = json!(true);
        one
    });
    object["spec"]["containers"] = many.collect();
    let pod = pod(&object).unwrap();
    assert_eq!(violations(Control::Privileged, &pod.template).len(), 5000);
}

/// The API server names the volume of an account's token anew in each pod.
#[test]
fn pods_that_differ_in_the_names_of_usual_volumes_share_a_template() {
    let mut table = Table::<Pod>::default();
    for name in ["a", "b"] {
        let mut object = hardened();
        object["metadata"]["name"] = json!(name);
        let token = json!({ "name": format!("kube-api-access-{name}"), "projected": {} });
        object["spec"]["volumes"] = json!([token, { "name": "x", "hostPath": {} }]);
        table.take(&object.to_string(), &PODS);
    }
    let templates: Vec<_> = table.records().map(|pod| Arc::clone(&pod.template)).collect();
    assert_eq!(templates.len(), 2);
    assert!(Arc::ptr_eq(&templates[0], &templates[1]));
}
