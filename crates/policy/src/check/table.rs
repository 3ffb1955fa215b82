//! One table: its names, and the parts of it put together.

use fieldseal_envelope::TableId;
use fieldseal_model::TableName;

use crate::check::name::Claims;
use crate::check::{TableClaims, bind, column, key, name};
use crate::mistakes::Gathered;
use crate::spelling::{At, Field, TableSection, Word};
use crate::table::{Absent, FirstLoad, KeyChange, Table, Unlisted};

pub(super) fn table(
    header: &At<String>,
    section: &TableSection,
    claims: &mut TableClaims,
    gathered: &mut Gathered,
) -> Option<Table> {
    let mut columns = Claims::of_target_columns();
    let id = id(header, section, gathered);
    let source = source(header, section, gathered);
    let target = target(header, section, source.as_ref(), gathered);
    let spots = [
        section.id.spot().unwrap_or(&header.spot),
        section.source.spot().unwrap_or(&header.spot),
        section.target.spot().unwrap_or(&header.spot),
    ];
    let own = claims.claim(
        spots,
        id.as_ref(),
        source.as_ref(),
        target.as_deref(),
        gathered,
    );
    let key = section
        .key
        .get()
        .and_then(|key| key::columns(key, &mut columns, gathered));
    let bind = bind::bind(section, key.as_deref(), gathered);
    let absent = section.absent.or(Word(Absent::default()));
    let columns = column::columns(section, bind.as_ref(), &mut columns, gathered);
    let accept_cascades = cascades(section, gathered);
    let table = Table {
        id: id?,
        source: source?,
        target: target?,
        key: key?,
        bind: bind?,
        absent: absent?.0,
        key_change: section.key_change.or(Word(KeyChange::default()))?.0,
        first_load: section.first_load.or(Word(FirstLoad::default()))?.0,
        unlisted: section.unlisted.or(Word(Unlisted::default()))?.0,
        accept_cascades: accept_cascades?,
        columns: columns?,
    };
    own.then_some(table)
}

fn id(header: &At<String>, section: &TableSection, gathered: &mut Gathered) -> Option<TableId> {
    let at = match &section.id {
        Field::Absent => header,
        Field::Bad => return None,
        Field::Is(at) => at,
    };
    let id = TableId::new(at.value.as_str());
    id.map_err(|_| gathered.add(&at.spot, "an id is 1 to 255 bytes; correct it"))
        .ok()
}

fn source(
    header: &At<String>,
    section: &TableSection,
    gathered: &mut Gathered,
) -> Option<TableName> {
    if section.source.is_absent() {
        return source_of(header, gathered);
    }
    let names = &section.source.get()?.value;
    let mut named = |field: &Field<String>| {
        let at = field.get()?;
        name::database(&at.value, &at.spot, gathered).then(|| at.value.clone())
    };
    let (schema, table) = (named(&names.schema), named(&names.table));
    Some(TableName {
        schema: schema?,
        table: table?,
    })
}

/// The source table that a section is named after.
fn source_of(header: &At<String>, gathered: &mut Gathered) -> Option<TableName> {
    let Some((schema, table)) = header
        .value
        .split_once('.')
        .filter(|(schema, table)| !schema.is_empty() && !table.is_empty() && !table.contains('.'))
    else {
        gathered.add(
            &header.spot,
            "must be \"schema.table\" as records name it; when a name holds a dot itself, or the \
             section has another name, say source = { schema = \"…\", table = \"…\" }",
        );
        return None;
    };
    let schema_good = name::database(schema, &header.spot, gathered);
    let table_good = name::database(table, &header.spot, gathered);
    (schema_good && table_good).then(|| TableName {
        schema: schema.to_owned(),
        table: table.to_owned(),
    })
}

fn target(
    header: &At<String>,
    section: &TableSection,
    source: Option<&TableName>,
    gathered: &mut Gathered,
) -> Option<String> {
    let (name, spot) = match &section.target {
        Field::Absent => (&source?.table, &header.spot),
        Field::Bad => return None,
        Field::Is(at) => (&at.value, &at.spot),
    };
    name::target_table(name, spot, gathered).then(|| name.clone())
}

/// Foreign keys may have any name; an empty one is a slip.
fn cascades(section: &TableSection, gathered: &mut Gathered) -> Option<Vec<String>> {
    let list = match &section.accept_cascades {
        Field::Absent => return Some(Vec::new()),
        Field::Bad => return None,
        Field::Is(list) => &list.value,
    };
    let mut good = true;
    for at in list {
        good &= name::database(&at.value, &at.spot, gathered);
    }
    good.then(|| list.iter().map(|at| at.value.clone()).collect())
}
