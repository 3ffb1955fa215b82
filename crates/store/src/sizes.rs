//! How many rows a multi-row statement takes. Each number of rows is another text, which the
//! server prepares and the connection keeps, so only powers of two are used: a batch of any size
//! is written with a handful of texts that stay prepared.

/// The rows of the next statement, of `count` that are left and at most `most`: the largest power
/// of two that fits.
pub(crate) fn step(count: usize, most: usize) -> usize {
    let fits = count.min(most).max(1);
    1 << fits.ilog2()
}

/// `items` in steps.
pub(crate) fn steps<T>(items: &[T], most: usize) -> impl Iterator<Item = &[T]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (first, behind) = rest.split_at(step(rest.len(), most));
        rest = behind;
        Some(first)
    })
}

/// `items` repeated at the end up to the next power of two: for a list in which one may stand
/// twice without harm, such as that of an IN.
pub(crate) fn padded<T>(items: &[T]) -> impl Iterator<Item = &T> {
    let missing = items.len().next_power_of_two() - items.len();
    items
        .iter()
        .chain(items.last().into_iter().cycle().take(missing))
}

#[cfg(test)]
mod tests {
    use super::{padded, steps};

    #[test]
    fn steps_are_powers_of_two_and_leave_nothing_out() {
        let items: Vec<u32> = (0..1500).collect();
        let lengths: Vec<usize> = steps(&items, 700).map(<[u32]>::len).collect();
        assert_eq!(lengths, [512, 512, 256, 128, 64, 16, 8, 4]);
        let again: Vec<u32> = steps(&items, 700).flatten().copied().collect();
        assert_eq!(again, items);
        assert_eq!(steps(&items[..3], 1).count(), 3);
        assert_eq!(steps(&items[..0], 8).count(), 0);
    }

    #[test]
    fn padding_repeats_the_last() {
        let all = |items: &[u32]| padded(items).copied().collect::<Vec<_>>();
        assert_eq!(all(&[1, 2, 3, 4, 5]), [1, 2, 3, 4, 5, 5, 5, 5]);
        assert_eq!(all(&[7]), [7]);
        assert_eq!(all(&[]), [0_u32; 0]);
    }
}
