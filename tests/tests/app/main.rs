//! The crate that applications link, over real databases: rows that the pipeline sealed are opened
//! by it, rows that it sealed are opened by `fieldseal open`'s reader, and what is not right is
//! refused with an error that says so and shows no value.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

mod bad_values;
mod both_ways;
mod key_service;
mod new_keys;
mod plaintext;
mod python;
mod shop;
