//! A number for a metric.

/// One value of a counter or a gauge, whichever exporter takes it. Names and labels are part of the
/// code or, for protocols, at most as many as can be enrolled: no remote can make them grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The name without a prefix, such as `rounds_total`. Counters end in `_total`.
    pub name: &'static str,
    /// Labels and their values.
    pub labels: Vec<(&'static str, Box<str>)>,
    /// The value.
    pub value: u64,
}

impl Sample {
    /// A value by its labels.
    pub fn new<const N: usize>(
        name: &'static str,
        labels: [(&'static str, &str); N],
        value: u64,
    ) -> Sample {
        let labels = labels.into_iter().map(|(label, of)| (label, of.into())).collect();
        Sample { name, labels, value }
    }
}
