//! The code that is made: the row, its reading and binding by sqlx, the trait. Owns its spelling.

use fieldseal_policy::Table;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt as _;
use syn::{DeriveInput, Ident};

use crate::build;
use crate::fields::{Field, Role, SealedField};

/// Everything for one struct. The types of its fields stand in it as they are spelled, so type
/// parameters have names that no type has.
pub(crate) fn code(
    input: &DeriveInput,
    table: &Table,
    fields: &[Field<'_>],
    tracked: Option<&str>,
) -> TokenStream {
    let row = format_ident!("Sealed{}", input.ident, span = input.ident.span());
    let parts = [
        row_struct(input, &row, fields),
        from_row(&row, fields),
        bind_row(input, &row, fields),
        sealed(input, &row, table, fields),
        indexes(input, fields),
        kinds(table, fields),
    ];
    let tracked = tracked.map(|path| {
        quote!(
            const _: &[u8] = ::std::include_bytes!(#path);
        )
    });
    quote!(#(#parts)* #tracked)
}

/// The type of a field in the row.
fn row_type(field: &Field<'_>) -> TokenStream {
    let ty = field.ty;
    match field.role {
        Role::Sealed(_) => {
            quote!(::fieldseal::Cell<<#ty as ::fieldseal::Field>::Value>)
        }
        Role::Key | Role::Kept => quote!(#ty),
    }
}

fn row_struct(input: &DeriveInput, row: &Ident, fields: &[Field<'_>]) -> TokenStream {
    let vis = &input.vis;
    let text = format!("A row of [`{}`] as the database holds it.", input.ident);
    let members = fields.iter().map(|field| {
        let (ident, ty, column) = (field.ident, row_type(field), field.column);
        let doc = format!("The column `{column}`.");
        let (indexes, masks) = beside(field);
        quote! {
            #[doc = #doc]
            pub #ident: #ty,
            #(#[doc = "A blind index."] pub #indexes: ::fieldseal::Beside<::std::vec::Vec<u8>>,)*
            #(#[doc = "A mask."] pub #masks: ::fieldseal::Beside<::std::string::String>,)*
        }
    });
    let name = row.to_string();
    quote! {
        #[doc = #text]
        // Its names are those of the struct and of columns.
        #[allow(non_snake_case)]
        #vis struct #row { #(#members)* }

        #[automatically_derived]
        impl ::std::fmt::Debug for #row {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(#name).finish_non_exhaustive()
            }
        }
    }
}

/// The fields beside a sealed one.
fn beside<'a>(field: &'a Field<'_>) -> (&'a [Ident], &'a [Ident]) {
    match &field.role {
        Role::Sealed(SealedField { indexes, masks, .. }) => (indexes, masks),
        Role::Key | Role::Kept => (&[], &[]),
    }
}

fn from_row(row: &Ident, fields: &[Field<'_>]) -> TokenStream {
    let sqlx = quote!(::fieldseal::__private::sqlx);
    let bounds = fields.iter().map(|field| {
        let ty = row_type(field);
        quote!(#ty: #sqlx::Decode<'r, __R::Database> + #sqlx::Type<__R::Database>,)
    });
    let members = fields.iter().map(|field| {
        let (ident, column) = (field.ident, field.column);
        let (indexes, masks) = beside(field);
        let others = indexes.iter().chain(masks);
        let names = others.clone().map(|beside| beside.unraw().to_string());
        quote! {
            #ident: #sqlx::Row::try_get(row, #column)?,
            #(#others: ::fieldseal::Beside::read(row, #names)?,)*
        }
    });
    quote! {
        #[automatically_derived]
        impl<'r, __R> #sqlx::FromRow<'r, __R> for #row
        where
            __R: #sqlx::Row,
            for<'n> &'n str: #sqlx::ColumnIndex<__R>,
            ::std::option::Option<::std::vec::Vec<u8>>:
                #sqlx::Decode<'r, __R::Database> + #sqlx::Type<__R::Database>,
            ::std::option::Option<::std::string::String>:
                #sqlx::Decode<'r, __R::Database> + #sqlx::Type<__R::Database>,
            #(#bounds)*
        {
            fn from_row(row: &'r __R) -> ::std::result::Result<Self, #sqlx::Error> {
                ::std::result::Result::Ok(Self { #(#members)* })
            }
        }
    }
}

fn bind_row(input: &DeriveInput, row: &Ident, fields: &[Field<'_>]) -> TokenStream {
    let sqlx = quote!(::fieldseal::__private::sqlx);
    let owner = &input.ident;
    let bounds = fields.iter().map(|field| {
        let ty = field.ty;
        match field.role {
            Role::Sealed(_) => {
                quote!(<#ty as ::fieldseal::Field>::Value: ::fieldseal::Plain<__DB>,)
            }
            Role::Key | Role::Kept => {
                quote!(for<'v> #ty: #sqlx::Encode<'v, __DB> + #sqlx::Type<__DB>,)
            }
        }
    });
    let binds = fields.iter().map(|field| {
        let (ident, column) = (field.ident, field.column);
        let (indexes, masks) = beside(field);
        let others = indexes.iter().chain(masks);
        let names = others.clone().map(|beside| beside.unraw().to_string());
        let own = match field.role {
            Role::Key => quote!(binds.key(#column, &self.#ident)?;),
            Role::Kept => quote!(binds.kept(#column, &self.#ident)?;),
            Role::Sealed(_) => quote!(binds.cell(#column, &self.#ident)?;),
        };
        quote!(#own #(binds.beside(#names, &self.#others)?;)*)
    });
    quote! {
        #[automatically_derived]
        impl<__DB> ::fieldseal::BindRow<__DB> for #row
        where
            __DB: #sqlx::Database,
            for<'v> ::std::vec::Vec<u8>: #sqlx::Encode<'v, __DB> + #sqlx::Type<__DB>,
            for<'v> ::std::option::Option<::std::vec::Vec<u8>>:
                #sqlx::Encode<'v, __DB> + #sqlx::Type<__DB>,
            for<'v> ::std::option::Option<::std::string::String>:
                #sqlx::Encode<'v, __DB> + #sqlx::Type<__DB>,
            #(#bounds)*
        {
            fn table() -> &'static ::fieldseal::Table {
                <#owner as ::fieldseal::Sealed>::table()
            }

            fn bind(
                &self,
                binds: &mut ::fieldseal::Binds<__DB>,
            ) -> ::std::result::Result<(), #sqlx::error::BoxDynError> {
                #(#binds)*
                ::std::result::Result::Ok(())
            }
        }
    }
}

fn sealed(input: &DeriveInput, row: &Ident, table: &Table, fields: &[Field<'_>]) -> TokenStream {
    let owner = &input.ident;
    let built = build::table(table, fields);
    let mut bound: Vec<_> = fields.iter().filter(|f| f.bound.is_some()).collect();
    bound.sort_by_key(|field| field.bound);
    let bound: Vec<&Ident> = bound.iter().map(|field| field.ident).collect();
    let of = |make: fn(&Field<'_>, &SealedField<'_>) -> TokenStream| {
        fields.iter().filter_map(move |field| match &field.role {
            Role::Sealed(sealed) => Some(make(field, sealed)),
            Role::Key | Role::Kept => None,
        })
    };
    let values = of(|field, _| {
        let ident = field.ident;
        quote!(values.push(&self.#ident)?;)
    });
    let next = of(|field, sealed| {
        let (ident, local) = (field.ident, local(sealed));
        quote!(let mut #local = fields.next(&self.#ident)?;)
    });
    let cells = of(|field, sealed| {
        let (ident, number, indexes) = (field.ident, sealed.number, &sealed.indexes);
        let fetched = indexes
            .iter()
            .map(|index| quote!(|| !::std::matches!(row.#index, ::fieldseal::Beside::Absent)));
        quote!(cells.push(#number, row.#ident.sealed(), false #(#fetched)*);)
    });
    let to_row = fields.iter().map(to_row);
    let opened = fields.iter().map(opened);
    let result = quote!(::std::result::Result);
    quote! {
        #[automatically_derived]
        impl ::fieldseal::Sealed for #owner {
            type Row = #row;

            fn table() -> &'static ::fieldseal::Table {
                static TABLE: ::std::sync::OnceLock<::fieldseal::Table> =
                    ::std::sync::OnceLock::new();
                TABLE.get_or_init(|| {
                    let build = || -> #result<::fieldseal::Table, ::fieldseal::InvalidTable> {
                        #result::Ok(#built)
                    };
                    build().expect("the derive has checked the table")
                })
            }

            fn values(
                &self,
                values: &mut ::fieldseal::__private::Values,
            ) -> #result<(), ::fieldseal::Error> {
                #(values.binding.push(&self.#bound)?;)*
                #(#values)*
                #result::Ok(())
            }

            fn row(
                &self,
                fields: &mut ::fieldseal::__private::Fields,
            ) -> #result<#row, ::fieldseal::Error> {
                #(#next)*
                #result::Ok(#row { #(#to_row)* })
            }

            fn cells(row: &#row, cells: &mut ::fieldseal::__private::Cells) {
                #(#cells)*
            }

            fn open(
                mut row: #row,
                opening: &mut ::fieldseal::__private::RowOpening<'_>,
            ) -> #result<Self, ::fieldseal::Error> {
                #(opening.bind(&row.#bound)?;)*
                #result::Ok(Self { #(#opened)* })
            }
        }
    }
}

/// A field on its way into the row.
fn to_row(field: &Field<'_>) -> TokenStream {
    let ident = field.ident;
    let Role::Sealed(sealed) = &field.role else {
        return quote!(#ident: ::std::clone::Clone::clone(&self.#ident),);
    };
    let (indexes, masks, local) = (&sealed.indexes, &sealed.masks, local(sealed));
    quote! {
        #(#indexes: #local.index(),)*
        #(#masks: #local.mask(),)*
        #ident: #local.cell,
    }
}

/// What a sealed field is called on its way into the row: never by its own name, which may be that
/// of a parameter.
fn local(sealed: &SealedField<'_>) -> Ident {
    format_ident!("sealed_{}", sealed.number)
}

/// A field on its way out of the row.
fn opened(field: &Field<'_>) -> TokenStream {
    let ident = field.ident;
    let Role::Sealed(sealed) = &field.role else {
        return quote!(#ident: row.#ident,);
    };
    let (number, indexes) = (sealed.number, &sealed.indexes);
    quote!(#ident: opening.field(#number, &mut row.#ident, &[#(&row.#indexes),*])?,)
}

/// A constant for each blind index: `EMAIL_EXACT`.
fn indexes(input: &DeriveInput, fields: &[Field<'_>]) -> TokenStream {
    let (owner, vis) = (&input.ident, &input.vis);
    let constants = fields.iter().flat_map(|field| {
        let Role::Sealed(sealed) = &field.role else {
            return Vec::new();
        };
        let number = sealed.number;
        let named = sealed.seal.indexes.iter().enumerate();
        let constant = |(index, blind): (usize, &fieldseal_policy::BlindIndex)| {
            let name = &sealed.constants[index];
            let doc = format!("The blind index `{}` of `{}`.", blind.name, field.column);
            quote! {
                #[doc = #doc]
                #vis const #name: ::fieldseal::Index<Self> = ::fieldseal::Index::new(#number, #index);
            }
        };
        named.map(constant).collect()
    });
    quote! {
        #[allow(dead_code)]
        impl #owner { #(#constants)* }
    }
}

/// Refuses to compile where a field's type is of another kind than its column.
fn kinds(table: &Table, fields: &[Field<'_>]) -> TokenStream {
    let checks = fields.iter().filter_map(|field| {
        let ty = field.ty;
        let (of, kind) = match &field.role {
            Role::Sealed(sealed) => (
                quote!(<<#ty as ::fieldseal::Field>::Value as ::fieldseal::FieldValue>::KIND),
                sealed.seal.ty.kind,
            ),
            Role::Key | Role::Kept => {
                let bound = table.bound_columns().get(field.bound?)?;
                (
                    quote!(<#ty as ::fieldseal::FieldValue>::KIND),
                    bound.ty.kind,
                )
            }
        };
        let text = format!(
            "field `{}`: its column is of kind {kind}, its type is not",
            field.ident
        );
        let kind = build::kind(kind);
        Some(quote!(::std::assert!(::fieldseal::__private::same_kind(#of, #kind), #text);))
    });
    quote!(const _: () = { #(#checks)* };)
}
