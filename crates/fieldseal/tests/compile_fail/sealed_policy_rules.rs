//! What the policy's checker refuses in a policy file, it refuses in attributes.

use fieldseal::Sealed;

#[derive(Sealed)]
#[sealed(table = "shop.people")]
struct Person {
    #[sealed(key)]
    id: i64,
    #[sealed(domain = "Contact")]
    phone: String,
    #[sealed(domain = "contact", seal_null)]
    note: Option<String>,
    #[sealed(domain = "contact", index(name = "exact", column = "adult_bidx"))]
    adult: bool,
}

fn main() {}
