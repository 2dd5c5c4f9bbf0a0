use super::*;
use proptest::prelude::*;

fn faults(kind: Kind, text: &str) -> String {
    fault(kind, text).unwrap_or_default()
}

#[test]
fn the_documents_own_examples_are_valid() {
    let fingerprint = r#"{
        "connection_depth": {"range_value": 0.72, "confidence": 0.64, "freshness_days": 3, "sources": {"interview": 0.9}},
        "social_pace": {"range_value": 0.40, "confidence": 0.55, "freshness_days": 10, "sources": {"interview": 0.8, "invite_accept": 0.2}}
    }"#;
    let patterns = r#"[{"activity_key": "coffee", "motive_weights": {"connection": 0.7, "comfort": 0.6},
        "constraints": {"quiet": true, "indoor": true}, "preferred_windows": ["morning", "day"],
        "confidence": 0.7, "freshness_days": 5}]"#;
    let boundaries =
        r#"{"no_thanks": ["bars", "late_night"], "hard_constraints": {"smoking": false}}"#;
    let brief = r#"{"activity_key": "coffee", "time_window": "SAT_MORNING",
        "motive_emphasis": {"connection": 0.7, "comfort": 0.6}, "constraints": {"quiet": true},
        "group_size": {"min": 2, "max": 6}}"#;
    assert_eq!(fault(Kind::Fingerprint, fingerprint), None);
    assert_eq!(fault(Kind::ActivityPatterns, patterns), None);
    assert_eq!(fault(Kind::Boundaries, boundaries), None);
    assert_eq!(fault(Kind::Brief, brief), None);
}

#[test]
fn what_the_columns_default_to_is_valid() {
    assert_eq!(fault(Kind::Fingerprint, "{}"), None);
    assert_eq!(fault(Kind::ActivityPatterns, "[]"), None);
    assert_eq!(fault(Kind::Boundaries, "{}"), None);
}

#[test]
fn a_thirteenth_factor_and_an_unknown_key_are_refused_with_their_path() {
    let thirteenth = r#"{"charisma": {"range_value": 0.5, "confidence": 0.5}}"#;
    assert!(faults(Kind::Fingerprint, thirteenth).starts_with("$.charisma: no such factor"));
    let key = r#"{"social_pace": {"range_value": 0.5, "confidence": 0.5, "freshnes_days": 1}}"#;
    assert!(faults(Kind::Fingerprint, key).starts_with("$.social_pace.freshnes_days: no such key"));
    let boundary = r#"{"no_thanks": [], "nothanks": []}"#;
    assert!(faults(Kind::Boundaries, boundary).starts_with("$.nothanks: no such key"));
}

#[test]
fn all_twelve_factors_are_allowed_at_once() {
    let factors: Vec<_> = FACTORS
        .iter()
        .map(|name| format!(r#""{name}": {{"range_value": 0, "confidence": 1}}"#))
        .collect();
    assert_eq!(
        fault(Kind::Fingerprint, &format!("{{{}}}", factors.join(","))),
        None
    );
    assert_eq!(FACTORS.iter().collect::<HashSet<_>>().len(), 12);
}

#[test]
fn a_hair_over_one_is_over_one() {
    let valid = |number: &str| {
        let text = format!(r#"{{"social_pace": {{"range_value": {number}, "confidence": 0.5}}}}"#);
        fault(Kind::Fingerprint, &text).is_none()
    };
    for number in [
        "0",
        "-0",
        "-0.00",
        "1",
        "1.000",
        "0.999999999999999999999999",
        "1e0",
        "10e-1",
        "0e999",
        "1e-999",
    ] {
        assert!(valid(number), "{number}");
    }
    for number in [
        "1.00000000000000000000001",
        "-0.0000000000000000000001",
        "2",
        "10",
        "1e1",
        "0.1e2",
        "1e999999999999999999999",
        "\"0.5\"",
        "null",
    ] {
        assert!(!valid(number), "{number}");
    }
}

#[test]
fn a_group_of_one_and_a_least_above_the_most_are_refused() {
    let with = |size: &str| {
        let text =
            format!(r#"{{"activity_key": "coffee", "time_window": "SAT", "group_size": {size}}}"#);
        faults(Kind::Brief, &text)
    };
    assert!(with(r#"{"min": 1, "max": 6}"#).starts_with("$.group_size.min: 1 is not"));
    assert!(with(r#"{"min": 5, "max": 4}"#).starts_with("$.group_size.min: more than max"));
    assert!(with(r#"{"min": 2}"#).starts_with("$.group_size.max: missing"));
    assert!(with(r#"{"min": 2.5, "max": 4}"#).starts_with("$.group_size.min: 2.5 is not"));
}

#[test]
fn the_same_activity_twice_is_refused() {
    let twice = r#"[{"activity_key": "coffee"}, {"activity_key": "coffee"}]"#;
    assert!(faults(Kind::ActivityPatterns, twice).starts_with("$[1].activity_key: an activity"));
}

#[test]
fn a_document_nested_too_deeply_is_a_fault_and_no_crash() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(faults(Kind::ActivityPatterns, &deep).starts_with("$: not JSON"));
}

proptest! {
    #[test]
    fn any_text_is_judged_without_a_panic(text in ".{0,200}") {
        for name in Kind::NAMES {
            let kind = Kind::named(name).expect("a kind");
            let _ = fault(kind, &text);
        }
    }

    #[test]
    fn a_range_is_valid_exactly_where_it_is_from_zero_to_one(thousandths in -3000i32..3000, zeros in 0usize..5) {
        let sign = if thousandths < 0 { "-" } else { "" };
        let whole = thousandths.abs() / 1000;
        let number = format!("{sign}{whole}.{:03}{}", thousandths.abs() % 1000, "0".repeat(zeros));
        let text = format!(r#"{{"reliability": {{"range_value": {number}, "confidence": 0.5}}}}"#);
        prop_assert_eq!(fault(Kind::Fingerprint, &text).is_none(), (0..=1000).contains(&thousandths));
    }

    #[test]
    fn the_path_leads_to_the_fault(factor in 0usize..12, value in "[a-z]{1,8}") {
        let name = FACTORS[factor];
        let text = format!(r#"{{"{name}": {{"range_value": 0.5, "confidence": "{value}"}}}}"#);
        let path = format!("$.{name}.confidence: ");
        prop_assert!(faults(Kind::Fingerprint, &text).starts_with(&path));
    }
}
