//! The types that hold keys cannot be printed, copied or compared.

use std::fmt::{Debug, Display};

use fieldseal_envelope::{
    DataKey, Grant, IndexKey, KeyId, OpeningKey, RootKey, RootKeyFile, SealingKey,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

assert_not_impl_any!(DataKey: Debug, Display, Clone, PartialEq);
assert_not_impl_any!(SealingKey: Debug, Display, Clone, PartialEq);
assert_not_impl_any!(OpeningKey: Debug, Display, PartialEq, AsRef<SealingKey>);
assert_not_impl_any!(IndexKey: Debug, Display, Clone, PartialEq);
assert_not_impl_any!(RootKey: Debug, Display, Clone, PartialEq);
assert_not_impl_any!(RootKeyFile: Debug, Display, Clone, PartialEq);
assert_not_impl_any!(Grant: Debug, Display, Clone, PartialEq);

assert_impl_all!(SealingKey: Send, Sync);
assert_impl_all!(OpeningKey: Send, Sync);
assert_impl_all!(Grant: Send, Sync);
assert_impl_all!(IndexKey: Send, Sync);
assert_impl_all!(KeyId: Copy, Ord, std::hash::Hash, Debug, Display);

#[test]
fn a_data_key_is_read_by_name_only() {
    assert_eq!(DataKey::from_bytes([7; 32]).expose(), &[7; 32]);
}
