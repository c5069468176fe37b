//! The shapes of answers, as the documentation has them.

use serde_json::{Map, Value, json};

use super::{Cluster, Flavour, Index};

/// `GET /`
pub(super) fn root(flavour: Flavour) -> Value {
    let version = match flavour {
        Flavour::Seven => json!({
            "number": "7.10.2", "build_flavor": "default", "build_type": "docker",
            "build_hash": "747e1cc71def077253878a59143c1f785afa92b9", "build_snapshot": false,
            "lucene_version": "8.7.0", "minimum_wire_compatibility_version": "6.8.0",
            "minimum_index_compatibility_version": "6.0.0-beta1",
        }),
        Flavour::Eight => json!({
            "number": "8.11.1", "build_flavor": "default", "build_type": "docker",
            "build_hash": "6f9ff581fbcde658e6f69d6ce03050f060d1fd0c", "build_snapshot": false,
            "lucene_version": "9.8.0", "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        }),
        Flavour::OpenSearch => json!({
            "distribution": "opensearch", "number": "2.11.0", "build_type": "tar",
            "build_hash": "4dcad6dd1fd45b6bd91f041a041829c8687278fa", "build_snapshot": false,
            "lucene_version": "9.7.0", "minimum_wire_compatibility_version": "7.10.0",
            "minimum_index_compatibility_version": "7.0.0",
        }),
    };
    let tagline = match flavour {
        Flavour::Seven | Flavour::Eight => "You Know, for Search",
        Flavour::OpenSearch => "The OpenSearch Project: https://opensearch.org/",
    };
    json!({
        "name": "node-0", "cluster_name": "shop", "cluster_uuid": "n3Cd8yQaT3m0",
        "version": version, "tagline": tagline,
    })
}

/// `GET /_cluster/health`
pub(super) fn health(cluster: &Cluster) -> Value {
    let nodes = cluster.nodes.len();
    let mut health = json!({
        "cluster_name": "shop", "status": cluster.status(), "timed_out": cluster.timed_out,
        "number_of_nodes": nodes, "number_of_data_nodes": nodes,
        "active_primary_shards": cluster.indices.len(), "active_shards": cluster.indices.len(),
        "relocating_shards": 0, "initializing_shards": 0,
        "unassigned_shards": cluster.unassigned, "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0, "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
    });
    // Nothing of nothing.
    health["active_shards_percent_as_number"] =
        if cluster.indices.is_empty() { json!("NaN") } else { json!(100.0) };
    match cluster.flavour {
        Flavour::OpenSearch => {
            health["discovered_master"] = json!(true);
            health["discovered_cluster_manager"] = json!(true);
        }
        Flavour::Seven | Flavour::Eight => {}
    }
    health
}

/// `GET /_cluster/settings?include_defaults=true&flat_settings=true`
pub(super) fn settings(cluster: &Cluster) -> Value {
    let disk = |name: &str| format!("cluster.routing.allocation.disk.{name}");
    let set: Map<String, Value> =
        cluster.settings.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    let mut defaults = json!({
        "cluster.name": "shop",
        disk("threshold_enabled"): "true",
        disk("watermark.low"): "85%",
        disk("watermark.high"): "90%",
        disk("watermark.flood_stage"): "95%",
        "http.cors.allow-methods": ["OPTIONS", "HEAD", "GET"],
    });
    match cluster.flavour {
        Flavour::Eight => {
            defaults[disk("watermark.low.max_headroom")] = json!("200GB");
            defaults[disk("watermark.high.max_headroom")] = json!("150GB");
            defaults[disk("watermark.flood_stage.max_headroom")] = json!("100GB");
        }
        Flavour::Seven | Flavour::OpenSearch => {}
    }
    json!({ "persistent": set, "transient": {}, "defaults": defaults })
}

/// `GET /_cat/allocation?format=json&bytes=b&h=node,disk.avail,disk.total`
pub(super) fn allocation(cluster: &Cluster) -> Value {
    let row = |(node, total, left): &(String, u64, u64)| json!({ "node": node, "disk.avail": left.to_string(), "disk.total": total.to_string() });
    let mut rows: Vec<Value> = cluster.nodes.iter().map(row).collect();
    if cluster.unassigned > 0 {
        rows.push(json!({ "node": "UNASSIGNED", "disk.avail": null, "disk.total": null }));
    }
    json!(rows)
}

/// `GET /_all/_settings/index.blocks.*,index.creation_date?flat_settings=true`
pub(super) fn blocks(cluster: &Cluster) -> Value {
    let settings = |index: &Index| {
        let mut settings = json!({ "index.creation_date": "1773000000000" });
        if index.read_only {
            settings["index.blocks.read_only_allow_delete"] = json!("true");
        }
        (index.name.clone(), json!({ "settings": settings }))
    };
    cluster.indices.iter().map(settings).collect::<Map<_, _>>().into()
}

/// `GET /_alias/{name}`, with its status.
pub(super) fn alias(name: &str, rows: &[&Index]) -> (u16, Value) {
    let bears = |index: &&&Index| index.aliases.iter().any(|alias| alias == name);
    let bearers: Map<String, Value> = rows
        .iter()
        .filter(bears)
        .map(|index| (index.name.clone(), json!({ "aliases": { name: {} } })))
        .collect();
    if bearers.is_empty() {
        return (404, json!({ "error": format!("alias [{name}] missing"), "status": 404 }));
    }
    (200, bearers.into())
}

/// `GET /_cat/indices/{name}?format=json&h=health,status,index,docs.count`
pub(super) fn rows(rows: &[&Index]) -> Value {
    let row = |index: &&Index| {
        json!({
            "health": index.health,
            "status": if index.open { "open" } else { "close" },
            "index": index.name,
            "docs.count": index.open.then(|| index.documents.to_string()),
        })
    };
    json!(rows.iter().map(row).collect::<Vec<_>>())
}

/// `GET /{name}/_search` with a `max` of a date.
pub(super) fn search(cluster: &Cluster, rows: &[&Index]) -> Value {
    let documents: u64 = rows.iter().map(|index| index.documents).sum();
    let newest = rows.iter().filter_map(|index| index.newest).max();
    let value = newest.map_or(json!({ "value": null }), |newest| {
        // The text is for people: here it is the number.
        json!({ "value": newest, "value_as_string": newest.to_string() })
    });
    let shards = rows.len();
    json!({
        "took": 1, "timed_out": cluster.timed_out,
        "_shards": {
            "total": shards, "successful": shards, "skipped": 0, "failed": cluster.failed_shards,
        },
        "hits": { "total": { "value": documents, "relation": "eq" }, "max_score": null, "hits": [] },
        "aggregations": { "newest": value },
    })
}

/// An index that is not there.
pub(super) fn missing(name: &str) -> Value {
    failure("index_not_found_exception", &format!("no such index [{name}]"), 404)
}

/// A credential that is refused.
pub(super) fn unauthorized() -> Value {
    failure("security_exception", "unable to authenticate user [vigie] for REST request [/]", 401)
}

/// A privilege that is lacking.
pub(super) fn forbidden() -> Value {
    failure(
        "security_exception",
        "action [cluster:monitor/health] is unauthorized for user [vigie] with roles [viewer]",
        403,
    )
}

/// A question that can't be answered.
pub(super) fn refused() -> Value {
    let why = "Field [name] of type [text] is not supported for aggregation [max]";
    failure("illegal_argument_exception", why, 400)
}

fn failure(kind: &str, reason: &str, status: u16) -> Value {
    let cause = json!({ "type": kind, "reason": reason });
    json!({ "error": { "root_cause": [cause], "type": kind, "reason": reason }, "status": status })
}
