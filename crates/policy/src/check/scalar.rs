//! Numbers with a range.

use std::fmt;
use std::ops::RangeInclusive;

use crate::mistakes::Gathered;
use crate::spelling::{At, Field};

/// The number of `field`, or `default` when it is absent.
pub(super) fn number<T>(
    field: &Field<u64>,
    range: RangeInclusive<T>,
    default: T,
    gathered: &mut Gathered,
) -> Option<T>
where
    T: TryFrom<u64> + PartialOrd + fmt::Display,
{
    match field {
        Field::Absent => Some(default),
        Field::Bad => None,
        Field::Is(at) => within(at, range, gathered),
    }
}

/// The number, when it is in `range`.
pub(super) fn within<T>(
    at: &At<u64>,
    range: RangeInclusive<T>,
    gathered: &mut Gathered,
) -> Option<T>
where
    T: TryFrom<u64> + PartialOrd + fmt::Display,
{
    let number = T::try_from(at.value).ok().filter(|n| range.contains(n));
    if number.is_none() {
        let (low, high) = range.into_inner();
        let message = if low == high {
            format!("must be {low}")
        } else {
            format!("must be {low} to {high}")
        };
        gathered.add(&at.spot, message);
    }
    number
}
