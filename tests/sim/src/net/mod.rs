//! Endpoints on loopback: certificates of every sort, a web site whose answers, delays and
//! certificate can be changed while it runs, a DNS server, and servers that are broken on purpose.

pub mod broken;
pub mod dns;
pub mod mill;
pub mod porter;
pub mod proxy;
pub mod site;
pub mod staple;
