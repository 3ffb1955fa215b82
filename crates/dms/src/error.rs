//! Every way in which a record or a cell can be refused. Flat, and without values: an error says
//! what is wrong with the shape, never what stood there.

/// A key of the record's `metadata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// `timestamp`
    Timestamp,
    /// `record-type`
    RecordType,
    /// `operation`
    Operation,
    /// `schema-name`
    SchemaName,
    /// `table-name`
    TableName,
}

impl Field {
    /// DMS's own word for the key.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timestamp => "timestamp",
            Self::RecordType => "record-type",
            Self::Operation => "operation",
            Self::SchemaName => "schema-name",
            Self::TableName => "table-name",
        }
    }
}

/// Why bytes are not a DMS record that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DecodeError {
    /// No object at all: no bytes, or white space only.
    #[error("the stream record holds no JSON object")]
    Empty,
    /// The bytes are not UTF-8 from some point on.
    #[error("the record is not valid UTF-8")]
    NotUtf8,
    /// A byte order mark stands first; DMS writes none.
    #[error("the record starts with a byte order mark, which DMS never writes")]
    ByteOrderMark,
    /// An aggregated record of the Kinesis Producer Library that was not taken apart.
    #[error(
        "the record begins as an aggregated one of the Kinesis Producer Library and could not be taken apart: its checksum or its form is wrong"
    )]
    BrokenAggregate,
    /// A JSON syntax error; the rest of the stream record is unreadable.
    #[error("the record is not valid JSON; the rest of the stream record cannot be read")]
    NotJson,
    /// A JSON value that is not an object.
    #[error("the record is a JSON value that is not an object")]
    NotObject,
    /// One key twice in one object.
    #[error("a key stands twice in one object of the record")]
    DuplicateKey,
    /// A string with a lone surrogate, which has no UTF-8 form.
    #[error("a string of the record holds a lone surrogate escape")]
    LoneSurrogate,
    /// No `metadata`.
    #[error("the record has no metadata")]
    NoMetadata,
    /// `metadata` is no object.
    #[error("the record's metadata is not an object")]
    MetadataNotObject,
    /// A key of `metadata` is missing.
    #[error("the record's metadata has no {}", .0.name())]
    MissingField(Field),
    /// A key of `metadata` has a value of the wrong type or shape.
    #[error("the record's metadata has an odd {}", .0.name())]
    OddField(Field),
    /// `record-type` is neither `data` nor `control`.
    #[error("the record's record-type is neither data nor control")]
    UnknownRecordType,
    /// The `operation` of a data record is none of DMS's words.
    #[error("the record's operation is none of load, insert, update and delete")]
    UnknownOperation,
    /// `table-name` is empty.
    #[error("the record's table-name is empty")]
    EmptyTableName,
    /// `schema-name` is empty although the table is none of DMS's own.
    #[error("the record's schema-name is empty")]
    EmptySchemaName,
    /// A data record with `control`, or a control record with `data`.
    #[error("the record has both the shape of a row and that of a control record")]
    MixedRecord,
    /// A data record without `data`.
    #[error("the data record has no data")]
    NoData,
    /// `data` is no object.
    #[error("the record's data is not an object")]
    DataNotObject,
    /// A column without a name.
    #[error("a column of the record has an empty name")]
    EmptyColumnName,
    /// A cell is an object or an array.
    #[error("a cell of the record is an object or an array")]
    NestedCell,
    /// More than one object could be the before image.
    #[error("the record has two objects that may be its before image; name the one that is")]
    TwoBeforeImages,
    /// The before image is not an object.
    #[error("the record's before image is not an object")]
    BeforeImageNotObject,
    /// `control` or its table definition has an odd shape.
    #[error("the control record's control has an odd shape")]
    OddControl,
    /// A change without `transaction-record-id`.
    #[error(
        "the change has no transaction-record-id; set IncludeTransactionDetails on the endpoint"
    )]
    NoTransactionRecordId,
    /// `transaction-record-id` is not an integer from 1 to 4,294,967,294.
    #[error("the change has an odd transaction-record-id")]
    OddTransactionRecordId,
    /// A change without `transaction-id`.
    #[error("the change has no transaction-id")]
    NoTransactionId,
    /// `transaction-id` is not an integer below 2^64.
    #[error("the change has a transaction-id that is not an integer")]
    OddTransactionId,
    /// A change without `stream-position`.
    #[error("the change has no stream-position; set IncludeTransactionDetails on the endpoint")]
    NoStreamPosition,
    /// `stream-position` has neither engine's form.
    #[error("the change has a stream-position of neither the MySQL nor the PostgreSQL form")]
    OddStreamPosition,
    /// `transaction-id` and `stream-position` do not name the same place.
    #[error("the change has a transaction-id that does not lie where its stream-position says")]
    PositionDisagrees,
}

