//! A simulated Elasticsearch, or OpenSearch: the answers of the few paths that Vigie asks.
//!
//! Elasticsearch itself is not to be had for tests. The shapes are fixtures, written from the
//! documentation of Elasticsearch 7.10 and 8 and of OpenSearch 2; that the real ones send them so is
//! not proven here.

mod shapes;

use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use serde_json::{Value, json};

use crate::net::site::{Answer, Site};

/// Whose shapes are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Elasticsearch 7.10.2.
    Seven,
    /// Elasticsearch 8.11.1.
    Eight,
    /// OpenSearch 2.11.0.
    OpenSearch,
}

impl Flavour {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Seven, Self::Eight, Self::OpenSearch];
}

/// An index.
#[derive(Clone, Debug)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its aliases.
    pub aliases: Vec<String>,
    /// `green`, `yellow` or `red`.
    pub health: &'static str,
    /// Whether it is open.
    pub open: bool,
    /// How many documents it holds.
    pub documents: u64,
    /// The newest date in its documents, in milliseconds since 1970.
    pub newest: Option<i64>,
    /// Whether it is closed to writers because a disk was full.
    pub read_only: bool,
}

impl Index {
    /// A green one with a document.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            aliases: Vec::new(),
            health: "green",
            open: true,
            documents: 1,
            newest: None,
            read_only: false,
        }
    }

    /// The same with an alias.
    pub fn aliased(mut self, alias: &str) -> Self {
        self.aliases.push(alias.to_owned());
        self
    }
}

/// What there is, and how it is.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Whose shapes are sent.
    pub flavour: Flavour,
    /// The nodes, all of which hold data, each with the bytes of its disk and those left.
    pub nodes: Vec<(String, u64, u64)>,
    /// How many shards are on no node.
    pub unassigned: u32,
    /// Its indices.
    pub indices: Vec<Index>,
    /// Settings that somebody made, flat.
    pub settings: Vec<(String, String)>,
    /// Whether searches and the health run out of time.
    pub timed_out: bool,
    /// How many shards do not answer a search.
    pub failed_shards: u32,
}

impl Cluster {
    /// Three nodes with half their disks free, and no index.
    pub fn new(flavour: Flavour) -> Self {
        let node = |number| (format!("node-{number}"), 100 << 30, 50 << 30);
        Self {
            flavour,
            nodes: (0..3).map(node).collect(),
            unassigned: 0,
            indices: Vec::new(),
            settings: Vec::new(),
            timed_out: false,
            failed_shards: 0,
        }
    }

    fn status(&self) -> &'static str {
        let is = |health| self.indices.iter().any(|index| index.health == health);
        if is("red") {
            "red"
        } else if is("yellow") || self.unassigned > 0 {
            "yellow"
        } else {
            "green"
        }
    }

    /// The indices that a name, an alias or a pattern stands for.
    fn behind(&self, name: &str) -> Vec<&Index> {
        let begins = name.strip_suffix('*');
        let fits = |index: &&Index| match begins {
            Some(begins) => index.name.starts_with(begins),
            None => index.name == name || index.aliases.iter().any(|alias| alias == name),
        };
        self.indices.iter().filter(fits).collect()
    }
}

/// A running cluster; it stops when dropped.
pub struct Elasticsearch {
    site: Site,
    like: Mutex<Cluster>,
}

impl Elasticsearch {
    /// Starts one at a free port of 127.0.0.1, for anybody. `names` are those that are asked for.
    pub async fn start(cluster: &Cluster, names: &[&str]) -> Result<Self> {
        let site = Site::plain().await?;
        let none = json!({ "error": "no handler found for uri", "status": 404 });
        site.answer("*", Answer::new(404, none.to_string()));
        let running = Self { site, like: Mutex::new(cluster.clone()) };
        running.become_like(cluster, names);
        Ok(running)
    }

    /// What it is like.
    pub fn like(&self) -> Cluster {
        self.like.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on it is like this.
    pub fn become_like(&self, cluster: &Cluster, names: &[&str]) {
        self.like.lock().unwrap_or_else(PoisonError::into_inner).clone_from(cluster);
        self.say("/", 200, &shapes::root(cluster.flavour));
        self.say("/_cluster/health", 200, &shapes::health(cluster));
        self.say("/_cluster/settings", 200, &shapes::settings(cluster));
        self.say("/_cat/allocation", 200, &shapes::allocation(cluster));
        self.say(
            "/_all/_settings/index.blocks.*,index.creation_date",
            200,
            &shapes::blocks(cluster),
        );
        for name in names {
            let rows = cluster.behind(name);
            let (status, alias) = shapes::alias(name, &rows);
            self.say(&format!("/_alias/{name}"), status, &alias);
            let pattern = name.contains('*');
            if rows.is_empty() && !pattern {
                let missing = shapes::missing(name);
                self.say(&format!("/_cat/indices/{name}"), 404, &missing);
                self.say(&format!("/{name}/_search"), 404, &missing);
                continue;
            }
            self.say(&format!("/_cat/indices/{name}"), 200, &shapes::rows(&rows));
            self.say(&format!("/{name}/_search"), 200, &shapes::search(cluster, &rows));
        }
    }

    /// Lets a path answer something else.
    pub fn say(&self, path: &str, status: u16, body: &Value) {
        let kind = "application/json; charset=UTF-8";
        self.site.answer(path, Answer::new(status, body.to_string()).header("content-type", kind));
    }

    /// The site below it: what was asked, and answers of any form.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.site.address())
    }
}

/// What is said to a credential that is refused.
pub fn unauthorized() -> Value {
    shapes::unauthorized()
}

/// What is said to a user without the privilege.
pub fn forbidden() -> Value {
    shapes::forbidden()
}

/// What is said of a question that can't be answered.
pub fn refused() -> Value {
    shapes::refused()
}
