//! The workload's table as an application has it: the six sealed fields, and a blind index of one.

use std::ops::Range;

use fieldseal::{Beside, Pii, Sealed, Vault};

use crate::report::Failure;
use crate::workload::Personal;

/// All are texts: a date costs what a text of ten bytes costs, and reading it besides.
#[derive(Sealed)]
#[sealed(table = "shop.customers", target = "customers_sealed")]
pub(super) struct Customer {
    #[sealed(key)]
    pub(super) id: i64,
    #[sealed(domain = "identity")]
    full_name: Pii<String>,
    #[sealed(domain = "identity")]
    birth_date: Pii<String>,
    #[sealed(domain = "contact")]
    #[sealed(index(name = "exact", normalise = ["trim/1", "nfkc_casefold/1"], column = "email_bidx"))]
    email: Pii<String>,
    #[sealed(domain = "contact")]
    phone: Pii<String>,
    #[sealed(domain = "contact")]
    address: Pii<String>,
    #[sealed(domain = "contact")]
    notes: Pii<String>,
}

impl Customer {
    /// The customer of row `number`, from 0.
    fn numbered(number: u64) -> Self {
        let values = Personal::of(number);
        Self {
            id: id(number),
            full_name: Pii::new(values.name),
            birth_date: Pii::new(values.born),
            email: Pii::new(values.email),
            phone: Pii::new(values.phone),
            address: Pii::new(values.address),
            notes: Pii::new(values.notes),
        }
    }
}

/// The key of row `number`.
pub(super) fn id(number: u64) -> i64 {
    number.cast_signed() + 1
}

/// The columns' ids and sealed bytes.
pub(super) fn cells(row: &SealedCustomer) -> [(&'static str, &[u8]); 6] {
    [
        ("full_name", &row.full_name),
        ("birth_date", &row.birth_date),
        ("email", &row.email),
        ("phone", &row.phone),
        ("address", &row.address),
        ("notes", &row.notes),
    ]
    .map(|(column, cell)| (column, cell.sealed().unwrap_or_default()))
}

/// Rows as they are fetched: with the blind index, or by a statement that does not select it.
pub(super) async fn sealed(
    vault: &Vault,
    numbers: Range<u64>,
    index: bool,
) -> Result<Vec<SealedCustomer>, Failure> {
    let customers: Vec<Customer> = numbers.map(Customer::numbered).collect();
    let sealed = vault.seal_all(&customers).await;
    let mut rows = sealed.map_err(|error| Failure::of("sealing", &error))?;
    if !index {
        for row in &mut rows {
            row.email_bidx = Beside::Absent;
        }
    }
    Ok(rows)
}
