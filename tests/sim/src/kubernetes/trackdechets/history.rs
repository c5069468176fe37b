//! What ran before: the earlier revision of every Deployment, to which a rollback would return.

use serde_json::json;

use super::{ApiServer, DEPLOYMENTS, Failure, NAMESPACE, VERSIONS, image_from};
use crate::kubernetes::workloads::{Workload, replica_set};

pub(super) fn furnish(server: &ApiServer, registry: &str) -> Result<(), Failure> {
    for (name, ..) in DEPLOYMENTS {
        let path = format!("deployments/{NAMESPACE}/{name}");
        let newest = json!({ "metadata": { "annotations": {
            "deployment.kubernetes.io/revision": "2",
        } } });
        let deployment = server.patch(&path, &newest)?;
        let own = |set: &&serde_json::Value| {
            set["metadata"]["ownerReferences"][0]["uid"] == deployment["metadata"]["uid"]
        };
        for set in server.list("replicasets", Some(NAMESPACE))?.iter().filter(own) {
            let set = set["metadata"]["name"].as_str().unwrap_or_default();
            server.patch(&format!("replicasets/{NAMESPACE}/{set}"), &newest)?;
        }
        let image = image_from(registry, name, VERSIONS[1]);
        let before =
            Workload { namespace: NAMESPACE, name, image: &image, replicas: 0, port: None };
        let set = replica_set(server, &deployment, &before, 1)?;
        let set = set["metadata"]["name"].as_str().unwrap_or_default();
        let status = json!({ "status": { "observedGeneration": 1, "replicas": 0 } });
        server.patch(&format!("replicasets/{NAMESPACE}/{set}"), &status)?;
    }
    Ok(())
}
