//! Physical lines, as editors count them.

/// Counts line ends: LF, CR LF, or CR alone.
#[derive(Debug, Clone, Default)]
pub(super) struct LineEnds {
    count: u64,
    after_cr: bool,
}

impl LineEnds {
    /// Counts in the next bytes of the text, which may be cut anywhere.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        // Most pieces of a long line have no line end.
        if !bytes.contains(&b'\n') && !bytes.contains(&b'\r') {
            self.after_cr = self.after_cr && bytes.is_empty();
            return;
        }
        for byte in bytes {
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\n' => self.count += 1,
                b'\r' => {
                    self.count += 1;
                    self.after_cr = true;
                }
                _ => self.after_cr = false,
            }
        }
    }

    /// The number of lines that ended.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_count_once_however_they_are_cut() {
        for (text, wanted) in
            [("", 0), ("a", 0), ("a\nb", 1), ("a\r\nb\r\n", 2), ("a\rb\r", 2), ("\r\r\n\n", 3), ("\n\r", 2)]
        {
            for cut in 0..=text.len() {
                let mut lines = LineEnds::default();
                lines.feed(&text.as_bytes()[..cut]);
                lines.feed(&text.as_bytes()[cut..]);
                assert_eq!(lines.count(), wanted, "{text:?} cut at {cut}");
            }
        }
    }
}
