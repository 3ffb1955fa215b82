//! The columns of one table that are no key columns.

use fieldseal_envelope::ColumnId;
use fieldseal_model::{Kind, ValueType, ZeroDate};

use crate::check::name::Claims;
use crate::check::{key, name, scalar, seal, value_type};
use crate::mistakes::{Gathered, Spot};
use crate::spelling::{At, ColumnSection, ColumnSpelling, Field, PlainWord, TableSection, Word};
use crate::table::{Absent, Bind, Column, Seal, Treatment};

/// What the columns of one table share while they are checked.
pub(super) struct Context<'a> {
    /// Columns that sealed values are bound to, with what their values are.
    bound: Vec<(&'a str, &'a ValueType)>,
    /// The table's word, unless that is a mistake.
    absent: Option<Absent>,
    /// Names taken in the new database.
    pub(super) targets: &'a mut Claims,
    /// Ids of sealed columns.
    ids: Claims,
}

/// Checks every listed column.
pub(super) fn columns(
    section: &TableSection,
    bind: Option<&Bind>,
    targets: &mut Claims,
    gathered: &mut Gathered,
) -> Option<Vec<Column>> {
    let entries = match &section.columns {
        Field::Absent => return Some(Vec::new()),
        Field::Bad => return None,
        Field::Is(at) => &at.value.0,
    };
    let bound = match bind {
        Some(Bind::Columns(columns)) => columns.iter().map(|c| (c.name.as_str(), &c.ty)).collect(),
        _ => Vec::new(),
    };
    let mut context = Context {
        bound,
        absent: section
            .absent
            .or(Word(Absent::default()))
            .map(|Word(absent)| absent),
        targets,
        ids: Claims::of(
            "column id",
            "ids are unique and permanent; give this column another `id`",
        ),
    };
    let mut whole = true;
    let mut columns = Vec::with_capacity(entries.len());
    for (name, spelling) in entries {
        let Some(spelling) = spelling else {
            whole = false;
            continue;
        };
        if key::names(section, &name.value) {
            whole &= listed_key(spelling, gathered);
        } else {
            match column(name, &spelling.value, &mut context, gathered) {
                Some(column) => columns.push(column),
                None => whole = false,
            }
        }
    }
    whole.then_some(columns)
}

/// A key column is kept whether it is listed or not; anything else is refused.
fn listed_key(spelling: &At<ColumnSpelling>, gathered: &mut Gathered) -> bool {
    let mistake = match &spelling.value {
        ColumnSpelling::Plain(PlainWord::Keep) => return true,
        ColumnSpelling::Plain(PlainWord::Drop) => {
            "a key column cannot be dropped: rows are found by it; remove this entry"
        }
        ColumnSpelling::Detailed(column) if !column.seal.is_absent() => {
            // The domain is told as well: the column may be sealed once another one is the key.
            seal::domain_of(column, gathered);
            "a key column cannot be sealed: rows are found, ordered and bound by it, so it stands \
             in the new database in clear; if it is PII, give the source table a key that is not \
             (a number or a UUID), name that one in `key`, and seal this as an ordinary column \
             with a unique blind index"
        }
        ColumnSpelling::Detailed(_) => {
            "a key column is kept as it is; remove this entry, and rename the column in `key` with \
             { kind = …, target = … }"
        }
    };
    gathered.add(&spelling.spot, mistake);
    false
}

impl Context<'_> {
    fn bound(&self, name: &str) -> Option<&ValueType> {
        let mut bound = self.bound.iter();
        bound.find(|(bound, _)| *bound == name).map(|(_, ty)| *ty)
    }
}

fn column(
    name: &At<String>,
    spelling: &ColumnSpelling,
    context: &mut Context<'_>,
    gathered: &mut Gathered,
) -> Option<Column> {
    let named = name::database(&name.value, &name.spot, gathered);
    let section = match spelling {
        ColumnSpelling::Plain(word) => {
            let column = plain(name, *word, context, gathered);
            return column.filter(|_| named);
        }
        ColumnSpelling::Detailed(section) => section,
    };
    let treatment = treatment(name, section, context, gathered);
    let id = id(name, section, context, gathered);
    let target = target(name, section, context, gathered);
    let absent = absent(name, section, treatment.as_ref(), context, gathered);
    let width = width(name, section, context, gathered);
    let Word(zero_date) = section.zero_date.or(Word(ZeroDate::Error))?;
    named.then_some(())?;
    Some(Column {
        name: name.value.clone(),
        id: id?,
        target: target?,
        treatment: treatment?,
        absent: absent?,
        zero_date,
        width: width?,
    })
}

/// `"keep"` or `"drop"`.
fn plain(
    name: &At<String>,
    word: PlainWord,
    context: &mut Context<'_>,
    gathered: &mut Gathered,
) -> Option<Column> {
    let treatment = match word {
        PlainWord::Keep => Treatment::Keep,
        PlainWord::Drop => Treatment::Drop,
    };
    let free = word == PlainWord::Drop
        || context
            .targets
            .target_column(&name.value, &name.spot, gathered);
    let id = column_id(&name.value, &name.spot, gathered)?;
    let bound = context.bound(&name.value);
    let absent = match bound {
        Some(_) => Absent::Quarantine,
        None => context.absent?,
    };
    let width = bound.and_then(bytes_width);
    free.then(|| Column {
        name: name.value.clone(),
        id,
        target: name.value.clone(),
        treatment,
        absent,
        zero_date: ZeroDate::Error,
        width,
    })
}

