//! Key columns: which columns can identify a row.

use fieldseal_model::Kind;

use crate::check::name::Claims;
use crate::check::{name, value_type};
use crate::mistakes::{Gathered, Spot};
use crate::spelling::{At, KeyEntry, KeySpelling, KeyTypeSpelling, TableSection, Word};
use crate::table::KeyColumn;

/// The row key; its columns claim their names in the new database.
pub(super) fn columns(
    key: &At<KeySpelling>,
    claims: &mut Claims,
    gathered: &mut Gathered,
) -> Option<Vec<KeyColumn>> {
    let columns = each(&key.value, &key.spot, gathered);
    let mut whole = !columns.is_empty();
    for (column, (name, ty)) in columns.iter().zip(&key.value.0) {
        let spot = match &ty.value {
            KeyTypeSpelling::Detailed(section) => section.target.spot().unwrap_or(&name.spot),
            KeyTypeSpelling::Kind(_) => &name.spot,
        };
        whole &= column
            .as_ref()
            .is_some_and(|column| claims.target_column(&column.target, spot, gathered));
    }
    columns
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .filter(|_| whole)
}

/// Whether the section names `column` in its key, with or without a mistake in its type.
pub(super) fn names(section: &TableSection, column: &str) -> bool {
    let key = section.key.get().map_or(&[][..], |key| &key.value.0);
    key.iter().any(|(name, _)| name.value == column)
}

/// The columns of a key or a binding, `None` for one with a mistake. There must be one, none
/// twice, each of a kind that a key can have.
pub(super) fn each(
    list: &KeySpelling,
    spot: &Spot,
    gathered: &mut Gathered,
) -> Vec<Option<KeyColumn>> {
    let entries = &list.0;
    if !(1..=255).contains(&entries.len()) {
        gathered.add(
            spot,
            "name 1 to 255 columns: the source's primary key, or a unique key that is never NULL, \
             such as { id = \"integer\" }",
        );
        return Vec::new();
    }
    let mut claims = Claims::of("column", "name it once");
    let column = |entry: &KeyEntry| {
        let unique = claims.claim(&entry.0.value, &entry.0.spot, gathered);
        key_column(entry, gathered).filter(|_| unique)
    };
    entries.iter().map(column).collect()
}

fn key_column((name, spelling): &KeyEntry, gathered: &mut Gathered) -> Option<KeyColumn> {
    let named = name::database(&name.value, &name.spot, gathered);
    let kind = match &spelling.value {
        KeyTypeSpelling::Kind(kind) => Some(*kind),
        KeyTypeSpelling::Detailed(section) => {
            section.kind.get().map(|at| at.value).map(|Word(kind)| kind)
        }
    };
    let identifies = kind.is_some_and(|kind| identifies(kind, &spelling.spot, gathered));
    let ty = value_type::of_key(&spelling.value, gathered);
    let target = match &spelling.value {
        KeyTypeSpelling::Kind(_) => Some(name.value.clone()),
        KeyTypeSpelling::Detailed(section) => section.target.or(name.value.clone()),
    };
    (named && identifies).then_some(())?;
    Some(KeyColumn {
        name: name.value.clone(),
        target: target?,
        ty: ty?,
    })
}

fn identifies(kind: Kind, spot: &Spot, gathered: &mut Gathered) -> bool {
    if !kind.may_be_key() {
        gathered.add(
            spot,
            format!(
                "a column of kind {kind} cannot identify a row; the kinds that can are integer, \
                 text, bytes, uuid, decimal, date, datetime and timestamp"
            ),
        );
    }
    kind.may_be_key()
}
