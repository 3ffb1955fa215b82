//! A text in a column of integers.

use fieldseal::Sealed;

#[derive(Sealed)]
#[sealed(table = "shop.people")]
struct Person {
    #[sealed(key)]
    id: i64,
    #[sealed(domain = "contact", kind = "integer")]
    phone: String,
}

fn main() {}
