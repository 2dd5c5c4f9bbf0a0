//! The rules of automod: what a rule's config may say, and what a rule makes of what is written.

use serde_json::{Map, Value};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    Refuse,
    Hold,
}

impl Action {
    pub fn name(self) -> &'static str {
        match self {
            Action::Refuse => "refuse",
            Action::Hold => "hold",
        }
    }
}

#[derive(Debug, PartialEq)]
enum Kind {
    /// No more than so many within the seconds that the facts are about.
    RateLimit {
        count: f64,
    },
    /// The first so many are special.
    FirstPost {
        count: f64,
    },
    BannedDomain {
        domains: Vec<String>,
    },
    TrustScore {
        minimum: f64,
    },
}

#[derive(Debug, PartialEq)]
pub struct Rule {
    kind: Kind,
    content: Vec<String>,
    pub action: Action,
    pub message: String,
}

pub const TYPES: [&str; 4] = ["rate_limit", "first_post", "banned_domain", "trust_score"];
const CONTENT: [&str; 3] = ["post", "answer", "comment"];
const COMMON: [&str; 3] = ["action", "message", "content"];
const LONGEST_MESSAGE: usize = 500;
const MOST_DOMAINS: usize = 1000;
const A_YEAR: f64 = 31_536_000.0;

/// The rule that a config says, or where the config departs from what it may say.
pub fn rule(rule_type: &str, config: &str) -> Result<Rule, String> {
    let value: Value = serde_json::from_str(config)
        .map_err(|failure| format!("$: not JSON that can be read ({failure})"))?;
    let Value::Object(config) = &value else {
        return Err("$: not an object".to_owned());
    };
    let (own, default): (&[&str], _) = match rule_type {
        "rate_limit" => (
            &["count", "seconds"],
            (Action::Refuse, "Too much at once. Try again later."),
        ),
        "first_post" => (
            &["count"],
            (Action::Hold, "What a new member writes is looked at first."),
        ),
        "banned_domain" => (
            &["domains"],
            (Action::Refuse, "It names a site that is banned here."),
        ),
        "trust_score" => (
            &["minimum"],
            (
                Action::Hold,
                "It is looked at until its author is better known.",
            ),
        ),
        _ => {
            return Err(format!(
                "$: there is no rule of type \"{rule_type}\"; the types are {}",
                TYPES.join(", ")
            ));
        }
    };
    if let Some(key) = config
        .keys()
        .find(|key| !own.contains(&key.as_str()) && !COMMON.contains(&key.as_str()))
    {
        return Err(format!(
            "$.{key}: no such field; a {rule_type} rule has {}, {}",
            own.join(", "),
            COMMON.join(", ")
        ));
    }
    let kind = match rule_type {
        "rate_limit" => {
            number(config, "seconds", 1.0, A_YEAR, true)?;
            Kind::RateLimit {
                count: number(config, "count", 1.0, 1e5, true)?,
            }
        }
        "first_post" => Kind::FirstPost {
            count: match config.get("count") {
                None => 1.0,
                Some(_) => number(config, "count", 1.0, 1e3, true)?,
            },
        },
        "banned_domain" => Kind::BannedDomain {
            domains: domains(config)?,
        },
        _ => Kind::TrustScore {
            minimum: number(config, "minimum", -1e9, 1e9, false)?,
        },
    };
    Ok(Rule {
        kind,
        content: content(config)?,
        action: action(config, default.0)?,
        message: message(config, default.1)?,
    })
}

impl Rule {
    /// Whether what is written breaks the rule.
    ///
    /// - `content`: `post`, `answer` or `comment`;
    /// - `fact`: of a rate_limit how many the author wrote within its time, of a first_post how many
    ///   of the author's are published, of a trust_score the author's points;
    /// - `texts`: what is written; a text that is JSON counts with each string in it.
    pub fn is_broken(&self, content: &str, fact: f64, texts: &[&str]) -> bool {
        self.content.iter().any(|name| name == content)
            && match &self.kind {
                Kind::RateLimit { count } => fact >= *count,
                Kind::FirstPost { count } => fact < *count,
                Kind::TrustScore { minimum } => fact < *minimum,
                Kind::BannedDomain { domains } => texts.iter().any(|text| names(text, domains)),
            }
    }
}

fn number(
    config: &Map<String, Value>,
    key: &str,
    least: f64,
    most: f64,
    whole: bool,
) -> Result<f64, String> {
    let wanted = || {
        let kind = if whole { "whole number" } else { "number" };
        format!("$.{key}: not a {kind} from {least} to {most}")
    };
    let value = config.get(key).ok_or_else(|| format!("$.{key}: missing"))?;
    let found = value.as_f64().ok_or_else(wanted)?;
    if (least..=most).contains(&found) && (!whole || found.fract() == 0.0) {
        Ok(found)
    } else {
        Err(wanted())
    }
}

