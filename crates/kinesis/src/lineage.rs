//! The order of a stream's shards. Owns parents before children.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::calls::Listed;

/// Every shard behind those of its parents that are listed too, and otherwise as they came.
/// Shards of a circle, which Kinesis cannot make, come last.
pub(crate) fn parents_first(listed: Vec<Listed>) -> Vec<Listed> {
    let ids: BTreeSet<&String> = listed.iter().map(|shard| &shard.id).collect();
    let mut waits_for: Vec<usize> = Vec::with_capacity(listed.len());
    let mut children: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
    for (at, shard) in listed.iter().enumerate() {
        let parents: BTreeSet<&String> = shard.parents.iter().collect();
        let parents = parents.into_iter().filter(|parent| ids.contains(parent));
        let mut count = 0;
        for parent in parents {
            children.entry(parent).or_default().push(at);
            count += 1;
        }
        waits_for.push(count);
    }
    let mut ready: VecDeque<usize> = (0..listed.len()).filter(|at| waits_for[*at] == 0).collect();
    let mut order = Vec::with_capacity(listed.len());
    while let Some(at) = ready.pop_front() {
        order.push(at);
        for child in children.get(&listed[at].id).into_iter().flatten() {
            waits_for[*child] -= 1;
            if waits_for[*child] == 0 {
                ready.push_back(*child);
            }
        }
    }
    let placed: BTreeSet<usize> = order.iter().copied().collect();
    order.extend((0..listed.len()).filter(|at| !placed.contains(at)));
    let mut listed: Vec<Option<Listed>> = listed.into_iter().map(Some).collect();
    order.iter().filter_map(|at| listed[*at].take()).collect()
}

#[cfg(test)]
mod tests {
    use super::parents_first;
    use crate::scripted::listed;

    fn order(shards: &[(&str, &[&str])]) -> Vec<String> {
        let shards = shards.iter().map(|(id, parents)| listed(id, parents));
        let ordered = parents_first(shards.collect());
        ordered.into_iter().map(|shard| shard.id).collect()
    }

    #[test]
    fn parents_come_before_children_through_splits_and_merges() {
        assert_eq!(
            order(&[
                ("5", &["3", "4"]),
                ("1", &["0"]),
                ("4", &["2"]),
                ("3", &["1"]),
                ("0", &[]),
                ("2", &["0"]),
            ]),
            ["0", "1", "2", "3", "4", "5"]
        );
        // The parent was dropped, or the lineage is a circle: every shard is still there once.
        assert_eq!(order(&[("7", &["6"]), ("8", &["6"])]), ["7", "8"]);
        assert_eq!(
            order(&[("a", &["b"]), ("b", &["a"]), ("c", &[])]),
            ["c", "a", "b"]
        );
        assert_eq!(order(&[("m", &["p", "p"]), ("p", &[])]), ["p", "m"]);
    }
}
