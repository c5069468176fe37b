//! The drill on a real object store, with what barman truly wrote into it, and on a real API server,
//! under the shipped checklist.
//!
//! Where their programs can't be had (`tests/store.sh` and `tests/cluster.sh` say why), it is not
//! run, and says so.

mod archive;
mod mirror;
mod on_cluster;
mod on_store;