impl DecodeError {
    /// A stable word for counters and reports.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Empty => "empty-record",
            Self::NotUtf8 => "not-utf8",
            Self::ByteOrderMark => "byte-order-mark",
            Self::BrokenAggregate => "broken-aggregate",
            Self::NotJson => "not-json",
            Self::NotObject => "not-object",
            Self::DuplicateKey => "duplicate-key",
            Self::LoneSurrogate => "lone-surrogate",
            Self::NoMetadata => "no-metadata",
            Self::MetadataNotObject => "metadata-not-object",
            Self::MissingField(_) => "missing-metadata-field",
            Self::OddField(_) => "odd-metadata-field",
            Self::UnknownRecordType => "unknown-record-type",
            Self::UnknownOperation => "unknown-operation",
            Self::EmptyTableName => "empty-table-name",
            Self::EmptySchemaName => "empty-schema-name",
            Self::MixedRecord => "mixed-record",
            Self::NoData => "no-data",
            Self::DataNotObject => "data-not-object",
            Self::EmptyColumnName => "empty-column-name",
            Self::NestedCell => "nested-cell",
            Self::TwoBeforeImages => "two-before-images",
            Self::BeforeImageNotObject => "before-image-not-object",
            Self::OddControl => "odd-control",
            Self::NoTransactionRecordId => "no-transaction-record-id",
            Self::OddTransactionRecordId => "odd-transaction-record-id",
            Self::NoTransactionId => "no-transaction-id",
            Self::OddTransactionId => "odd-transaction-id",
            Self::NoStreamPosition => "no-stream-position",
            Self::OddStreamPosition => "odd-stream-position",
            Self::PositionDisagrees => "position-disagrees",
        }
    }
}

/// Why a cell has no canonical value of the kind that the policy declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ConvertError {
    /// The cell's JSON type never carries this kind.
    #[error("the cell's JSON type does not fit the column's kind")]
    WrongType,
    /// Not a number.
    #[error("the cell is not a number")]
    NotANumber,
    /// A number with a fraction where an integer is wanted.
    #[error("the cell has a fraction, the column is an integer")]
    NotAnInteger,
    /// A number that went through a double and lost digits, or may have.
    #[error(
        "the number may have lost precision on its way; set UseLargeIntegerValue, or change the column's data type to string in DMS"
    )]
    LostPrecision,
    /// More digits after the point than the column's `scale`.
    #[error("the number has more digits after the point than the column's scale")]
    TooPrecise,
    /// Infinite, or not a number in the sense of IEEE 754, or too large for the float's width.
    #[error("the number is not finite in the column's width")]
    NotFinite,
    /// None of the spellings of a boolean.
    #[error("the cell is not a boolean")]
    NotABoolean,
    /// Not hexadecimal digits in pairs.
    #[error("the cell is not hexadecimal")]
    NotHex,
    /// More bytes or bits than the column holds.
    #[error("the value is wider than the column")]
    TooWide,
    /// Not a UUID.
    #[error("the cell is not a UUID")]
    NotAUuid,
    /// Not a JSON text; perhaps cut off by the LOB limit.
    #[error("the cell is not a JSON text; a limit on LOB size cuts it without a sign")]
    NotJson,
    /// Not a real date, or one with a time of day.
    #[error("the cell is not a date")]
    NotADate,
    /// Not a real date and time.
    #[error("the cell is not a date and time")]
    NotADateTime,
    /// A zone other than UTC.
    #[error("the cell has a zone other than UTC")]
    ForeignZone,
    /// A zero or partial date, which the policy does not allow.
    #[error("the cell is a zero or partial date; allow it with zero_date")]
    ZeroDate,
    /// Not a time.
    #[error("the cell is not a time")]
    NotATime,
}

impl ConvertError {
    /// A stable word for counters and reports.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::WrongType => "wrong-type",
            Self::NotANumber => "not-a-number",
            Self::NotAnInteger => "not-an-integer",
            Self::LostPrecision => "lost-precision",
            Self::TooPrecise => "too-precise",
            Self::NotFinite => "not-finite",
            Self::NotABoolean => "not-a-boolean",
            Self::NotHex => "not-hex",
            Self::TooWide => "too-wide",
            Self::NotAUuid => "not-a-uuid",
            Self::NotJson => "not-json-text",
            Self::NotADate => "not-a-date",
            Self::NotADateTime => "not-a-datetime",
            Self::ForeignZone => "foreign-zone",
            Self::ZeroDate => "zero-date",
            Self::NotATime => "not-a-time",
        }
    }
}
