//! What an application links to read, write and look up sealed data, with no other change to how
//! it uses sqlx.
//!
//! ```no_run
//! # #[cfg(feature = "sqlite")]
//! # mod program {
//! use fieldseal::{Pii, Sealed, Vault};
//! use sqlx::SqlitePool;
//!
//! #[derive(Sealed)]
//! #[sealed(table = "shop.customers")]
//! struct Customer {
//!     #[sealed(key)]
//!     id: i64,
//!     #[sealed(domain = "contact", pad = 32)]
//!     #[sealed(index(name = "exact", normalise = ["trim/1", "nfkc_casefold/1"], column = "email_bidx"))]
//!     email: Pii<String>,
//!     points: i64,
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let url = "sqlite://target.db";
//!     let vault = Vault::start("shop").root_key_file("root.key").open(url).await?;
//!     let pool = SqlitePool::connect(url).await?;
//!     let ada = Customer { id: 1, email: Pii::new("ada@example.org".to_owned()), points: 0 };
//!     fieldseal::insert(&vault.seal(&ada).await?)?.execute(&pool).await?;
//!
//!     let lookup = vault.lookup(Customer::EMAIL_EXACT, " Ada@Example.org".to_owned()).await?;
//!     let rows = sqlx::query_as("SELECT * FROM customers WHERE email_bidx = ?").bind(lookup.value());
//!     for customer in vault.open_found(&lookup, rows.fetch_all(&pool).await?).await? {
//!         println!("customer {} has {} points", customer.id, customer.points);
//!     }
//!     Ok(())
//! }
//! # }
//! # fn main() {}
//! ```
//!
//! # Key concepts
//!
//! - A **sealed value** is encrypted and bound to its place: it opens in its own row, column and
//!   table and nowhere else (`docs/FORMAT.md`). What does not open is an error, never data.
//! - A **domain** is a class of data ("contact", "payment") with keys of its own. Which domains a
//!   process may open is decided by the key service, by what its principal is granted.
//! - A **data key** seals values and lies in the database, wrapped by the key service. The
//!   [`Vault`] unwraps it once, however many tasks ask, and forgets it at its maximum age.
//! - A **blind index** is a keyed hash of a normalised value in a column beside the sealed one, for
//!   equality and uniqueness. A **mask** is a part of the value in clear, by choice of the policy.
//! - The **policy** is the pipeline's file that says all this of every column. A struct says the
//!   same of its table, or takes it from that very file.
//!
//! # Starting
//!
//! [`Vault::start`] names the deployment and who wraps its keys; with the feature `policy` a
//! `PolicyFile` says so as it does to the pipeline. [`Start::open_pool`] takes the application's own
//! pool and keeps up to two connections beside it, [`Start::open`] a URL. [`Start::provider`] is for
//! a key service of one's own; all that its implementation names is in [`keys`].
//!
//! # Rows
//!
//! `#[derive(Sealed)]` on `Customer` makes a struct `SealedCustomer`, the row as the database holds
//! it: sealed fields are [`Cell`]s, an index or a mask is a field of its own (a [`Beside`]), the
//! others are as they were. It implements [`sqlx::FromRow`] for every driver that is built, so
//! `query_as::<_, SealedCustomer>` fetches it.
//!
//! | on the struct | |
//! |---|---|
//! | `table = "shop.customers"` | the table's permanent id, which is part of every value |
//! | `target = "customers"` | its name in the database; the part behind the dot unless said |
//! | `bind = "column"`, `bind(tenant)` | what values are bound to, if not to the key; columns, not fields, are named |
//! | `policy = "../policy.toml"` | instead of all else: take table, kinds, domains and indexes from the pipeline's policy file, relative to the crate's folder. The fields are matched with the columns of the new database by name; the crate is built anew when the file changes |
//!
//! | on a field | |
//! |---|---|
//! | `key` | a column of the row key |
//! | `domain = "contact"` | sealed, in this domain; a field without it is kept in clear |
//! | `kind = "text"` | the kind, where the type's name does not say it |
//! | `pad = 32`, `seal_null` | lengths are hidden up to multiples of this; NULL is sealed too |
//! | `index(name, normalise, bytes, column, unique, accept_leak)` | a blind index |
//! | `mask(keep_last = 4, column = "…")`, `mask(email_domain, column = "…")` | a mask |
//! | `id`, `column` | the permanent id and the name in the database, where they are not the field's name |
//! | `width`, `bits`, `scale`, `fixed_char` | details of the kind, as in the policy |
//!
//! Either way the policy's own checker decides what is allowed, and a mistake does not compile. But
//! only with `policy = …` is a struct compared with the policy that the database was filled by, when
//! the crate is built. What attributes say is compared with nothing, neither at the start nor by a
//! `PolicyFile`: a misspelt domain gets a key of its own and seals with it, and a field that lacks its
//! `domain` is written in clear wherever the column's type takes it.
//!
//! - [`Vault::seal`], [`Vault::seal_all`] make rows to be bound; [`insert()`] and [`update`] spell the
//!   statement, or bind the row's fields in one of your own.
//! - [`Vault::open`], [`Vault::open_all`], [`Vault::open_each`] open rows. Every missing data key is
//!   fetched in one go; 256 rows or more are opened by all cores. An index that was fetched with its value
//!   is computed again, and one of another value is an [`Error::IndexMismatch`].
//! - [`Vault::seal_field`] and [`Vault::open_field`] do the same for one value, without the derive.
//!
//! A row whose key changes must be sealed anew, whole.
//!
//! # Types
//!
//! See [`FieldValue`]. The kind of a column is sealed with each value: an integer never opens as a
//! date. [`Pii`] is for values that must not be printed; [`Option`] for columns that may be NULL.
//!
//! # Looking up
//!
//! The derive makes a constant for each index, such as `Customer::EMAIL_EXACT`. [`Vault::lookup`]
//! gives the value to compare with the index's column; [`Vault::open_found`] opens the rows found
//! and leaves out those whose value is another one, since several may share a short index.
//!
//! # Access by domain
//!
//! A field of type [`Access<Pii<String>>`](Access) is [`Access::Denied`] where the key service denies
//! this process the field's domain; the rest of the row is there. With any other type that is an
//! [`Error::Denied`], which names table, column and key.
//!
//! A revoked grant works until the keys have reached the vault's maximum age, and an outage of the
//! key service is not felt by reading until then. Sealing needs leave for a number of seals from the
//! key store, so it stops when the store does.
//!
//! # Keys that the database makes
//!
//! A value is bound to its row's key, which must therefore be known when it is sealed.
//!
//! - **Allocated keys**: take the key beforehand (a sequence, a UUID, a table of blocks). One
//!   statement for each row; the best where it can be had.
//! - **[`Vault::insert_with_new_key`]**: inserts, learns the key, updates, in one transaction. Two
//!   statements for each row; for `AUTO_INCREMENT` and identity columns that must stay.
//! - **`bind = "column"`**: values are bound to table and column only. One statement, but whoever
//!   writes the database can swap two rows' values unseen. It is permanent, and the pipeline's
//!   policy must say the same.
//!
//! # The day of the move
//!
//! [`Vault::plaintext`] is a vault for the old database: the same program, the same structs, nothing
//! sealed. So a team deploys first and switches later, by configuration. It is loud in the log and
//! refused for a database that holds sealed data; a sealed database's vault refuses values in clear.
//! [`insert()`], [`update`] and [`Lookup::column`] know which columns there are in either.
//!
//! # Other stores
//!
//! [`Vault::seal_value`] and [`Vault::open_value`] are for anything that is no column, such as a
//! cache or a queue.
//!
//! # Errors
//!
//! [`Error`] names table, column and key id, and never holds a value. sqlx's own errors may: do not
//! log their `Debug` form where rows hold personal data.
//!
//! # Features
//!
//! `sqlite`, `postgres`, `mysql`: the drivers. `derive` (on by default). `aws-kms`: keys wrapped by
//! AWS KMS. `chrono`, `time`, `uuid`, `rust_decimal`, `json`: types. `serde`: [`Pii`] may be
//! serialised by name. `policy`: a vault that starts from the pipeline's policy file. `reader`:
//! reading by a policy that is known only at run time.
//!
//! This crate knows no pipeline, no stream and no DMS.

