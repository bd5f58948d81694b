//! How far the matches of a list are counted.

use super::ListRequest;

/// Counts the matches of a list as they are opened.
pub(super) struct Counting {
    counts: bool,
    max: Option<usize>,
    matched: usize,
}

impl Counting {
    /// Counts nothing if the request does not ask for it, or if the total is known.
    pub(super) fn of(request: &ListRequest, known_total: Option<usize>) -> Counting {
        let counts = request.counts && known_total.is_none();
        Counting { counts, max: request.counts_max, matched: 0 }
    }

    /// Counts a match.
    pub(super) fn add(&mut self) {
        self.matched = self.matched.saturating_add(1);
    }

    /// Whether a further match would still count: the first one beyond the limit tells that there are more.
    pub(super) fn goes_on(&self) -> bool {
        self.counts && !self.has_more()
    }

    /// Whether there are more than may be counted.
    pub(super) fn has_more(&self) -> bool {
        self.counts && self.max.is_some_and(|max| self.matched > max)
    }

    /// The number of matches, if they were counted.
    pub(super) fn total(&self) -> Option<usize> {
        self.counts.then(|| self.max.map_or(self.matched, |max| self.matched.min(max)))
    }
}
