//! Medians, quantiles and the format of figures.

use std::time::Instant;

use indicatif::HumanCount;

use super::load::Tally;

/// The value below which this part of a sorted list lies.
pub fn quantile(sorted: &[u32], part: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let last = sorted.len() - 1;
    let at = (last as f64 * part).round() as usize;
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

    /// `median (lowest–highest)`.
    pub fn summary(&self) -> String {
        let low = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        format!("{} ({}–{})", figure(self.median()), figure(low), figure(high))
    }

    /// The ratio of each round to the same round of another system.
    pub fn over(&self, other: &Rounds) -> Rounds {
        Rounds(self.0.iter().zip(&other.0).map(|(one, other)| one / other).collect())
    }
}

/// The results of one system under a load, round by round.
#[derive(Debug, Default)]
pub struct Results {
    /// Right answers per second.
    pub rates: Rounds,
    pub p50: Rounds,
    pub p99: Rounds,
    pub wrong: u64,
    pub errors: Vec<String>,
}

impl Results {
    /// Adds a round.
    pub fn add(&mut self, tally: Tally) {
        self.rates.0.push(tally.rate);
        self.p50.0.push(tally.quantile_ms(0.5));
        self.p99.0.push(tally.quantile_ms(0.99));
        self.wrong += tally.wrong;
        self.errors.extend(tally.errors);
    }

    /// The median ratio of the rates to those of another system.
    pub fn ratio(&self, other: &Results) -> f64 {
        self.rates.over(&other.rates).median()
    }
}

/// The time since then, in microseconds.
pub fn micros(began: Instant) -> u32 {
    u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX)
}

/// Formats a figure with three significant digits, or without decimals and with commas from 1,000 on.
pub fn figure(x: f64) -> String {
    if !x.is_finite() {
        return "–".to_owned();
    }
    match x.abs() {
        big if big >= 1000.0 => HumanCount(x.round_ties_even() as u64).to_string(),
        big if big >= 100.0 => format!("{x:.0}"),
        big if big >= 10.0 => format!("{x:.1}"),
        big if big >= 1.0 => format!("{x:.2}"),
        _ => format!("{x:.3}"),
    }
}
