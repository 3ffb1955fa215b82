//! The names in what is made: one for each column that stands beside a sealed one, one for each
//! blind index. Owns that they can be given in Rust, and that no two things have the same.

use std::collections::HashMap;

use proc_macro2::Span;
use quote::format_ident;
use syn::Ident;
use syn::ext::IdentExt as _;

use crate::attributes::Marked;
use crate::fields::{Field, Role};

/// Refuses two fields for one column: a statement would name it twice.
pub(crate) fn one_field_each(marked: &[Marked]) -> syn::Result<()> {
    let mut taken: HashMap<&str, &Ident> = HashMap::new();
    for mark in marked {
        if let Some(first) = taken.insert(&mark.column, &mark.ident) {
            let text = format!(
                "field `{first}` is the column `{}` already; a column has one field",
                mark.column
            );
            return Err(syn::Error::new(mark.span, text));
        }
    }
    Ok(())
}

/// A column's name as that of a field in the row.
pub(crate) fn member(column: &str, span: Span) -> syn::Result<Ident> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let digit = column.starts_with(|c: char| c.is_ascii_digit());
    // These are no names even behind `r#` ("Raw identifiers" in the Rust Reference).
    let reserved = matches!(column, "_" | "crate" | "self" | "super" | "Self");
    if digit || reserved || column.is_empty() || !column.chars().all(plain) {
        let text = format!(
            "the row needs a field for the column `{column}` of an index or mask, and in Rust none \
             can be called so; rename the column"
        );
        return Err(syn::Error::new(span, text));
    }
    // Which words are keywords depends on the edition of whoever derives.
    Ok(Ident::new_raw(column, span))
}

/// The constant of a blind index: `EMAIL_EXACT`.
pub(crate) fn constant(column: &str, index: &str, span: Span) -> Ident {
    let word = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    let name: String = format!("{column}_{index}").chars().map(word).collect();
    let digit = name.starts_with(|c: char| c.is_ascii_digit());
    let prefix = if digit { "_" } else { "" };
    format_ident!("{prefix}{name}", span = span)
}

/// Refuses two fields of the row, and two constants, that have one name.
pub(crate) fn differ(fields: &[Field<'_>]) -> syn::Result<()> {
    let mut constants: HashMap<&Ident, String> = HashMap::new();
    for field in fields {
        let Role::Sealed(sealed) = &field.role else {
            continue;
        };
        for beside in sealed.indexes.iter().chain(&sealed.masks) {
            // The policy's checker has seen to it that these columns differ from all others.
            let other = fields.iter().find(|f| f.ident.unraw() == beside.unraw());
            if let Some(other) = other {
                let text = format!(
                    "the row needs the name `{}` for the index or mask of `{}`; call this field \
                     otherwise, with #[sealed(column = \"{}\")]",
                    other.ident, field.ident, other.column
                );
                return Err(syn::Error::new(other.ident.span(), text));
            }
        }
        for (constant, index) in sealed.constants.iter().zip(&sealed.seal.indexes) {
            let name = &index.name;
            let of = format!("index `{name}` of field `{}`", field.ident);
            if let Some(first) = constants.insert(constant, of) {
                let text = format!(
                    "index `{name}` would be the constant `{constant}`, as {first} is; call one of \
                     them otherwise, or leave one of the fields to another struct: an index's name \
                     is permanent once a value is sealed",
                );
                return Err(syn::Error::new(field.ident.span(), text));
            }
        }
    }
    Ok(())
}
