//! The struct's fields matched with the table's columns. Owns that every column a row cannot do
//! without is there, and that no field stands for nothing.

use fieldseal_policy::{Column, Seal, Table, Treatment};
use syn::{Ident, Type};

use crate::attributes::{Marked, Whole};
use crate::names;

/// A field and what its column is.
pub(crate) struct Field<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) column: &'a str,
    pub(crate) role: Role<'a>,
    /// Its number among the bound columns.
    pub(crate) bound: Option<usize>,
}

pub(crate) enum Role<'a> {
    Key,
    Kept,
    Sealed(SealedField<'a>),
}

/// A sealed field with the fields that stand beside it in the row.
pub(crate) struct SealedField<'a> {
    pub(crate) column: &'a Column,
    pub(crate) seal: &'a Seal,
    /// Number among the struct's sealed fields.
    pub(crate) number: usize,
    pub(crate) indexes: Vec<Ident>,
    pub(crate) masks: Vec<Ident>,
    /// One for each index.
    pub(crate) constants: Vec<Ident>,
}

/// Matches fields by the names of columns in the new database.
pub(crate) fn matched<'a>(
    whole: &Whole,
    marked: &'a [Marked],
    table: &'a Table,
) -> syn::Result<Vec<Field<'a>>> {
    let mut fields = Vec::with_capacity(marked.len());
    let mut sealed = 0;
    for mark in marked {
        let role = role(mark, table, sealed)?;
        if matches!(role, Role::Sealed(_)) {
            sealed += 1;
        }
        let bound = table.bound_columns();
        fields.push(Field {
            ident: &mark.ident,
            ty: &mark.ty,
            column: &mark.column,
            bound: bound.iter().position(|column| column.target == mark.column),
            role,
        });
    }
    let needed = table.key.iter().chain(table.bound_columns());
    for column in needed {
        if !fields.iter().any(|field| field.column == column.target) {
            let text = format!(
                "the struct needs a field for the key column `{}`: values are bound to it",
                column.target
            );
            return Err(syn::Error::new(whole.table.span(), text));
        }
    }
    Ok(fields)
}

fn role<'a>(mark: &Marked, table: &'a Table, number: usize) -> syn::Result<Role<'a>> {
    if table.key.iter().any(|column| column.target == mark.column) {
        return Ok(Role::Key);
    }
    let column = table
        .columns
        .iter()
        .find(|column| column.target == mark.column);
    match column.map(|column| (column, &column.treatment)) {
        Some((_, Treatment::Keep)) => Ok(Role::Kept),
        Some((column, Treatment::Seal(seal))) => {
            let indexes = seal.indexes.iter();
            let masks = seal.masks.iter();
            let constants = indexes.clone();
            Ok(Role::Sealed(SealedField {
                column,
                seal,
                number,
                indexes: indexes
                    .map(|index| names::member(&index.column, mark.span))
                    .collect::<syn::Result<_>>()?,
                masks: masks
                    .map(|mask| names::member(&mask.column, mark.span))
                    .collect::<syn::Result<_>>()?,
                constants: constants
                    .map(|index| names::constant(&mark.column, &index.name, mark.span))
                    .collect(),
            }))
        }
        Some((_, Treatment::Drop)) | None => {
            let text = format!(
                "table \"{}\" has no column `{}` in the new database",
                table.id, mark.column
            );
            Err(syn::Error::new(mark.span, text))
        }
    }
}
