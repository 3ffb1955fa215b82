//! What personal data must not have, whatever it is made of. Held where it is compiled.

use fieldseal::Pii;
use static_assertions::{assert_impl_all, assert_not_impl_any};

macro_rules! cannot_leak {
    ($($rust:ty),*) => {$(
        assert_impl_all!(Pii<$rust>: std::fmt::Debug, Send, Sync);
        assert_not_impl_any!(
            Pii<$rust>: std::fmt::Display, ToString, Clone, Copy, serde::Serialize,
            std::ops::Deref, AsRef<$rust>, std::borrow::Borrow<$rust>, Into<$rust>, PartialEq,
            PartialOrd, std::hash::Hash
        );
    )*};
}

cannot_leak!(
    String,
    Vec<u8>,
    bool,
    i8,
    i16,
    i32,
    i64,
    i128,
    u8,
    u16,
    u32,
    u64,
    u128,
    f32,
    f64
);
cannot_leak!(serde_json::Value, Box<serde_json::value::RawValue>);
cannot_leak!(chrono::NaiveDate, chrono::NaiveDateTime, chrono::NaiveTime);
cannot_leak!(chrono::DateTime<chrono::Utc>);
cannot_leak!(
    time::Date,
    time::PrimitiveDateTime,
    time::OffsetDateTime,
    time::Time
);
cannot_leak!(rust_decimal::Decimal, uuid::Uuid, Option<String>);

// Nor is it bound to a statement in clear.
#[cfg(feature = "sqlite")]
assert_not_impl_any!(Pii<String>: sqlx::Type<sqlx::Sqlite>, sqlx::Encode<'static, sqlx::Sqlite>);
#[cfg(feature = "postgres")]
assert_not_impl_any!(Pii<String>: sqlx::Type<sqlx::Postgres>, sqlx::Encode<'static, sqlx::Postgres>);
#[cfg(feature = "mysql")]
assert_not_impl_any!(Pii<String>: sqlx::Type<sqlx::MySql>, sqlx::Encode<'static, sqlx::MySql>);

/// Each of them is wiped by its own means.
#[test]
fn what_is_wiped_tells_nothing() {
    use fieldseal::Wipe;

    fn differs<T: Wipe + Clone + PartialEq>(mut value: T) {
        let before = value.clone();
        value.wipe();
        assert!(value != before, "{}", std::any::type_name::<T>());
    }
    differs("zoe".to_owned());
    differs(vec![1_u8]);
    differs(true);
    differs(1_i64);
    differs(1.5_f32);
    differs(serde_json::json!({ "name": ["zoe"] }));
    differs(serde_json::json!(true));
    differs(chrono::NaiveDate::MAX);
    differs(chrono::NaiveDateTime::MAX);
    differs(chrono::DateTime::<chrono::Utc>::MAX_UTC);
    differs(chrono::NaiveTime::from_hms_opt(1, 2, 3).expect("a time"));
    differs(time::Date::MAX);
    differs(time::PrimitiveDateTime::MAX);
    differs(time::PrimitiveDateTime::MAX.assume_utc());
    differs(time::Time::MAX);
    differs(rust_decimal::Decimal::ONE);
    differs(uuid::Uuid::from_u128(1));
    let mut raw = serde_json::value::RawValue::from_string("\"zoe\"".to_owned()).expect("JSON");
    raw.wipe();
    assert_eq!(raw.get(), "null");
}
