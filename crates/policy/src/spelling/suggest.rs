//! What may have been meant by a word that is not known.

/// `did you mean "x"?` when one of `known` is near, else the list of what there is.
pub(crate) fn instead(word: &str, known: &[&str], what: &str) -> String {
    let near = known
        .iter()
        .map(|known| (distance(word, known), known))
        .filter(|(distance, known)| {
            *distance <= known.chars().count().div_ceil(3) || begins(word, known)
        })
        .min_by_key(|(distance, _)| *distance);
    match near {
        Some((_, near)) => format!("did you mean \"{near}\"?"),
        None => format!("the {what} here are {}", listed(known)),
    }
}

/// Whether one is the beginning of the other, and more than a letter or two.
fn begins(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    short.len() >= 3 && long.starts_with(short)
}

/// `a, b and c`.
pub(crate) fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The Levenshtein distance. Words far longer than any key are not measured.
fn distance(a: &str, b: &str) -> usize {
    const LONGEST: usize = 64;
    if a.len() > LONGEST {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, instead};

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("pad", "pad"), 0);
    }

    #[test]
    fn a_near_word_or_the_list() {
        assert_eq!(
            instead("pads", &["pad", "seal"], "keys"),
            "did you mean \"pad\"?"
        );
        assert_eq!(
            instead("padding", &["pad", "seal"], "keys"),
            "did you mean \"pad\"?"
        );
        assert_eq!(
            instead("zzz", &["pad", "seal"], "keys"),
            "the keys here are pad and seal"
        );
    }
}