mod access;
mod beside;
mod bind;
mod cell;
mod column;
mod column_keys;
mod column_opening;
mod conform;
mod error;
#[cfg(feature = "serde")]
pub mod exposed;
mod field;
mod index;
mod insert;
mod open;
mod opening;
mod pii;
mod plain;
#[cfg(feature = "policy")]
mod policy_file;
#[cfg(feature = "reader")]
pub mod reader;
mod seal;
mod start;
mod table;
mod value;
mod vault;

#[doc(hidden)]
pub mod __private;

pub use access::{Access, Denied};
pub use beside::Beside;
pub use bind::{BindRow, Binds, insert, update};
pub use cell::Cell;
pub use column::{Column, InvalidTable};
pub use error::{At, Error};
pub use field::Field;
#[cfg(feature = "derive")]
pub use fieldseal_derive::Sealed;
pub use fieldseal_envelope::KeyId;
pub use fieldseal_keys as keys;
pub use fieldseal_model::{InvalidRowKey, Kind, Plaintext, RowKey, Value};
pub use index::{Index, Lookup};
pub use insert::InsertError;
pub use pii::{Pii, Wipe};
pub use plain::Plain;
#[cfg(feature = "policy")]
pub use policy_file::PolicyFile;
pub use seal::SealedField;
pub use start::{ApplicationPool, Start, StartError};
pub use table::{Sealed, Table};
pub use value::{FieldValue, OddValue};
pub use vault::Vault;
