//! The keyring against a store in memory and providers that fail on command, and the local
//! provider against the file system.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

mod attacks;
mod budget;
mod doubles;
mod local_file;
mod opening;
mod rewrap;
