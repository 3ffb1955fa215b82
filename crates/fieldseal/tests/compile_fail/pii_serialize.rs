//! An answer with personal data says so: `#[serde(with = "fieldseal::exposed")]`.

#[derive(serde::Serialize)]
struct Answer {
    email: fieldseal::Pii<String>,
}

fn main() {}
