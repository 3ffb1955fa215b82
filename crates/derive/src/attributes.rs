//! `#[sealed(…)]` on the struct and on its fields. Owns their spelling; what they may say is the
//! policy's checker's to decide.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::parse::Parse as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DeriveInput, Fields, Ident, Lit, LitStr, Token, Type};

/// What stands on the struct.
pub(crate) struct Whole {
    /// The policy's name of the table, and its permanent id unless the policy says otherwise.
    pub(crate) table: LitStr,
    /// The table's name in the database.
    pub(crate) target: Option<LitStr>,
    /// The policy file.
    pub(crate) policy: Option<LitStr>,
    /// `bind`, in TOML, where it is a word.
    pub(crate) bind: Option<String>,
    /// `bind`, where it is columns.
    pub(crate) bound: Vec<Ident>,
}

/// One field with what stands on it.
pub(crate) struct Marked {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    /// Its column in the database.
    pub(crate) column: String,
    pub(crate) key: bool,
    /// The policy's entries of a sealed column, in TOML; none for a kept one.
    pub(crate) seal: Vec<(String, String)>,
    pub(crate) indexes: Vec<String>,
    pub(crate) masks: Vec<String>,
    pub(crate) span: Span,
}

impl Marked {
    pub(crate) fn is_sealed(&self) -> bool {
        self.seal.iter().any(|(name, _)| name == "seal")
    }

    /// An entry in TOML.
    pub(crate) fn entry(&self, name: &str) -> Option<&str> {
        let entry = self.seal.iter().find(|(key, _)| key == name);
        entry.map(|(_, value)| value.as_str())
    }
}

impl Whole {
    pub(crate) fn read(input: &DeriveInput) -> syn::Result<Self> {
        if !input.generics.params.is_empty() {
            let text = "a sealed struct has no parameters: a table's columns have one type each";
            return Err(syn::Error::new(input.generics.span(), text));
        }
        let mut table: Option<LitStr> = None;
        let (mut target, mut policy) = (None, None);
        let (mut bind, mut bound) = (None, Vec::new());
        for attribute in ours(&input.attrs) {
            attribute.parse_nested_meta(|meta| {
                match name(&meta).as_str() {
                    "table" => table = Some(meta.value()?.parse()?),
                    "target" => target = Some(meta.value()?.parse()?),
                    "policy" => policy = Some(meta.value()?.parse()?),
                    "bind" if meta.input.peek(Token![=]) => {
                        let word: LitStr = meta.value()?.parse()?;
                        bind = Some(toml_text(&word.value()));
                    }
                    "bind" => meta.parse_nested_meta(|column| {
                        bound.push(column.path.require_ident()?.unraw());
                        Ok(())
                    })?,
                    _ => {
                        let text = "unknown; on a struct there are table, target, policy and bind";
                        return Err(meta.error(text));
                    }
                }
                Ok(())
            })?;
        }
        let Some(table) = table else {
            let text = "say which table: #[sealed(table = \"schema.table\")]";
            return Err(syn::Error::new(input.ident.span(), text));
        };
        if policy.is_some() && (target.is_some() || bind.is_some() || !bound.is_empty()) {
            let text = "the policy says target and bind; leave them out here";
            return Err(syn::Error::new(table.span(), text));
        }
        Ok(Self {
            table,
            target,
            policy,
            bind,
            bound,
        })
    }
}

/// The struct's fields.
pub(crate) fn fields(input: &DeriveInput) -> syn::Result<Vec<Marked>> {
    let named = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => Some(named),
            _ => None,
        },
        _ => None,
    };
    let Some(named) = named else {
        let text = "only a struct with named fields is a table's row";
        return Err(syn::Error::new(input.ident.span(), text));
    };
    named.named.iter().map(marked).collect()
}

fn marked(field: &syn::Field) -> syn::Result<Marked> {
    let ident = field.ident.clone();
    let ident = ident.ok_or_else(|| syn::Error::new(field.span(), "a field needs a name"))?;
    let mut marked = Marked {
        column: ident.unraw().to_string(),
        span: ident.span(),
        ident,
        ty: field.ty.clone(),
        key: false,
        seal: Vec::new(),
        indexes: Vec::new(),
        masks: Vec::new(),
    };
    for attribute in ours(&field.attrs) {
        attribute.parse_nested_meta(|meta| mark(&meta, &mut marked))?;
    }
    Ok(marked)
}

fn mark(meta: &ParseNestedMeta<'_>, marked: &mut Marked) -> syn::Result<()> {
    let name = name(meta);
    match name.as_str() {
        "key" => marked.key = true,
        "column" => marked.column = meta.value()?.parse::<LitStr>()?.value(),
        "domain" => marked.seal.push(("seal".to_owned(), value(meta)?)),
        "kind" | "id" | "pad" | "width" | "bits" | "scale" | "seal_null" | "fixed_char" => {
            marked.seal.push((name, value(meta)?));
        }
        "index" => marked.indexes.push(inline(meta)?),
        "mask" => marked.masks.push(inline(meta)?),
        _ => {
            let text = "unknown; on a field there are key, column, domain, kind, id, pad, \
                        seal_null, width, bits, scale, fixed_char, index(…) and mask(…)";
            return Err(meta.error(text));
        }
    }
    Ok(())
}

/// `index(name = "exact", unique)` as an inline table of TOML.
fn inline(meta: &ParseNestedMeta<'_>) -> syn::Result<String> {
    let mut entries = Vec::new();
    meta.parse_nested_meta(|entry| {
        entries.push(format!("{} = {}", name(&entry), value(&entry)?));
        Ok(())
    })?;
    Ok(format!("{{ {} }}", entries.join(", ")))
}

/// A value in TOML: a text, a number, a truth, a list of texts; a name alone is `true`.
fn value(meta: &ParseNestedMeta<'_>) -> syn::Result<String> {
    if !meta.input.peek(Token![=]) {
        return Ok("true".to_owned());
    }
    let input = meta.value()?;
    if !input.peek(syn::token::Bracket) {
        return literal(&input.parse()?);
    }
    let list;
    syn::bracketed!(list in input);
    let items = list.parse_terminated(Lit::parse, Token![,])?;
    let items: syn::Result<Vec<String>> = items.iter().map(literal).collect();
    Ok(format!("[{}]", items?.join(", ")))
}

fn literal(literal: &Lit) -> syn::Result<String> {
    match literal {
        Lit::Str(text) => Ok(toml_text(&text.value())),
        Lit::Int(number) => Ok(number.base10_digits().to_owned()),
        Lit::Bool(truth) => Ok(truth.value.to_string()),
        other => {
            let text = "a text, a number, a truth or a list of them";
            Err(syn::Error::new(other.span(), text))
        }
    }
}

/// A text as TOML quotes it.
pub(crate) fn toml_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            control if control.is_control() => {
                quoted.push_str(&format!("\\u{:04X}", u32::from(control)));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

fn ours(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("sealed"))
}

fn name(meta: &ParseNestedMeta<'_>) -> String {
    meta.path.to_token_stream().to_string()
}
