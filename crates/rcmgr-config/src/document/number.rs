//! Numbers in the one form that they are passed on in.

/// A whole number in decimal, from digits in a base; `None` if they are more than 128 bits in
/// another base than ten.
pub(super) fn decimal(digits: &str, base: u32) -> Option<String> {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits.strip_prefix('+').unwrap_or(digits)),
    };
    let number = match base {
        10 => digits.trim_start_matches('0').to_owned(),
        base => u128::from_str_radix(digits, base).ok()?.to_string(),
    };
    Some(match &*number {
        "" | "0" => "0".to_owned(),
        number => format!("{sign}{number}"),
    })
}

/// A number with a fraction or a power of ten, as it was written but for its plus.
pub(super) fn fraction(text: &str) -> String {
    text.strip_prefix('+').unwrap_or(text).to_owned()
}

/// Whether these are digits, perhaps in groups with an underscore between each two.
pub(super) fn is_digits(text: &str) -> bool {
    let is_group = |group: &str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
    text.split('_').all(is_group)
}

/// Whether the core schema of YAML takes this, without its sign, for a number with a fraction or a
/// power of ten: `[0-9]+(\.[0-9]*)?|\.[0-9]+` and perhaps `[eE][-+]?[0-9]+`.
pub(super) fn is_fraction(text: &str) -> bool {
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (number, power) = match text.split_once(['e', 'E']) {
        Some((number, power)) => (number, Some(power.strip_prefix(['-', '+']).unwrap_or(power))),
        None => (text, None),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    all_digits(whole)
        && all_digits(part)
        && !(whole.is_empty() && part.is_empty())
        && power.is_none_or(|power| !power.is_empty() && all_digits(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_become_decimal() {
        let most = "f".repeat(32);
        for (digits, base, number) in [
            ("0", 10, Some("0")),
            ("-0", 10, Some("0")),
            ("+007", 10, Some("7")),
            ("-12", 10, Some("-12")),
            ("99999999999999999999999999999999999999999", 10, {
                Some("99999999999999999999999999999999999999999")
            }),
            ("ff", 16, Some("255")),
            ("17", 8, Some("15")),
            ("101", 2, Some("5")),
            ("00", 2, Some("0")),
            (&most, 16, Some("340282366920938463463374607431768211455")),
            ("100000000000000000000000000000000", 16, None),
        ] {
            assert_eq!(decimal(digits, base).as_deref(), number, "{digits}");
        }
    }

    #[test]
    fn fractions_are_told_from_texts() {
        for text in ["1.5", "1.", ".5", "1e3", "1.5E-3", "0.1e+10", "12"] {
            assert!(is_fraction(text), "{text}");
        }
        for text in ["", ".", "e3", "1e", "1e+", "1.2.3", "1_0.5", "1.5GiB", "٣.1", "-1.5", ".e1"]
        {
            assert!(!is_fraction(text), "{text}");
        }
    }
}
