//! `#[derive(Sealed)]` of the crate `fieldseal`, which documents it.
//!
//! Owns turning a struct, and what the pipeline's policy says of its table, into the code that
//! moves its fields between the struct and a row. It knows no key and no database. What is allowed
//! is decided by the policy's own checker: attributes are written out as a policy and read back, so
//! a table described by attributes passes what a table in a policy file passes.

mod attributes;
mod build;
mod code;
mod described;
mod fields;
mod names;
mod policy_file;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// See the crate `fieldseal`.
///
/// Where a field and its column are called differently, `bind(…)` names the column. The constant of
/// an index is called by the column and the index, `EMAIL_EXACT`, with a `_` before a digit.
#[proc_macro_derive(Sealed, attributes(sealed))]
pub fn sealed(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

fn expand(input: &DeriveInput) -> syn::Result<proc_macro2::TokenStream> {
    let whole = attributes::Whole::read(input)?;
    let marked = attributes::fields(input)?;
    names::one_field_each(&marked)?;
    let (table, tracked) = match &whole.policy {
        Some(path) => policy_file::table(&whole, path, &marked)?,
        None => (described::table(&whole, &marked)?, None),
    };
    let fields = fields::matched(&whole, &marked, &table)?;
    names::differ(&fields)?;
    Ok(code::code(input, &table, &fields, tracked.as_deref()))
}
