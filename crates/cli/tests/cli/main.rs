//! The real binary on SQLite and files in a temporary folder. Owns what a person sees: output,
//! exit codes, help; that no output but the two that open values holds one is checked at every
//! call (`shop`).

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

mod admin;
mod demo;
mod errors;
mod help;
mod inspect;
mod life;
mod progress;
mod shop;
mod signals;
mod terminal;
mod two_runs;
mod wraps;
