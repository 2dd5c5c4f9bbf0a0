//! Names as a trigger's arguments hold them: quoted where SQL wants quotes, so that a person can
//! read `\d`, and one name or a list of names always reads back as what was written.

/// `name` quoted where SQL would fold or misread it.
pub fn quote(name: &str) -> String {
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    if plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

pub fn join(names: &[String], separator: &str) -> String {
    names
        .iter()
        .map(|name| quote(name))
        .collect::<Vec<_>>()
        .join(separator)
}

/// The names of a text that [`join`] wrote; `None` for any other text.
pub fn split(text: &str, separator: char) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if_eq(&' ').is_some() {}
        let mut name = String::new();
        if rest.next_if_eq(&'"').is_some() {
            loop {
                match rest.next()? {
                    '"' if rest.next_if_eq(&'"').is_some() => name.push('"'),
                    '"' => break,
                    other => name.push(other),
                }
            }
        } else {
            while let Some(c) = rest.next_if(|c| *c != separator && *c != '"') {
                name.push(c);
            }
        }
        if name.is_empty() {
            return None;
        }
        names.push(name);
        match rest.next() {
            None => return Some(names),
            Some(c) if c == separator => {}
            Some(_) => return None,
        }
    }
}

/// `base_suffix` as Postgres can hold it: cut where it is too long, with the sum of the whole in
/// the place of what was cut, so that it is still one name per base.
pub fn fit(base: &str, suffix: &str) -> String {
    let name = format!("{base}_{suffix}");
    if name.len() < NAME_LENGTH {
        return name;
    }
    let sum = base.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut room = NAME_LENGTH - suffix.len() - "__".len() - 8 - 1;
    while !base.is_char_boundary(room) {
        room -= 1;
    }
    format!("{}_{:08x}_{suffix}", &base[..room], sum as u32)
}

const NAME_LENGTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_list_of_names_reads_back_as_it_was_written(
            names in proptest::collection::vec("[a-z_\"., A-Zé0-9]{1,12}", 1..4)
        ) {
            prop_assert_eq!(split(&join(&names, ", "), ','), Some(names.clone()));
            prop_assert_eq!(split(&join(&names, "."), '.'), Some(names));
        }
    }

    proptest! {
        #[test]
        fn a_name_always_fits_and_long_ones_stay_apart(base in "[a-zé]{50,90}") {
            let (one, other) = (fit(&base, "insert"), fit(&format!("{base}x"), "insert"));
            prop_assert!(one.len() < NAME_LENGTH && other.len() < NAME_LENGTH);
            prop_assert_ne!(one, other);
        }
    }

    #[test]
    fn a_text_that_is_no_list_of_names_is_refused() {
        for text in ["", "a,", ",a", "\"a", "\"a\"b", "a\"b"] {
            assert_eq!(split(text, ','), None, "{text}");
        }
    }
}
