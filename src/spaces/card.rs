//! What looks like a payment card's number in a text: 13 to 19 digits that pass the Luhn check of
//! ISO/IEC 7812-1, annex B, written together or in groups.

const LENGTHS: std::ops::RangeInclusive<usize> = 13..=19;

/// Whether some groups of digits that follow one another, with nothing but spaces and hyphens
/// between, make up a card number. A group counts as a whole: a longer number that only contains
/// the digits of a card number is another number.
pub fn is_in(text: &str) -> bool {
    let text = without_uuids(text);
    let mut groups: Vec<Vec<u8>> = Vec::new();
    let mut in_group = false;
    for character in text.chars() {
        match digit(character) {
            Some(digit) if in_group => groups.last_mut().into_iter().for_each(|g| g.push(digit)),
            Some(digit) => groups.push(vec![digit]),
            None if is_separator(character) => {}
            None => {
                if some_make_up_a_number(&groups) {
                    return true;
                }
                groups.clear();
            }
        }
        in_group = digit(character).is_some();
    }
    some_make_up_a_number(&groups)
}

/// A digit of ASCII, or a full-width one as East Asian keyboards write it.
fn digit(character: char) -> Option<u8> {
    match character {
        '0'..='9' => Some(character as u8 - b'0'),
        '０'..='９' => Some((character as u32 - '０' as u32) as u8),
        _ => None,
    }
}

fn is_separator(character: char) -> bool {
    character.is_whitespace() || matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

fn some_make_up_a_number(groups: &[Vec<u8>]) -> bool {
    (0..groups.len()).any(|first| {
        let mut digits = Vec::new();
        groups[first..].iter().any(|group| {
            digits.extend_from_slice(group);
            LENGTHS.contains(&digits.len()) && passes_luhn(&digits)
        })
    })
}

/// From the right every second digit is doubled and its digits are added up; the whole sum is a
/// multiple of ten.
fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match place % 2 {
            0 => u32::from(*digit),
            _ => u32::from(digit * 2 / 10 + digit * 2 % 10),
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The text with a letter in the place of each UUID: one in a few hundred has digits that would
/// look like a card number.
fn without_uuids(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let stands_alone = !kept.ends_with(|last: char| last.is_ascii_hexdigit() || last == '-');
        match rest.get(..36) {
            Some(start) if stands_alone && is_uuid(start) && !continues(&rest[36..]) => {
                kept.push('u');
                rest = &rest[36..];
            }
            _ => {
                kept.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    kept
}

fn continues(rest: &str) -> bool {
    rest.starts_with(|next: char| next.is_ascii_hexdigit() || next == '-')
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(place, byte)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

#[cfg(test)]
mod numbers {
    use super::*;
    use proptest::prelude::*;

    /// The digits and the one that makes them pass.
    fn completed(mut digits: Vec<u8>) -> String {
        digits.push(0);
        while !passes_luhn(&digits) {
            *digits.last_mut().expect("the check digit") += 1;
        }
        digits.iter().map(|digit| (b'0' + digit) as char).collect()
    }

    fn digits(length: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(0..10u8, length)
    }

    #[test]
    fn the_test_numbers_of_the_card_schemes_are_found() {
        for number in [
            "4111111111111111",
            "4222222222222",
            "5555 5555 5555 4444",
            "3782-822463-10005",
            "6011 0009 9013 9424",
            "6304000000000000000",
            "４１１１ １１１１ １１１１ １１１１",
        ] {
            assert!(is_in(number), "{number}");
        }
    }

    #[test]
    fn what_else_has_many_digits_is_left_alone() {
        for text in [
            "",
            "4242",
            "4111111111111112",
            "pm_1N3T00LkdIwHu7ixt44h1F8k",
            "2026-11-25 20:07:05.123456+00",
            "+1 415 555 0100",
            // Twelve digits and twenty, though both pass.
            "411111111116",
            "41111111111111111110",
            // The last two groups alone would make up a number.
            "e29b41d4-a716-4466-4111-111111111111",
            "pledge:018f4111-1111-7111-8111-111111111111:2026-01-31",
        ] {
            assert!(!is_in(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_found_however_it_is_grouped_and_whatever_stands_around(
            digits in digits(12..=18), breaks in any::<u32>(), separator in "[ -]{1,3}",
            before in "[a-z:\"(]{1,9}", after in "[a-z:\")]{1,9}"
        ) {
            let mut written = before;
            for (place, digit) in completed(digits).chars().enumerate() {
                if place > 0 && breaks >> place & 1 == 1 {
                    written.push_str(&separator);
                }
                written.push(digit);
            }
            written.push_str(&after);
            prop_assert!(is_in(&written), "{}", written);
        }

        #[test]
        fn one_wrong_digit_is_no_number(digits in digits(12..=18), place in any::<prop::sample::Index>(), by in 1..10u8) {
            let mut number = completed(digits).into_bytes();
            let place = place.index(number.len());
            number[place] = b'0' + (number[place] - b'0' + by) % 10;
            prop_assert!(!is_in(&String::from_utf8_lossy(&number)));
        }

        #[test]
        fn two_neighbours_exchanged_are_no_number_unless_they_are_0_and_9(
            digits in digits(12..=18), place in any::<prop::sample::Index>()
        ) {
            let mut number = completed(digits).into_bytes();
            let place = place.index(number.len() - 1);
            let (a, b) = (number[place], number[place + 1]);
            number.swap(place, place + 1);
            let same = a == b || (a.min(b), a.max(b)) == (b'0', b'9');
            prop_assert_eq!(is_in(&String::from_utf8_lossy(&number)), same);
        }

        #[test]
        fn fewer_than_13_digits_and_more_than_19_are_no_number(short in digits(1..=11), long in digits(19..=40)) {
            prop_assert!(!is_in(&completed(short)));
            prop_assert!(!is_in(&completed(long)));
        }

        #[test]
        fn a_uuid_is_no_number(id in any::<u128>()) {
            let id = format!("{id:032}");
            let id = &id[id.len() - 32..];
            let uuid = format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]);
            prop_assert!(!is_in(&uuid));
        }

        #[test]
        fn any_text_is_judged(text in any::<String>()) {
            is_in(&text);
        }
    }
}