fn action(config: &Map<String, Value>, default: Action) -> Result<Action, String> {
    match config.get("action") {
        None => Ok(default),
        Some(Value::String(name)) if name == "refuse" => Ok(Action::Refuse),
        Some(Value::String(name)) if name == "hold" => Ok(Action::Hold),
        Some(_) => Err("$.action: neither \"refuse\" nor \"hold\"".to_owned()),
    }
}

fn message(config: &Map<String, Value>, default: &str) -> Result<String, String> {
    match config.get("message") {
        None => Ok(default.to_owned()),
        Some(Value::String(text))
            if !text.trim().is_empty() && text.chars().count() <= LONGEST_MESSAGE =>
        {
            Ok(text.clone())
        }
        Some(_) => Err(format!(
            "$.message: not a text of 1 to {LONGEST_MESSAGE} characters"
        )),
    }
}

fn content(config: &Map<String, Value>) -> Result<Vec<String>, String> {
    let list = match config.get("content") {
        None => return Ok(CONTENT.map(str::to_owned).to_vec()),
        Some(Value::Array(list)) if !list.is_empty() => list,
        Some(_) => return Err("$.content: not a list of at least one type of content".to_owned()),
    };
    list.iter()
        .enumerate()
        .map(|(place, value)| match value.as_str() {
            Some(name) if CONTENT.contains(&name) => Ok(name.to_owned()),
            _ => Err(format!(
                "$.content[{place}]: no such content; it is {}",
                CONTENT.join(", ")
            )),
        })
        .collect()
}

fn domains(config: &Map<String, Value>) -> Result<Vec<String>, String> {
    let list = match config.get("domains") {
        None => return Err("$.domains: missing".to_owned()),
        Some(Value::Array(list)) if (1..=MOST_DOMAINS).contains(&list.len()) => list,
        Some(_) => {
            return Err(format!(
                "$.domains: not a list of 1 to {MOST_DOMAINS} domains"
            ));
        }
    };
    list.iter()
        .enumerate()
        .map(|(place, value)| match value.as_str() {
            Some(name) if is_domain(name) => Ok(name.to_owned()),
            _ => Err(format!(
                "$.domains[{place}]: not a domain in lower case, such as \"spam.example\""
            )),
        })
        .collect()
}

fn is_domain(name: &str) -> bool {
    name.len() <= 253
        && name.contains('.')
        && name.to_lowercase() == name
        && name
            .split('.')
            .all(|label| !label.is_empty() && label.chars().all(|c| c != '.' && of_a_host(c)))
}

