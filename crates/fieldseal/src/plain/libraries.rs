//! The plaintext columns of the libraries' types. Owns which library's types a driver knows; UUIDs
//! are `uuids`'.

#[cfg(feature = "sqlite")]
mod sqlite {
    #[allow(
        unused_imports,
        reason = "without any library there is nothing to tell"
    )]
    use crate::plain::{BoxDynError, Database, IsNull, Plain};

    #[cfg(feature = "chrono")]
    native!(sqlx::Sqlite: chrono::NaiveDate, chrono::NaiveDateTime, chrono::NaiveTime);
    #[cfg(feature = "chrono")]
    native!(sqlx::Sqlite: chrono::DateTime<chrono::Utc>);
    #[cfg(feature = "time")]
    native!(sqlx::Sqlite: time::Date, time::PrimitiveDateTime, time::OffsetDateTime, time::Time);
    #[cfg(feature = "json")]
    native!(sqlx::Sqlite: serde_json::Value);
}

#[cfg(feature = "postgres")]
mod postgres {
    #[allow(
        unused_imports,
        reason = "without any library there is nothing to tell"
    )]
    use crate::plain::{BoxDynError, Database, IsNull, Plain};

    #[cfg(feature = "chrono")]
    native!(sqlx::Postgres: chrono::NaiveDate, chrono::NaiveDateTime, chrono::NaiveTime);
    #[cfg(feature = "chrono")]
    native!(sqlx::Postgres: chrono::DateTime<chrono::Utc>);
    #[cfg(feature = "time")]
    native!(sqlx::Postgres: time::Date, time::PrimitiveDateTime, time::OffsetDateTime, time::Time);
    #[cfg(feature = "json")]
    native!(sqlx::Postgres: serde_json::Value);
}

#[cfg(feature = "mysql")]
mod mysql {
    #[allow(
        unused_imports,
        reason = "without any library there is nothing to tell"
    )]
    use crate::plain::{BoxDynError, Database, IsNull, Plain};

    #[cfg(feature = "chrono")]
    native!(sqlx::MySql: chrono::NaiveDate, chrono::NaiveDateTime, chrono::NaiveTime);
    #[cfg(feature = "chrono")]
    native!(sqlx::MySql: chrono::DateTime<chrono::Utc>);
    #[cfg(feature = "time")]
    native!(sqlx::MySql: time::Date, time::PrimitiveDateTime, time::OffsetDateTime, time::Time);
    #[cfg(feature = "json")]
    native!(sqlx::MySql: serde_json::Value);
    #[cfg(feature = "rust_decimal")]
    native!(sqlx::MySql: rust_decimal::Decimal);
}

/// JSON as it is; sqlx tells a column's type by the text alone, not by the box around it.
#[cfg(feature = "json")]
mod raw {
    use serde_json::value::RawValue;
    use sqlx::{Database, Decode, Encode, Type};

    use crate::plain::{BoxDynError, IsNull, Plain};

    impl<DB: Database> Plain<DB> for Box<RawValue>
    where
        RawValue: Type<DB>,
        Self: for<'r> Decode<'r, DB> + for<'q> Encode<'q, DB>,
    {
        fn compatible(ty: &DB::TypeInfo) -> bool {
            <RawValue as Type<DB>>::compatible(ty)
        }

        fn type_info() -> Option<DB::TypeInfo> {
            Some(<RawValue as Type<DB>>::type_info())
        }

        fn decode(value: DB::ValueRef<'_>) -> Result<Self, BoxDynError> {
            <Self as Decode<'_, DB>>::decode(value)
        }

        fn encode(&self, buffer: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
            <Self as Encode<'_, DB>>::encode_by_ref(self, buffer)
        }
    }
}