/// To how many bytes a kept column's values are filled up; a bound column's are as the opener
/// takes them.
fn width(
    name: &At<String>,
    section: &ColumnSection,
    context: &Context<'_>,
    gathered: &mut Gathered,
) -> Option<Option<u32>> {
    if section.keep.is_absent() {
        return Some(None);
    }
    let said = value_type::optional(&section.width, |at| scalar::within(at, 1..=255, gathered))?;
    let Some(bound) = context.bound(&name.value) else {
        return Some(said);
    };
    let bound = bytes_width(bound);
    match section.width.spot() {
        Some(spot) if said != bound => {
            gathered.add(
                spot,
                "is not what `bind` says of the column; leave it out here, and let `bind` say it",
            );
            None
        }
        _ => Some(bound),
    }
}

/// n of BINARY(n).
fn bytes_width(ty: &ValueType) -> Option<u32> {
    ty.width
        .filter(|_| matches!(ty.kind, Kind::Bytes | Kind::Uuid))
}

fn treatment(
    name: &At<String>,
    section: &ColumnSection,
    context: &mut Context<'_>,
    gathered: &mut Gathered,
) -> Option<Treatment> {
    match (section.seal.is_absent(), section.keep.is_absent()) {
        (false, true) => {
            let seal = seal::seal(name, section, context, gathered)?;
            Some(Treatment::Seal(Box::new(seal)))
        }
        (true, false) => kept(section, gathered).then_some(Treatment::Keep),
        (_, _) => {
            gathered.add(
                &name.spot,
                "say either seal = \"<domain>\" or keep = true; a column that is left out is \
                 spelled \"drop\" and nothing else",
            );
            None
        }
    }
}

/// Whether a kept column says nothing that only a sealed one can.
fn kept(section: &ColumnSection, gathered: &mut Gathered) -> bool {
    let mut good = match section.keep.get() {
        Some(at) if !at.value => {
            gathered.add(
                &at.spot,
                "keep is true or not there; spell a dropped column \"drop\"",
            );
            false
        }
        keep => keep.is_some(),
    };
    let only_sealed: [Option<&Spot>; 9] = [
        section.kind.spot(),
        section.bits.spot(),
        section.scale.spot(),
        section.fixed_char.spot(),
        section.pad.spot(),
        section.seal_null.spot(),
        section.index.spot(),
        section.mask.spot(),
        section.id.spot(),
    ];
    for spot in only_sealed.into_iter().flatten() {
        gathered.add(
            spot,
            "says nothing of a column that is kept, which is written as the target's own type; \
             remove it, or seal the column",
        );
        good = false;
    }
    good
}

fn id(
    name: &At<String>,
    section: &ColumnSection,
    context: &mut Context<'_>,
    gathered: &mut Gathered,
) -> Option<ColumnId> {
    let at = match &section.id {
        Field::Absent => name,
        Field::Bad => return None,
        Field::Is(at) => at,
    };
    let id = column_id(&at.value, &at.spot, gathered)?;
    if section.seal.is_absent() {
        return Some(id);
    }
    let unique = context.ids.claim(&at.value, &at.spot, gathered);
    unique.then_some(id)
}

fn column_id(id: &str, spot: &Spot, gathered: &mut Gathered) -> Option<ColumnId> {
    let id = ColumnId::new(id);
    id.map_err(|_| gathered.add(spot, "an id is 1 to 255 bytes; correct it"))
        .ok()
}

fn target(
    name: &At<String>,
    section: &ColumnSection,
    context: &mut Context<'_>,
    gathered: &mut Gathered,
) -> Option<String> {
    let at = match &section.target {
        Field::Absent => name,
        Field::Bad => return None,
        Field::Is(at) => at,
    };
    let free = context.targets.target_column(&at.value, &at.spot, gathered);
    free.then(|| at.value.clone())
}

/// What the column becomes when a record lacks it; a sealed column's kind must have that value.
fn absent(
    name: &At<String>,
    section: &ColumnSection,
    treatment: Option<&Treatment>,
    context: &Context<'_>,
    gathered: &mut Gathered,
) -> Option<Absent> {
    if context.bound(&name.value).is_some() {
        return Some(Absent::Quarantine);
    }
    let (absent, spot) = match &section.absent {
        Field::Absent => (context.absent?, &name.spot),
        Field::Bad => return None,
        Field::Is(at) => (at.value.0, &at.spot),
    };
    if absent == Absent::Empty
        && matches!(treatment, Some(Treatment::Keep))
        && !section.width.is_absent()
    {
        gathered.add(
            spot,
            "absent = \"empty\" is for text and bytes of any length, and this column's have its \
             `width`; give it absent = \"null\" or \"quarantine\"",
        );
        return None;
    }
    if absent == Absent::Empty
        && let Some(Treatment::Seal(seal)) = treatment
        && !has_empty_value(seal)
    {
        gathered.add(
            spot,
            format!(
                "absent = \"empty\" is for text and bytes of any length, and this column is of \
                 kind {}; give it absent = \"null\" or \"quarantine\"",
                seal.ty.kind
            ),
        );
        return None;
    }
    Some(absent)
}

fn has_empty_value(seal: &Seal) -> bool {
    match seal.ty.kind {
        Kind::Text => true,
        Kind::Bytes => seal.ty.width.is_none() && seal.ty.bits.is_none(),
        _ => false,
    }
}
