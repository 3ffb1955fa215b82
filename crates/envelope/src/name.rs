//! The names that bind a value to its place: domain, purpose, table id and column id.
//! Owns their limits (`docs/FORMAT.md`, sections 2 and 4); does not know which ones exist.

use std::fmt;
use std::str::FromStr;

use crate::aad::lp_into;

/// A named class of data with data keys of its own, such as `contact`. Permanent.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

/// A text that is no domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a domain is 1 to 63 characters, a lower case letter and then a-z, 0-9, `_` or `-`; change its name"
)]
pub struct InvalidDomain;

impl Domain {
    /// The domain's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Domain {
    type Err = InvalidDomain;

    fn from_str(text: &str) -> Result<Self, InvalidDomain> {
        let [first, rest @ ..] = text.as_bytes() else {
            return Err(InvalidDomain);
        };
        let tail = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if !first.is_ascii_lowercase() || rest.len() > 62 || !rest.iter().all(tail) {
            return Err(InvalidDomain);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({})", self.0)
    }
}

/// What a data key is for. A key of one purpose never serves another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Seals columns.
    Seal,
    /// Seals free values: caches, queues, anything that is no column.
    Value,
    /// Makes blind indexes.
    Index,
}

/// A word that is no purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown purpose; the purposes are seal, value and index")]
pub struct UnknownPurpose;

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 3] = [Self::Seal, Self::Value, Self::Index];

    /// The word that is hashed, stored and sent to a KMS.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Value => "value",
            Self::Index => "index",
        }
    }
}

impl FromStr for Purpose {
    type Err = UnknownPurpose;

    fn from_str(word: &str) -> Result<Self, UnknownPurpose> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.as_str() == word)
            .ok_or(UnknownPurpose)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A table or column id that is empty or longer than 255 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a table or column id is 1 to 255 bytes; shorten it")]
pub struct InvalidName;

fn checked(text: impl Into<String>) -> Result<String, InvalidName> {
    let text = text.into();
    if (1..=255).contains(&text.len()) {
        Ok(text)
    } else {
        Err(InvalidName)
    }
}

macro_rules! place_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The exact bytes of the policy.
            ///
            /// # Errors
            /// [`InvalidName`] unless the text is 1 to 255 bytes.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                checked(text).map(Self)
            }

            /// The id's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

place_id! {
    /// A table's permanent id, by default `schema.table`; never taken from a record.
    TableId
}

place_id! {
    /// A column's permanent id; never taken from a record.
    ColumnId
}

/// One column of one table. Its parts have types of their own, so that swapping them does not
/// compile:
///
/// ```compile_fail
/// use fieldseal_envelope::{ColumnId, ColumnRef, TableId};
/// let table = TableId::new("shop.customers").unwrap();
/// let column = ColumnId::new("email").unwrap();
/// let _ = ColumnRef::new(column, table);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnRef {
    table: TableId,
    column: ColumnId,
    /// lp(table) ‖ lp(column), which stands in every AAD: written once, copied for every value.
    bound: Box<[u8]>,
}

impl ColumnRef {
    /// The column `column` of the table `table`.
    #[must_use]
    pub fn new(table: TableId, column: ColumnId) -> Self {
        let mut bound = Vec::new();
        lp_into(&mut bound, table.as_str().as_bytes());
        lp_into(&mut bound, column.as_str().as_bytes());
        Self {
            table,
            column,
            bound: bound.into_boxed_slice(),
        }
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &TableId {
        &self.table
    }

    /// The column.
    #[must_use]
    pub const fn column(&self) -> &ColumnId {
        &self.column
    }

    /// The bytes that bind a value or an index to this column (`docs/FORMAT.md`, sections 2 and 4).
    pub(crate) const fn bound(&self) -> &[u8] {
        &self.bound
    }
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.column, self.table)
    }
}

#[cfg(test)]
mod tests {
    use super::{ColumnId, Domain, Purpose, TableId};

    #[test]
    fn domains_are_checked() {
        let long = format!("a{}", "z".repeat(62));
        for good in ["a", "contact", "a-b_9", long.as_str()] {
            assert_eq!(good.parse::<Domain>().unwrap().as_str(), good);
        }
        let too_long = format!("{long}z");
        for bad in ["", "A", "9a", "-a", "a b", "a.b", "é", too_long.as_str()] {
            assert!(bad.parse::<Domain>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_are_1_to_255_bytes() {
        assert!(TableId::new("").is_err());
        assert!(ColumnId::new("é".repeat(128)).is_err());
        assert!(ColumnId::new("x".repeat(255)).is_ok());
    }

    #[test]
    fn purposes_have_one_spelling() {
        for purpose in Purpose::ALL {
            assert_eq!(purpose.as_str().parse(), Ok(purpose));
        }
        assert!("Seal".parse::<Purpose>().is_err());
    }
}
