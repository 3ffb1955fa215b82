//! The JSON Schema of the policy file, for editors. It catches slips while typing; what is
//! allowed is decided by [`crate::Policy::parse`].

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::json;

use crate::spelling::File;

/// The JSON Schema of the policy file, pretty-printed, with a newline at the end. Draft 7: what
/// TOML tools for editors support stops short of newer drafts.
#[must_use]
pub fn json_schema() -> String {
    let generator = SchemaGenerator::new(SchemaSettings::draft07());
    let mut schema = generator.into_root_schema_for::<File>();
    schema.insert("title".to_owned(), json!("Fieldseal policy"));
    format!("{:#}\n", schema.to_value())
}
