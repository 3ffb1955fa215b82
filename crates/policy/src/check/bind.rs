//! What sealed values are bound to. An opener reads the bound columns from the row as fetched, so
//! they must be there in clear, never NULL, and never change.

use fieldseal_model::ZeroDate;

use crate::check::key;
use crate::mistakes::Gathered;
use crate::spelling::{
    At, BindSpelling, BindWord, ColumnSection, ColumnSpelling, Field, KeyTypeSpelling, PlainWord,
    TableSection,
};
use crate::table::{Absent, Bind, KeyColumn};

/// `key` is the table's, when it has no mistake.
pub(super) fn bind(
    section: &TableSection,
    key: Option<&[KeyColumn]>,
    gathered: &mut Gathered,
) -> Option<Bind> {
    let at = match &section.bind {
        Field::Absent => return Some(Bind::Row),
        Field::Bad => return None,
        Field::Is(at) => at,
    };
    let list = match &at.value {
        BindSpelling::Word(BindWord::Row) => return Some(Bind::Row),
        BindSpelling::Word(BindWord::Column) => return Some(Bind::Column),
        BindSpelling::Columns(list) => list,
    };
    let columns = key::each(list, &at.spot, gathered);
    let mut whole = !columns.is_empty();
    let mut bound = Vec::with_capacity(columns.len());
    for (column, (name, ty)) in columns.into_iter().zip(&list.0) {
        let renamed = match &ty.value {
            KeyTypeSpelling::Detailed(details) => details.target.spot(),
            KeyTypeSpelling::Kind(_) => None,
        };
        if let Some(spot) = renamed {
            gathered.add(
                spot,
                "a bound column is renamed where it is listed; remove it here",
            );
            whole = false;
        }
        let target = target(section, key, name, column.as_ref(), gathered);
        match column.zip(target) {
            Some((column, target)) => bound.push(KeyColumn { target, ..column }),
            None => whole = false,
        }
    }
    whole.then_some(Bind::Columns(bound))
}

/// The name in the new database of the bound column `name`, which `column` is unless its type has
/// a mistake.
fn target(
    section: &TableSection,
    key: Option<&[KeyColumn]>,
    name: &At<String>,
    column: Option<&KeyColumn>,
    gathered: &mut Gathered,
) -> Option<String> {
    if !key::names(section, &name.value) {
        return kept(section, name, gathered);
    }
    let of_key = key?.iter().find(|key| key.name == name.value)?;
    if column?.ty != of_key.ty {
        gathered.add(
            &name.spot,
            "has another type in `key`; write the same in both places",
        );
        return None;
    }
    Some(of_key.target.clone())
}

/// The target name of a bound column that is no key column: it must be listed and kept.
fn kept(section: &TableSection, name: &At<String>, gathered: &mut Gathered) -> Option<String> {
    let entries = match &section.columns {
        Field::Bad => return None,
        Field::Absent => &[][..],
        Field::Is(at) => &at.value.0,
    };
    let entry = entries
        .iter()
        .find(|(column, _)| column.value == name.value);
    let found = match entry {
        None => Err("is not listed; list it under `columns` as \"keep\""),
        // A mistake in the column has been gathered.
        Some((_, None)) => return None,
        Some((_, Some(at))) => bindable(&at.value, &name.value),
    };
    found
        .map_err(|mistake| gathered.add(&name.spot, mistake))
        .ok()?
}

/// The target name of a listed column, `None` if that is a mistake already.
fn bindable(spelling: &ColumnSpelling, name: &str) -> Result<Option<String>, &'static str> {
    match spelling {
        ColumnSpelling::Plain(PlainWord::Keep) => Ok(Some(name.to_owned())),
        ColumnSpelling::Plain(PlainWord::Drop) => {
            Err("a dropped column cannot be bound to: whoever opens a value must read it")
        }
        ColumnSpelling::Detailed(column) if !column.seal.is_absent() => {
            Err("a sealed column cannot be bound to: whoever opens a value must read it in clear")
        }
        ColumnSpelling::Detailed(column) => match may_be_null(column) {
            Some(mistake) => Err(mistake),
            None => Ok(column.target.or(name.to_owned())),
        },
    }
}

/// Why a kept column could become NULL or another value than it was.
fn may_be_null(column: &ColumnSection) -> Option<&'static str> {
    let absent = column.absent.get().map(|at| at.value.0);
    let zero_date = column.zero_date.get().map(|at| at.value.0);
    if absent.is_some_and(|absent| absent != Absent::Quarantine) {
        Some("a bound column is never NULL or made up; remove its `absent`")
    } else if zero_date == Some(ZeroDate::Null) {
        Some("a bound column is never NULL; remove its `zero_date`")
    } else {
        None
    }
}
