//! Names that are there twice, or that cannot be given in Rust.

use fieldseal::Sealed;

#[derive(Sealed)]
#[sealed(table = "shop.people")]
struct OneColumnTwice {
    #[sealed(key)]
    id: i64,
    name: String,
    #[sealed(column = "name")]
    nickname: String,
}

#[derive(Sealed)]
#[sealed(table = "shop.people")]
struct OneConstantTwice {
    #[sealed(key)]
    id: i64,
    #[sealed(domain = "contact", index(name = "b_c", column = "first"))]
    a: String,
    #[sealed(domain = "contact", index(name = "c", column = "second"))]
    a_b: String,
}

#[derive(Sealed)]
#[sealed(table = "shop.people")]
struct OneFieldTwice {
    #[sealed(key)]
    id: i64,
    #[sealed(column = "mail")]
    email_bidx: String,
    #[sealed(domain = "contact", index(name = "exact", column = "email_bidx"))]
    email: String,
}

#[derive(Sealed)]
#[sealed(table = "shop.people")]
struct NoNameInRust {
    #[sealed(key)]
    id: i64,
    #[sealed(domain = "contact", index(name = "exact", column = "self"))]
    email: String,
}

#[derive(Sealed)]
#[sealed(table = "shop.people")]
struct NoNameAtAll {
    #[sealed(key)]
    id: i64,
    #[sealed(domain = "contact", mask(keep_last = 4, column = "last 4"))]
    phone: String,
}

#[derive(Sealed)]
#[sealed(table = "shop.people", bind(tenant))]
struct BoundByField {
    #[sealed(key)]
    id: i64,
    #[sealed(column = "tenant_id")]
    tenant: i64,
    #[sealed(domain = "contact")]
    phone: String,
}

#[derive(Sealed)]
#[sealed(table = "shop.people", bind(tenant))]
struct BoundByNothing {
    #[sealed(key)]
    id: i64,
    #[sealed(domain = "contact")]
    phone: String,
}

fn main() {}
