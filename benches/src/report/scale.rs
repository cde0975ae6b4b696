//! A logarithmic scale between powers of ten.

/// Powers of ten, from below the least value to above the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    least: i32,
    most: i32,
}

impl Scale {
    /// The scale that holds all values above 0; the others have no place on it.
    pub fn of(values: impl Iterator<Item = f64>) -> Scale {
        let powers: Vec<f64> = values.filter(|value| *value > 0.0).map(f64::log10).collect();
        let least = powers.iter().copied().fold(f64::INFINITY, f64::min).floor();
        let most = powers.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil();
        if least > most {
            return Scale { least: 0, most: 1 };
        }
        Scale { least: least as i32, most: (most as i32).max(least as i32 + 1) }
    }

    /// Where a value is: 0 at the least power and below it, 1 at the greatest.
    pub fn part(self, value: f64) -> f64 {
        let part = (value.log10() - f64::from(self.least)) / f64::from(self.most - self.least);
        part.max(0.0)
    }

    /// The powers, each with its name.
    pub fn marks(self) -> impl Iterator<Item = (f64, String)> {
        (self.least..=self.most).map(|power| (10f64.powi(power), power_of_ten(power)))
    }
}

fn power_of_ten(power: i32) -> String {
    match power {
        0.. => format!("{}", 10f64.powi(power)),
        _ => format!("{:.*}", power.unsigned_abs() as usize, 10f64.powi(power)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_holds_every_value() {
        let scale = Scale::of([3.0, 0.0, 420.0].into_iter());
        assert_eq!((scale.least, scale.most), (0, 3));
        assert_eq!([0.0, 1.0, 1000.0].map(|value| scale.part(value)), [0.0, 0.0, 1.0]);
        assert_eq!(Scale::of([].into_iter()).most, 1);
        assert_eq!(Scale::of([10.0].into_iter()), Scale { least: 1, most: 2 });
    }

    #[test]
    fn marks_are_named_without_digits_that_do_not_count() {
        let names = Scale::of([0.04, 7.0].into_iter()).marks().map(|(_, name)| name);
        assert_eq!(names.collect::<Vec<_>>(), ["0.01", "0.1", "1", "10"]);
    }
}
