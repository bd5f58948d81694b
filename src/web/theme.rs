//! The colour and icon of an entrypoint, adjusted so that text stays readable with every colour.

/// A colour as three channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Color([u8; 3]);

/// The minimum contrast between text and background in WCAG 2 AA.
const CONTRAST_MIN: f64 = 4.5;

impl Color {
    const WHITE: Color = Color([0xff; 3]);
    const BLACK: Color = Color([0; 3]);
    /// The background of the page, the darkest one behind coloured text.
    const PAGE: Color = Color([0xf4, 0xf5, 0xf7]);

    /// Reads `#rrggbb`; anything else is a dark grey.
    pub(crate) fn of(text: &str) -> Color {
        let channel =
            |from: usize| text.get(from..from + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (text.len(), channel(1), channel(3), channel(5)) {
            (7, Some(red), Some(green), Some(blue)) => Color([red, green, blue]),
            _ => Color([0x33; 3]),
        }
    }

    /// `#rrggbb`.
    pub(crate) fn css(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// The relative luminance of WCAG 2.
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The contrast ratio of WCAG 2, from 1 to 21.
    fn contrast(self, other: Color) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// White or black, whichever reads better on this colour.
    pub(crate) fn text_on(self) -> Color {
        if self.contrast(Color::WHITE) >= self.contrast(Color::BLACK) { Color::WHITE } else { Color::BLACK }
    }

    /// This colour, darkened until it is readable on the page.
    pub(crate) fn as_text(self) -> Color {
        let mut color = self;
        while color.contrast(Color::PAGE) < CONTRAST_MIN {
            color = Color(color.0.map(|channel| channel.saturating_sub((channel / 16).max(1))));
        }
        color
    }
}

/// The first letter or digit of a name, for the icon.
pub(crate) fn initial(name: &str) -> String {
    name.chars().find(|c| c.is_alphanumeric()).map(|c| c.to_uppercase().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_colour_stays_readable() {
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                for blue in (0..=255).step_by(15) {
                    let color = Color([red, green, blue]);
                    assert!(color.contrast(color.text_on()) > CONTRAST_MIN, "{}", color.css());
                    assert!(color.as_text().contrast(Color::PAGE) >= CONTRAST_MIN, "{}", color.css());
                }
            }
        }
        assert_eq!(Color::of("#ffee00").text_on(), Color::BLACK);
        assert_eq!(Color::of("#1f4fa3").text_on(), Color::WHITE);
        assert_eq!(Color::of("#1f4fa3").as_text(), Color::of("#1f4fa3"));
        assert_eq!(Color::of("red;}"), Color::of("#333333"));
    }

    #[test]
    fn the_mark_is_the_first_letter() {
        assert_eq!(initial("  élan & co"), "É");
        assert_eq!(initial("<b>"), "B");
        assert_eq!(initial("…"), "");
    }
}
