//! A customer of the demo's shop. Owns what the service knows of one; how each column is sealed is
//! the pipeline's policy's to say.

use fieldseal::{Pii, Sealed};
use serde::{Deserialize, Serialize};

/// Both the row and the JSON that clients send and get. The policy is read when the crate is built;
/// a customer's columns that are not named here are left as they are.
#[derive(Deserialize, Sealed, Serialize)]
#[sealed(
    policy = "../../pipeline-config/quickstart.toml",
    table = "shop.customers"
)]
#[serde(deny_unknown_fields)]
pub(crate) struct Customer {
    /// The service's to give, never the client's.
    #[serde(skip_deserializing)]
    pub(crate) id: i64,
    #[serde(default, with = "fieldseal::exposed")]
    pub(crate) name: Option<Pii<String>>,
    #[serde(default, with = "fieldseal::exposed")]
    pub(crate) email: Option<Pii<String>>,
    #[serde(default, with = "fieldseal::exposed")]
    pub(crate) phone: Option<Pii<String>>,
    pub(crate) loyalty: Option<String>,
    pub(crate) points: Option<i32>,
}
