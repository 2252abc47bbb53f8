/// The candidate that `word` is probably a misspelling of, if one is close enough.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A long word is not a misspelling of a short one, and comparing it takes long.
    let length = word.chars().count();
    if length > 32 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|&(edits, candidate)| edits <= (candidate.len().min(length) / 3).max(1))
        .filter(|&(edits, candidate)| edits < candidate.len())
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, candidate)| candidate)
}

/// Edit distance: characters added, removed, replaced or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut rows = vec![(0..=right.len()).collect::<Vec<_>>()];
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let changed = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut edits = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                edits = edits.min(rows[i - 2][j - 2] + 1);
            }
            row.push(edits);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn counts_edits_and_swaps() {
        assert_eq!(distance("joins", "joins"), 0);
        assert_eq!(distance("jions", "joins"), 1);
        assert_eq!(distance("join", "joins"), 1);
        assert_eq!(distance("", "joins"), 5);
        assert_eq!(distance("hears", "sees"), 3);
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(nearest("jions", ["sends", "joins"]), Some("joins"));
        assert_eq!(nearest("Joins", ["sends", "joins"]), Some("joins"));
        assert_eq!(nearest("sings", ["sends", "joins"]), None);
        assert_eq!(nearest("x", ["<", ">"]), None);
    }
}