/// What a host's name is made of, its dots included.
fn of_a_host(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Whether the text names one of the domains, or a host in it.
fn names(text: &str, domains: &[String]) -> bool {
    match serde_json::from_str::<Value>(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => names_in(&value, domains),
        _ => plainly_names(text, domains),
    }
}

fn names_in(value: &Value, domains: &[String]) -> bool {
    match value {
        Value::String(text) => plainly_names(text, domains),
        Value::Array(list) => list.iter().any(|value| names_in(value, domains)),
        Value::Object(object) => object
            .iter()
            .any(|(key, value)| plainly_names(key, domains) || names_in(value, domains)),
        _ => false,
    }
}

fn plainly_names(text: &str, domains: &[String]) -> bool {
    let text = readable(text);
    text.split(|c| !of_a_host(c))
        .map(|host| host.trim_matches('.'))
        .filter(|host| host.contains('.'))
        .any(|host| {
            domains.iter().any(|domain| {
                host.strip_suffix(domain.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
        })
}

/// The text as a browser would follow it: in lower case, percent-encoding undone, the full stops of
/// other scripts as dots, and without what nobody sees.
fn readable(text: &str) -> String {
    decoded(text)
        .chars()
        .filter(|c| {
            !matches!(
                c,
                '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}'
            )
        })
        .map(|c| match c {
            '\u{3002}' | '\u{FF0E}' | '\u{FF61}' => '.',
            // The full-width forms of ASCII.
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFF01 + 0x21).unwrap_or(c),
            other => other,
        })
        .flat_map(char::to_lowercase)
        .collect()
}

fn decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        let byte = bytes
            .get(place + 1..place + 3)
            .filter(|_| bytes[place] == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(byte.unwrap_or(bytes[place]));
        place += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod rules {
    use super::*;
    use proptest::prelude::*;

    fn broken(rule_type: &str, config: &str, fact: f64, text: &str) -> bool {
        rule(rule_type, config)
            .unwrap()
            .is_broken("post", fact, &[text])
    }

    #[test]
    fn a_fault_names_its_path() {
        for (rule_type, config, fault) in [
            ("rate_limit", "[]", "$: not an object"),
            ("rate_limit", r#"{"count": 5}"#, "$.seconds: missing"),
            (
                "rate_limit",
                r#"{"count": 0, "seconds": 60}"#,
                "$.count: not a whole number from 1 to 100000",
            ),
            (
                "rate_limit",
                r#"{"count": 1.5, "seconds": 60}"#,
                "$.count: not a whole number from 1 to 100000",
            ),
            (
                "first_post",
                r#"{"counts": 5}"#,
                "$.counts: no such field; a first_post rule has count, action, message, content",
            ),
            ("banned_domain", "{}", "$.domains: missing"),
            (
                "banned_domain",
                r#"{"domains": ["a.example", "http://b.example"]}"#,
                "$.domains[1]: not a domain in lower case, such as \"spam.example\"",
            ),
            (
                "banned_domain",
                r#"{"domains": ["A.example"]}"#,
                "$.domains[0]: not a domain in lower case, such as \"spam.example\"",
            ),
            (
                "trust_score",
                r#"{"minimum": "5"}"#,
                "$.minimum: not a number from -1000000000 to 1000000000",
            ),
            (
                "trust_score",
                r#"{"minimum": 5, "action": "ban"}"#,
                "$.action: neither \"refuse\" nor \"hold\"",
            ),
            (
                "trust_score",
                r#"{"minimum": 5, "message": " "}"#,
                "$.message: not a text of 1 to 500 characters",
            ),
            (
                "trust_score",
                r#"{"minimum": 5, "content": ["post", "poll"]}"#,
                "$.content[1]: no such content; it is post, answer, comment",
            ),
            (
                "captcha",
                "{}",
                "$: there is no rule of type \"captcha\"; the types are rate_limit, first_post, banned_domain, trust_score",
            ),
        ] {
            assert_eq!(rule(rule_type, config), Err(fault.to_owned()));
        }
    }

    #[test]
    fn numbers_decide_at_their_edge() {
        let limit = r#"{"count": 3, "seconds": 60}"#;
        assert!(!broken("rate_limit", limit, 2.0, ""));
        assert!(broken("rate_limit", limit, 3.0, ""));
        assert!(broken("first_post", "{}", 0.0, ""));
        assert!(!broken("first_post", "{}", 1.0, ""));
        assert!(broken("trust_score", r#"{"minimum": 10}"#, 9.99, ""));
        assert!(!broken("trust_score", r#"{"minimum": 10}"#, 10.0, ""));
    }

    #[test]
    fn a_rule_speaks_of_its_content_alone() {
        let comments = rule("first_post", r#"{"content": ["comment"]}"#).unwrap();
        assert!(comments.is_broken("comment", 0.0, &[]));
        assert!(!comments.is_broken("post", 0.0, &[]));
    }

    #[test]
    fn a_banned_domain_is_found_however_it_is_written() {
        let config = r#"{"domains": ["spam.example"]}"#;
        for text in [
            "see spam.example",
            "https://SPAM.example/offer?x=1",
            "http://a.b.spam.example.",
            "http://user:secret@spam.example:8080/",
            "https://spam%2Eexample/",
            "https://%73pam.example",
            "spam\u{3002}example",
            "sp\u{200B}am.exam\u{AD}ple",
            "\u{FF53}pam.example",
            "[click](//spam.example)",
            r#"{"blocks": [{"text": "a\nspam.example"}]}"#,
        ] {
            assert!(broken("banned_domain", config, 0.0, text), "{text}");
        }
    }

    #[test]
    fn another_domain_is_not_the_banned_one() {
        let config = r#"{"domains": ["spam.example"]}"#;
        for text in [
            "notspam.example",
            "spam.example.org",
            "spam example",
            "spamxexample",
            "100% spam.",
            "",
        ] {
            assert!(!broken("banned_domain", config, 0.0, text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_banned_host_is_found_in_whatever_text(before in "[^a-zA-Z0-9._%-]{0,20}", label in "[a-z0-9]{1,9}", after in "[^\\w.%-]{0,20}") {
            let text = format!("{before} {label}.spam.example {after}");
            prop_assert!(plainly_names(&text, &["spam.example".to_owned()]));
        }

        #[test]
        fn no_text_panics(text in any::<String>(), config in any::<String>()) {
            plainly_names(&text, &["spam.example".to_owned()]);
            for rule_type in TYPES {
                prop_assert!(rule(rule_type, &config).is_err() || !config.is_empty());
            }
        }
    }
}
