//! The checked-in JSON Schema is the one that the types make, and it describes what is parsed.

use std::path::Path;

use serde_json::Value;

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../pipeline-config/schema.json"
);

#[test]
fn the_checked_in_schema_is_current() {
    let made = fieldseal_policy::json_schema();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(Path::new(FILE), &made).expect("the folder is writable");
    }
    let stored = std::fs::read_to_string(FILE).expect("pipeline-config/schema.json is there");
    // Compared as values: the order of keys depends on features that other crates may turn on.
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    assert!(
        value(&stored) == value(&made),
        "pipeline-config/schema.json is out of date; run this test with UPDATE_GOLDEN=1"
    );
}

/// Every section is closed, and every key of it says what it is.
#[test]
fn every_section_is_closed_and_every_key_described() {
    let schema: Value = serde_json::from_str(&fieldseal_policy::json_schema()).unwrap();
    let definitions = schema["definitions"].as_object().unwrap().values();
    let mut keys = 0;
    for section in definitions.chain([&schema]) {
        let Some(properties) = section.get("properties") else {
            continue;
        };
        assert_eq!(section["additionalProperties"], false, "{section}");
        for (key, property) in properties.as_object().unwrap() {
            let about = property["description"].as_str().unwrap_or_default();
            assert!(about.len() > 10, "{key} has no description");
            keys += 1;
        }
    }
    assert!(keys > 40, "only {keys} keys seen");
}

/// `README.md` beside the schema explains every key.
#[test]
fn the_readme_names_every_key() {
    let readme = include_str!("../../../pipeline-config/README.md");
    let schema: Value = serde_json::from_str(&fieldseal_policy::json_schema()).unwrap();
    let definitions = schema["definitions"].as_object().unwrap().values();
    for section in definitions.chain([&schema]) {
        let properties = section.get("properties").and_then(Value::as_object);
        for key in properties.into_iter().flat_map(|keys| keys.keys()) {
            assert!(
                readme.contains(&format!("`{key}`")),
                "README.md lacks `{key}`"
            );
        }
    }
}
