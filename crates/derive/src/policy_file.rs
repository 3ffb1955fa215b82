//! A table of the pipeline's own policy file, read when the crate is built. Owns finding the file;
//! the compiler is told of it, so that a changed policy builds anew.

use std::path::Path;

use fieldseal_policy::{Policy, Table};
use syn::LitStr;

use crate::attributes::{Marked, Whole};

/// The table, and the file's whole path.
pub(crate) fn table(
    whole: &Whole,
    path: &LitStr,
    fields: &[Marked],
) -> syn::Result<(Table, Option<String>)> {
    let failed = |text: String| syn::Error::new(path.span(), text);
    if let Some(field) = fields.iter().find(|field| marked(field)) {
        let text = "the policy says how a field is sealed: only `column` may stand here";
        return Err(syn::Error::new(field.span, text));
    }
    let folder = std::env::var_os("CARGO_MANIFEST_DIR")
        .ok_or_else(|| failed("CARGO_MANIFEST_DIR is not set; build with cargo".to_owned()))?;
    let file = Path::new(&folder).join(path.value());
    let text = std::fs::read_to_string(&file);
    let text = text.map_err(|error| failed(format!("{}: {error}", path.value())))?;
    let policy = Policy::parse(&text);
    let policy = policy.map_err(|mistakes| failed(mistakes.in_file(&path.value())))?;
    let name = whole.table.value();
    let table = policy
        .tables()
        .iter()
        .find(|t| t.id.as_str() == name || t.source.to_string() == name || t.target == name);
    let table = table.cloned().ok_or_else(|| {
        let text = format!("{} has no table \"{name}\"", path.value());
        syn::Error::new(whole.table.span(), text)
    })?;
    let tracked = file.to_str().map(str::to_owned);
    Ok((table, tracked))
}

fn marked(field: &Marked) -> bool {
    field.key || !field.seal.is_empty() || !field.indexes.is_empty() || !field.masks.is_empty()
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use crate::expand;

    /// What compiling this struct against a policy file says.
    fn refused(policy: &str, table: &str) -> String {
        let input: syn::DeriveInput = parse_quote! {
            #[sealed(policy = #policy, table = #table)]
            struct Person { id: i64, email: String }
        };
        expand(&input).expect_err("it is refused").to_string()
    }

    #[test]
    fn a_mistake_of_the_file_stands_with_its_line() {
        let text = refused("policies/mistaken.toml", "shop.people");
        assert!(text.starts_with("policies/mistaken.toml:16:"), "{text}");
        assert!(text.contains("unknown kind"), "{text}");
    }

    #[test]
    fn a_column_has_one_field() {
        let file = "../../pipeline-config/quickstart.toml";
        let input: syn::DeriveInput = parse_quote! {
            #[sealed(policy = #file, table = "shop.customers")]
            struct Customer { id: i64, name: String, #[sealed(column = "name")] nickname: String }
        };
        let text = expand(&input).expect_err("it is refused").to_string();
        let said = "field `name` is the column `name` already";
        assert!(text.contains(said), "{text}");
    }

    #[test]
    fn a_table_or_column_that_the_file_lacks() {
        let file = "../../pipeline-config/quickstart.toml";
        let text = refused(file, "shop.people");
        assert!(text.contains("has no table \"shop.people\""), "{text}");
        let input: syn::DeriveInput = parse_quote! {
            #[sealed(policy = #file, table = "shop.customers")]
            struct Customer { id: i64, internal_score: i32 }
        };
        let text = expand(&input).expect_err("it is refused").to_string();
        assert!(text.contains("has no column `internal_score`"), "{text}");
        let input: syn::DeriveInput = parse_quote! {
            #[sealed(policy = #file, table = "shop.customers")]
            struct Customer { email: String }
        };
        let text = expand(&input).expect_err("it is refused").to_string();
        assert!(
            text.contains("needs a field for the key column `id`"),
            "{text}"
        );
    }
}
