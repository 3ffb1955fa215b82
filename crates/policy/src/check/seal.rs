//! How a column is sealed: domain, padding, blind indexes and masks.

use fieldseal_envelope::{Definition, Domain, IndexLength, Mask, Pad};
use fieldseal_model::{Kind, ValueType};

use crate::check::column::Context;
use crate::check::name::Claims;
use crate::check::{scalar, value_type};
use crate::mistakes::{Gathered, Spot};
use crate::spelling::{At, ColumnSection, Field, IndexSection, MaskSection};
use crate::table::{BlindIndex, MaskColumn, Seal};

/// Quarantined records are sealed in this domain, so that access to them is granted apart.
const QUARANTINE: &str = "quarantine";

pub(super) fn seal(
    name: &At<String>,
    section: &ColumnSection,
    context: &mut Context<'_>,
    gathered: &mut Gathered,
) -> Option<Seal> {
    let domain = domain_of(section, gathered);
    let ty = value_type::of_column(section, &name.spot, gathered);
    let pad = value_type::optional(&section.pad, |at| pad(at, gathered));
    let null_good = null(section, gathered);
    let indexes = indexes(section, ty.as_ref(), context, gathered);
    let masks = masks(section, ty.as_ref(), context, gathered);
    let kept = section.keep.is_absent();
    (null_good && kept).then_some(())?;
    Some(Seal {
        domain: domain?,
        ty: ty?,
        pad: pad?,
        seal_null: section.seal_null.or(false)?,
        indexes: indexes?,
        masks: masks?,
    })
}

/// The domain, unless it is absent or a mistake.
pub(super) fn domain_of(section: &ColumnSection, gathered: &mut Gathered) -> Option<Domain> {
    section.seal.get().and_then(|at| domain(at, gathered))
}

fn domain(at: &At<String>, gathered: &mut Gathered) -> Option<Domain> {
    if at.value == QUARANTINE {
        gathered.add(
            &at.spot,
            "the domain \"quarantine\" is for quarantined records alone, so that access to them is \
             granted apart; choose another",
        );
        return None;
    }
    let domain = at.value.parse::<Domain>();
    domain
        .map_err(|error| gathered.add(&at.spot, error.to_string()))
        .ok()
}

fn pad(at: &At<u64>, gathered: &mut Gathered) -> Option<Pad> {
    let bytes = scalar::within(at, 2..=4_096, gathered)?;
    let pad = Pad::new(bytes);
    pad.map_err(|error| gathered.add(&at.spot, error.to_string()))
        .ok()
}

/// Whether `seal_null`, if it is there, hides what it is there to hide.
fn null(section: &ColumnSection, gathered: &mut Gathered) -> bool {
    let Some(at) = section.seal_null.get().filter(|at| at.value) else {
        return true;
    };
    let mistakes = [
        (
            section.pad.is_absent(),
            "seal_null needs pad: without it the length tells which values are NULL",
        ),
        (
            !section.index.is_absent(),
            "seal_null excludes index: the index of NULL is NULL and tells which values are",
        ),
        (
            !section.mask.is_absent(),
            "seal_null excludes mask: the mask of NULL is NULL and tells which values are",
        ),
    ];
    let mut good = true;
    for (_, mistake) in mistakes.iter().filter(|(wrong, _)| *wrong) {
        gathered.add(&at.spot, *mistake);
        good = false;
    }
    good
}

fn indexes(
    section: &ColumnSection,
    ty: Option<&ValueType>,
    context: &mut Context<'_>,
    gathered: &mut Gathered,
) -> Option<Vec<BlindIndex>> {
    let list = match &section.index {
        Field::Absent => return Some(Vec::new()),
        Field::Bad => return None,
        Field::Is(at) => &at.value,
    };
    let mut names = Claims::of("index", "every index of a column has a name of its own");
    let mut indexes = Vec::with_capacity(list.len());
    for at in list {
        let name = at.value.name.get();
        let free = name.is_none_or(|name| names.claim(&name.value, &name.spot, gathered));
        let index = index(at, ty, context, gathered);
        indexes.extend(index.filter(|_| free));
    }
    (indexes.len() == list.len()).then_some(indexes)
}

fn index(
    at: &At<IndexSection>,
    ty: Option<&ValueType>,
    context: &mut Context<'_>,
    gathered: &mut Gathered,
) -> Option<BlindIndex> {
    let section = &at.value;
    let name = section
        .name
        .get()
        .and_then(|name| index_name(name, gathered));
    let column = claimed(&section.column, context, gathered);
    let length = index_length(section, gathered);
    let accept_leak = section.accept_leak.or(false)?;
    let definition = definition(section, &at.spot, ty?, accept_leak, gathered);
    Some(BlindIndex {
        name: name?,
        definition: definition?,
        bytes: length?,
        column: column?,
        unique: section.unique.or(false)?,
        accept_leak,
    })
}

