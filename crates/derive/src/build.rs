//! The expression that builds the table at run time. Owns its spelling.

use fieldseal_envelope::Mask;
use fieldseal_model::{Kind, ValueType};
use fieldseal_policy::Table;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::fields::{Field, Role, SealedField};

/// `Table::new("customers").key("id")…`; `?` stands where the run time checks once more.
pub(crate) fn table(table: &Table, fields: &[Field<'_>]) -> TokenStream {
    let name = &table.target;
    let keys = table.key.iter().map(|key| &key.target);
    let bound = table.bound_columns().iter().map(|column| {
        let (name, ty) = (&column.target, value_type(&column.ty));
        quote!(.bound(#name, #ty)?)
    });
    let columns = fields.iter().filter_map(|field| match &field.role {
        Role::Sealed(sealed) => Some(column(table, sealed)),
        Role::Key | Role::Kept => None,
    });
    quote!(::fieldseal::Table::new(#name) #(.key(#keys))* #(#bound)* #(.column(#columns))*)
}

fn column(table: &Table, field: &SealedField<'_>) -> TokenStream {
    let SealedField { column, seal, .. } = field;
    let (table_id, column_id) = (table.id.as_str(), column.id.as_str());
    let (domain, kind, ty) = (
        seal.domain.as_str(),
        kind(seal.ty.kind),
        value_type(&seal.ty),
    );
    let (table_name, column_name) = (&table.target, &column.target);
    let pad = seal.pad.map(|pad| {
        let bytes = pad.bytes();
        quote!(.pad(#bytes)?)
    });
    let null = seal.seal_null.then(|| quote!(.seal_null()));
    let indexes = seal.indexes.iter().map(|index| {
        let normalisers = index.definition.normalisers().iter();
        let normalisers = normalisers.map(|normaliser| normaliser.as_str());
        let (name, column) = (&index.name, &index.column);
        let bytes = u32::try_from(index.bytes.bytes()).unwrap_or(u32::MAX);
        quote!(.index(#name, &[#(#normalisers),*], #bytes, #column)?)
    });
    let masks = seal.masks.iter().map(|mask| match mask.mask {
        Mask::KeepLast(kept) => quote!(.keep_last(#kept)),
        Mask::EmailDomain => quote!(.email_domain()),
    });
    quote! {
        ::fieldseal::Column::new(#table_id, #column_id, #domain, #kind)?
            .named(#table_name, #column_name)
            .of_type(#ty)
            #pad #null #(#indexes)* #(#masks)*
    }
}

/// `Kind::Text`.
pub(crate) fn kind(kind: Kind) -> TokenStream {
    let variant = format_ident!("{kind:?}");
    quote!(::fieldseal::Kind::#variant)
}

fn value_type(ty: &ValueType) -> TokenStream {
    let kind = kind(ty.kind);
    let width = ty
        .width
        .map(|width| quote!(ty.width = ::std::option::Option::Some(#width);));
    let bits = ty
        .bits
        .map(|bits| quote!(ty.bits = ::std::option::Option::Some(#bits);));
    let scale = ty
        .scale
        .map(|scale| quote!(ty.scale = ::std::option::Option::Some(#scale);));
    let fixed_char = ty.fixed_char.then(|| quote!(ty.fixed_char = true;));
    quote! {{
        #[allow(unused_mut)]
        let mut ty = ::fieldseal::__private::ValueType::of(#kind);
        #width #bits #scale #fixed_char
        ty
    }}
}
