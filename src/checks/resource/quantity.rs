//! Quantities as Kubernetes writes them: `500m`, `1.5`, `20Gi`, `1e3`.

/// The quantity in its base unit; none where the text is none.
pub(super) fn parse(text: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 15] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    ];
    let suffix = SUFFIXES.iter().find(|(suffix, _)| text.ends_with(suffix));
    let (number, factor) = match suffix {
        Some((suffix, factor)) => (text.strip_suffix(suffix)?, *factor),
        None => (text, 1.0),
    };
    let plain = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    if !number.chars().all(plain) {
        return None;
    }
    number.parse().ok().map(|number: f64| number * factor).filter(|amount| amount.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        for (text, amount) in [
            ("10", 10.0),
            ("500m", 0.5),
            ("20Gi", 20.0 * 1024.0 * 1024.0 * 1024.0),
            ("1.5k", 1500.0),
            ("1e3", 1000.0),
            ("2E", 2e18),
            ("-1", -1.0),
        ] {
            let parsed = parse(text).unwrap();
            assert!((parsed - amount).abs() < 1e-6, "{text} is {parsed}");
        }
        for bad in ["", "Gi", "ten", "1 Gi", "inf", "1e999"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