fn index_name(at: &At<String>, gathered: &mut Gathered) -> Option<String> {
    if (1..=64).contains(&at.value.chars().count()) && !at.value.contains(char::is_control) {
        return Some(at.value.clone());
    }
    gathered.add(
        &at.spot,
        "an index name is 1 to 64 characters, none of them a control character",
    );
    None
}

fn index_length(section: &IndexSection, gathered: &mut Gathered) -> Option<IndexLength> {
    let at = match &section.bytes {
        Field::Absent => return Some(IndexLength::default()),
        Field::Bad => return None,
        Field::Is(at) => at,
    };
    let bytes = scalar::within::<u32>(at, 8..=32, gathered)?;
    if bytes < 16 && section.unique.get().is_some_and(|unique| unique.value) {
        gathered.add(
            &at.spot,
            "a unique index needs 16 bytes or more, lest two values share one by chance",
        );
        return None;
    }
    let length = IndexLength::new(bytes);
    length
        .map_err(|error| gathered.add(&at.spot, error.to_string()))
        .ok()
}

fn definition(
    section: &IndexSection,
    spot: &Spot,
    ty: &ValueType,
    accept_leak: bool,
    gathered: &mut Gathered,
) -> Option<Definition> {
    let normalisers: Vec<_> = match &section.normalise {
        Field::Absent => Vec::new(),
        Field::Bad => return None,
        Field::Is(at) => at.value.iter().map(|at| at.value.0).collect(),
    };
    if ty.kind == Kind::Json {
        gathered.add(
            spot,
            "a column of kind json can have no blind index, since one JSON value has many \
             spellings; remove the index",
        );
        return None;
    }
    if betrays(ty.kind) && !accept_leak {
        gathered.add(
            spot,
            format!(
                "an index over a column of kind {} betrays its values, since there are few to try \
                 or to count; remove the index, or say accept_leak = true",
                ty.kind
            ),
        );
        return None;
    }
    let definition = Definition::new(ty.kind, normalisers);
    let spot = section.normalise.spot().unwrap_or(spot);
    definition
        .map_err(|error| gathered.add(spot, error.to_string()))
        .ok()
}

/// Kinds with few likely values. An enumeration is a text here; `check` sees its type at the
/// target.
const fn betrays(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Boolean | Kind::Float | Kind::Date | Kind::DateTime | Kind::Timestamp | Kind::Time
    )
}

fn masks(
    section: &ColumnSection,
    ty: Option<&ValueType>,
    context: &mut Context<'_>,
    gathered: &mut Gathered,
) -> Option<Vec<MaskColumn>> {
    let list = match &section.mask {
        Field::Absent => return Some(Vec::new()),
        Field::Bad => return None,
        Field::Is(at) => &at.value,
    };
    let mut masks = Vec::with_capacity(list.len());
    for at in list {
        let column = claimed(&at.value.column, context, gathered);
        let mask = mask(at, ty, gathered);
        masks.extend(
            mask.zip(column)
                .map(|(mask, column)| MaskColumn { mask, column }),
        );
    }
    (masks.len() == list.len()).then_some(masks)
}

fn mask(at: &At<MaskSection>, ty: Option<&ValueType>, gathered: &mut Gathered) -> Option<Mask> {
    let section = &at.value;
    let mask = match (&section.keep_last, &section.email_domain) {
        (Field::Absent, Field::Is(truth)) if truth.value => Mask::EmailDomain,
        (Field::Is(kept), Field::Absent) => Mask::KeepLast(scalar::within(kept, 1..=16, gathered)?),
        (Field::Bad, _) | (_, Field::Bad) => return None,
        _ => {
            gathered.add(&at.spot, "say either keep_last = 4 or email_domain = true");
            return None;
        }
    };
    let kind = ty?.kind;
    let fits = match mask {
        Mask::EmailDomain => kind == Kind::Text,
        Mask::KeepLast(_) => matches!(kind, Kind::Text | Kind::Integer),
    };
    if !fits {
        gathered.add(
            &at.spot,
            format!(
                "a column of kind {kind} has no such mask: keep_last is for text and integer, \
                 email_domain for text; remove it"
            ),
        );
    }
    fits.then_some(mask)
}

/// The target column of an index or a mask.
fn claimed(
    field: &Field<String>,
    context: &mut Context<'_>,
    gathered: &mut Gathered,
) -> Option<String> {
    let at = field.get()?;
    let free = context.targets.target_column(&at.value, &at.spot, gathered);
    free.then(|| at.value.clone())
}
