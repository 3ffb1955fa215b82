//! Copies of personal data are made by name: `duplicate`.

#[derive(Clone)]
struct Customer {
    email: fieldseal::Pii<String>,
}

fn main() {}
