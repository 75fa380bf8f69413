//! Three-way: a release's line, what was served when the line was made, and what is served now. Where both sides changed
//! a key to different values, a person has to say which one holds.

use crate::pin::Entry;

/// A name of what is served at a key, `None` for nothing: equal values have equal names.
pub fn value_name(value: Option<&Entry>) -> String {
    let text = match value {
        None => "nothing".to_owned(),
        Some(Entry::Pin(pin)) => {
            let asset: String = pin.asset.0.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("pin {asset} {}", pin.version)
        }
        Some(Entry::Parameter(parameter)) => {
            format!("parameter {}", serde_json::to_string(parameter).expect("a parameter consists of texts"))
        }
        Some(Entry::Access(visibility)) => format!("access {visibility:?}"),
    };
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}

/// Whether two values are the same to whoever is served. A pin is its asset and version: all else follows from these.
pub fn is_same(a: Option<&Entry>, b: Option<&Entry>) -> bool {
    match (a, b) {
        (Some(Entry::Pin(a)), Some(Entry::Pin(b))) => (a.asset, a.version) == (b.asset, b.version),
        (a, b) => a == b,
    }
}

/// Whether a line would undo what others have changed since it was made. A line that says what was there before they
/// changed it would do so too.
pub fn is_conflict(base: Option<&Entry>, theirs: Option<&Entry>, ours: Option<&Entry>) -> bool {
    !is_same(base, theirs) && !is_same(theirs, ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pin::{Parameter, Visibility};

    fn value(number: usize) -> Option<Entry> {
        let parameter = |value: &str| Entry::Parameter(Parameter { value: value.into(), by_environment: [].into() });
        [None, Some(parameter("a")), Some(parameter("b")), Some(Entry::Access(Visibility::Public))][number].clone()
    }

    #[test]
    fn each_combination_of_three_values() {
        for (base, theirs, ours) in (0..64).map(|n| (n % 4, n / 4 % 4, n / 16)) {
            let is_conflict = is_conflict(value(base).as_ref(), value(theirs).as_ref(), value(ours).as_ref());
            assert_eq!(is_conflict, base != theirs && ours != theirs, "{base} {theirs} {ours}");
            let names = [base, theirs].map(|number| value_name(value(number).as_ref()));
            assert_eq!(names[0] == names[1], base == theirs);
        }
    }
}
