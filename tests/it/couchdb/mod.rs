//! CouchDB in and out, against a real server (see `server`).

mod differences;
pub(crate) mod faults;
pub(crate) mod program;
pub(crate) mod proxy;
mod saving;
mod selecting;
pub(crate) mod server;
mod shapes;
mod strict;
