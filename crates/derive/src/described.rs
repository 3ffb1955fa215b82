//! A table described by attributes: written out as a policy, which the policy's checker then
//! reads. Owns that text and the pointing of the checker's mistakes at fields.

use fieldseal_policy::{Policy, Table};
use syn::ext::IdentExt as _;
use syn::{Ident, Type};

use crate::attributes::{Marked, Whole, toml_text};

/// What every policy must say, and a table does not depend on.
const AROUND: &str = "\
[source]\nid = \"derive\"\nengine = \"mysql\"\nfiles.dir = \"none\"\n\
[target]\nurl = \"sqlite://none\"\n\
[keys]\ndeployment = \"derive\"\nlocal.root_file = \"none\"\n";

/// The checked table.
pub(crate) fn table(whole: &Whole, fields: &[Marked]) -> syn::Result<Table> {
    let text = policy(whole, fields)?;
    match Policy::parse(&text) {
        Ok(policy) => {
            let mut tables = policy.tables().to_vec();
            tables
                .pop()
                .ok_or_else(|| syn::Error::new(whole.table.span(), "no table"))
        }
        Err(mistakes) => {
            let mut all: Option<syn::Error> = None;
            for mistake in &mistakes {
                let field = fields
                    .iter()
                    .find(|field| names(&mistake.path, &field.column));
                let span = field.map_or_else(|| whole.table.span(), |field| field.span);
                let error = syn::Error::new(span, &mistake.message);
                match &mut all {
                    Some(all) => all.combine(error),
                    None => all = Some(error),
                }
            }
            Err(all.unwrap_or_else(|| syn::Error::new(whole.table.span(), "no table")))
        }
    }
}

/// Whether the path of a mistake goes through this column.
fn names(path: &str, column: &str) -> bool {
    let (bare, quoted) = (format!(".{column}"), format!(".{}", toml_text(column)));
    [bare, quoted].iter().any(|name| {
        path.split_once(name.as_str())
            .is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}

fn policy(whole: &Whole, fields: &[Marked]) -> syn::Result<String> {
    let table = whole.table.value();
    let section = format!("tables.{}", toml_text(&table));
    let bare = table.rsplit('.').next().unwrap_or(&table).to_owned();
    let target = whole.target.as_ref().map_or(bare, syn::LitStr::value);
    let keys = fields.iter().filter(|field| field.key);
    let keys: Vec<String> = keys.map(key).collect::<syn::Result<_>>()?;
    let mut text = format!(
        "{AROUND}[{section}]\nsource = {{ schema = \"derive\", table = \"derive\" }}\n\
         target = {}\nkey = [{}]\n",
        toml_text(&target),
        keys.join(", ")
    );
    if let Some(bind) = &whole.bind {
        text.push_str(&format!("bind = {bind}\n"));
    }
    if !whole.bound.is_empty() {
        let columns = whole.bound.iter().map(|name| key(bound(name, fields)?));
        let columns: Vec<String> = columns.collect::<syn::Result<_>>()?;
        text.push_str(&format!("bind = [{}]\n", columns.join(", ")));
    }
    text.push_str(&format!("[{section}.columns]\n"));
    for field in fields.iter().filter(|field| !field.key) {
        let column = column(field, whole)?;
        text.push_str(&format!("{} = {column}\n", toml_text(&field.column)));
    }
    Ok(text)
}

/// The field of a column in `bind(…)`.
fn bound<'a>(name: &Ident, fields: &'a [Marked]) -> syn::Result<&'a Marked> {
    let field = fields.iter().find(|field| *name == field.column);
    field.ok_or_else(|| {
        let mut text = format!("bind(…) names columns, and no field has the column `{name}`");
        if let Some(called) = fields.iter().find(|field| field.ident.unraw() == *name) {
            text.push_str(&format!("; that of field `{name}` is `{}`", called.column));
        }
        syn::Error::new(name.span(), text)
    })
}

fn key(field: &Marked) -> syn::Result<String> {
    let kind = kind(field)?;
    let mut entries = vec![format!("kind = {kind}")];
    let details = field.seal.iter();
    let details = details.filter(|(name, _)| name != "kind");
    entries.extend(details.map(|(name, value)| format!("{name} = {value}")));
    let column = toml_text(&field.column);
    Ok(format!("{{ {column} = {{ {} }} }}", entries.join(", ")))
}

fn column(field: &Marked, whole: &Whole) -> syn::Result<String> {
    if !field.is_sealed() {
        // The kind of a bound column stands in `bind`, with its details. Of any other they say that
        // it was to be sealed.
        let of_kind = ["kind", "width", "bits", "scale", "fixed_char"];
        let is_bound = whole.bound.iter().any(|name| *name == field.column);
        let known = |name: &str| is_bound && of_kind.contains(&name);
        let beside = field.indexes.is_empty() && field.masks.is_empty();
        if beside && field.seal.iter().all(|(name, _)| known(name)) {
            return Ok("\"keep\"".to_owned());
        }
        let text = "a sealed field needs its domain: #[sealed(domain = \"…\")]";
        return Err(syn::Error::new(field.span, text));
    }
    let mut entries = Vec::new();
    if field.entry("kind").is_none() {
        entries.push(format!("kind = {}", kind(field)?));
    }
    let given = field.seal.iter();
    entries.extend(given.map(|(name, value)| format!("{name} = {value}")));
    for (name, list) in [("index", &field.indexes), ("mask", &field.masks)] {
        if !list.is_empty() {
            entries.push(format!("{name} = [{}]", list.join(", ")));
        }
    }
    Ok(format!("{{ {} }}", entries.join(", ")))
}

/// The field's kind: as given, or that of a type whose name says it. The code that is made checks
/// it against the type itself.
fn kind(field: &Marked) -> syn::Result<String> {
    if let Some(kind) = field.entry("kind") {
        return Ok(kind.to_owned());
    }
    let kind = kind_of(&field.ty).ok_or_else(|| {
        let text = "the type does not say its kind: #[sealed(kind = \"…\")]";
        syn::Error::new(field.span, text)
    })?;
    Ok(toml_text(kind))
}

fn kind_of(ty: &Type) -> Option<&'static str> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let inner = || match &last.arguments {
        syn::PathArguments::AngleBracketed(list) => list.args.iter().find_map(|arg| match arg {
            syn::GenericArgument::Type(ty) => Some(ty),
            _ => None,
        }),
        _ => None,
    };
    let kind = match last.ident.to_string().as_str() {
        "Option" | "Access" | "Pii" | "Box" => return kind_of(inner()?),
        "Vec" => "bytes",
        "String" => "text",
        "i8" | "i16" | "i32" | "i64" | "i128" | "u8" | "u16" | "u32" | "u64" | "u128" => "integer",
        "bool" => "boolean",
        "f32" | "f64" => "float",
        "Decimal" => "decimal",
        "Uuid" | "Hyphenated" => "uuid",
        "NaiveDate" | "Date" => "date",
        "NaiveDateTime" | "PrimitiveDateTime" => "datetime",
        "DateTime" | "OffsetDateTime" => "timestamp",
        "NaiveTime" | "Time" => "time",
        "RawValue" => "json",
        _ => return None,
    };
    Some(kind)
}
