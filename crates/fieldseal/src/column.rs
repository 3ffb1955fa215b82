//! One sealed column: where it stands, its domain and kind, and what stands beside it. Owns the
//! checked form of what the pipeline's policy says of a column.

use fieldseal_envelope::{
    ColumnId, ColumnRef, Definition, Domain, IndexKey, IndexLength, Mask, Normaliser, Pad, TableId,
};
use fieldseal_model::{Kind, ValueType};

/// A sealed column. `#[derive(Sealed)]` makes one for each sealed field; make one by hand for
/// [`Vault::seal_field`](crate::Vault::seal_field) and
/// [`Vault::open_field`](crate::Vault::open_field).
#[derive(Clone, Debug)]
pub struct Column {
    pub(crate) reference: ColumnRef,
    pub(crate) table: String,
    pub(crate) name: String,
    pub(crate) ty: ValueType,
    pub(crate) domain: Domain,
    pub(crate) pad: Option<Pad>,
    pub(crate) seal_null: bool,
    pub(crate) indexes: Vec<BlindIndex>,
    pub(crate) masks: Vec<Mask>,
}

/// A blind index of a column.
#[derive(Clone, Debug)]
pub(crate) struct BlindIndex {
    name: String,
    pub(crate) definition: Definition,
    pub(crate) length: IndexLength,
    pub(crate) column: String,
}

/// A table or column that cannot be: the text says which word is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct InvalidTable {
    place: String,
    reason: String,
}

impl InvalidTable {
    pub(crate) fn at(place: &str) -> impl FnOnce(String) -> Self {
        |reason| Self {
            place: place.to_owned(),
            reason,
        }
    }
}

impl Column {
    /// The column with the permanent id `column` in the table with the permanent id `table`, whose
    /// values are of this kind and sealed in this domain. Ids, domain and kind are part of every
    /// value: they must be the policy's.
    ///
    /// # Errors
    /// [`InvalidTable`].
    pub fn new(table: &str, column: &str, domain: &str, kind: Kind) -> Result<Self, InvalidTable> {
        let place = format!("{table}.{column}");
        let id = TableId::new(table).map_err(|e| InvalidTable::at(&place)(e.to_string()))?;
        let reference =
            ColumnId::new(column).map_err(|e| InvalidTable::at(&place)(e.to_string()))?;
        let domain = domain.parse::<Domain>();
        Ok(Self {
            reference: ColumnRef::new(id, reference),
            domain: domain.map_err(|e| InvalidTable::at(&place)(e.to_string()))?,
            table: table.to_owned(),
            name: column.to_owned(),
            ty: ValueType::of(kind),
            pad: None,
            seal_null: false,
            indexes: Vec::new(),
            masks: Vec::new(),
        })
    }

    /// What errors call it: the names in the database, where they differ from the ids.
    #[must_use]
    pub fn named(mut self, table: &str, column: &str) -> Self {
        self.table = table.to_owned();
        self.name = column.to_owned();
        self
    }

    /// Lengths are hidden up to multiples of this.
    ///
    /// # Errors
    /// [`InvalidTable`] unless it is 2 to 4,096.
    pub fn pad(mut self, bytes: u32) -> Result<Self, InvalidTable> {
        let pad = Pad::new(bytes);
        self.pad = Some(pad.map_err(|e| InvalidTable::at(&self.place())(e.to_string()))?);
        Ok(self)
    }

    /// NULL is sealed too, instead of staying NULL.
    #[must_use]
    pub const fn seal_null(mut self) -> Self {
        self.seal_null = true;
        self
    }

    /// The details of the kind that the policy gives.
    #[must_use]
    pub fn of_type(mut self, ty: ValueType) -> Self {
        self.ty = ty;
        self
    }

    /// A blind index in the column `column` of the database: `normalisers` by their names with
    /// versions, such as `trim/1`; `bytes` of the hash are kept.
    ///
    /// # Errors
    /// [`InvalidTable`].
    pub fn index(
        mut self,
        name: &str,
        normalisers: &[&str],
        bytes: u32,
        column: &str,
    ) -> Result<Self, InvalidTable> {
        let place = self.place();
        let parsed: Result<Vec<Normaliser>, _> = normalisers.iter().map(|n| n.parse()).collect();
        let parsed = parsed.map_err(|e| InvalidTable::at(&place)(e.to_string()))?;
        let definition = Definition::new(self.ty.kind, parsed);
        let length = IndexLength::new(bytes);
        self.indexes.push(BlindIndex {
            name: name.to_owned(),
            definition: definition.map_err(|e| InvalidTable::at(&place)(e.to_string()))?,
            length: length.map_err(|e| InvalidTable::at(&place)(e.to_string()))?,
            column: column.to_owned(),
        });
        Ok(self)
    }

    /// A mask of the last `kept` characters.
    #[must_use]
    pub fn keep_last(mut self, kept: u8) -> Self {
        self.masks.push(Mask::KeepLast(kept));
        self
    }

    /// A mask of the part behind the last `@`.
    #[must_use]
    pub fn email_domain(mut self) -> Self {
        self.masks.push(Mask::EmailDomain);
        self
    }

    fn place(&self) -> String {
        format!("{}.{}", self.table, self.name)
    }

    /// The key of one of its indexes.
    pub(crate) fn index_key(
        &self,
        index: &BlindIndex,
        data_key: &fieldseal_envelope::DataKey,
    ) -> IndexKey {
        IndexKey::derive(
            data_key,
            &self.domain,
            &self.reference,
            &index.name,
            &index.definition,
        )
    }
}
