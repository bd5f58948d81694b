//! The QR code of an address, as the path of an inline SVG.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// The modules of white around a code, as ISO/IEC 18004 wants.
const MARGIN: usize = 4;

/// A QR code to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Qr {
    /// The width and the height, in modules.
    pub(crate) size: usize,
    /// The dark modules, as the data of an SVG path.
    pub(crate) path: String,
}

/// The code of a text; `None` if the text is too long for one.
pub(crate) fn qr(text: &str) -> Option<Qr> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|one, other| one == other) {
            if run.first() == Some(&Color::Dark) {
                let _ = write!(path, "M{} {}h{}v1h-{}z", x + MARGIN, y + MARGIN, run.len(), run.len());
            }
            x += run.len();
        }
    }
    Some(Qr { size: width + 2 * MARGIN, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_a_margin_and_its_three_corners() {
        let drawn = qr("https://pay.example/pay/shop/0123456789012345678901234567890123456789012").unwrap();
        assert!(drawn.path.starts_with("M4 4h7v1h-7z"), "{}", drawn.path);
        let right = drawn.size - 4 - 7;
        assert!(drawn.path.contains(&format!("M{right} 4h7v1h-7z")));
        assert!(drawn.path.contains(&format!("M4 {right}h7v1h-7z")));
        assert_eq!(qr(&"x".repeat(5_000)), None);
    }
}
