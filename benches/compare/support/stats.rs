//! Medians, quantiles and the format of figures.

/// The value below which this part of a sorted list lies.
pub fn quantile(sorted: &[u32], part: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let last = sorted.len() - 1;
    let at = (float_of(last) * part).round() as usize;
    f64::from(sorted[at.min(last)])
}

/// The results of several rounds.
#[derive(Debug, Clone, Default)]
pub struct Rounds(pub Vec<f64>);

impl Rounds {
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => sorted[odd / 2],
            even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
        }
    }

    /// The lowest and the highest result.
    pub fn spread(&self) -> (f64, f64) {
        self.0.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)))
    }

    /// `median (lowest–highest)`.
    pub fn summary(&self) -> String {
        let (low, high) = self.spread();
        format!("{} ({}–{})", figure(self.median()), figure(low), figure(high))
    }
}

/// Formats a figure with three significant digits, or without decimals and with commas from 1,000 on.
pub fn figure(x: f64) -> String {
    if !x.is_finite() {
        return "–".to_owned();
    }
    match x.abs() {
        big if big >= 1000.0 => {
            let digits = format!("{x:.0}");
            let mut text = String::new();
            for (place, digit) in digits.chars().enumerate() {
                if place > 0 && (digits.len() - place) % 3 == 0 {
                    text.push(',');
                }
                text.push(digit);
            }
            text
        }
        big if big >= 100.0 => format!("{x:.0}"),
        big if big >= 10.0 => format!("{x:.1}"),
        big if big >= 1.0 => format!("{x:.2}"),
        _ => format!("{x:.3}"),
    }
}

pub fn float(count: u64) -> f64 {
    count as f64
}

pub fn float_of(count: usize) -> f64 {
    count as f64
}
