//! Attributes that say nothing, too little, or too much.

use fieldseal::Sealed;

#[derive(Sealed)]
struct NoTable {
    id: i64,
}

#[derive(Sealed)]
#[sealed(table = "shop.people")]
struct NoDomain {
    #[sealed(key)]
    id: i64,
    #[sealed(pad = 32)]
    email: String,
}

#[derive(Sealed)]
#[sealed(table = "shop.people")]
struct KindWithoutDomain {
    #[sealed(key)]
    id: i64,
    #[sealed(kind = "text", fixed_char = true)]
    iban: String,
}

#[derive(Sealed)]
#[sealed(table = "shop.people")]
struct Unknown {
    #[sealed(key)]
    id: i64,
    #[sealed(domains = "contact")]
    email: String,
}

#[derive(Sealed)]
#[sealed(table = "shop.people", policy = "nowhere.toml")]
struct NoPolicy {
    id: i64,
}

fn main() {}
