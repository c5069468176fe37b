//! The journal under the real daemon: killed, out of room, on a folder that another has.

mod disk;
mod folder;
mod full;
mod kill;
mod restart;
mod vigie;
