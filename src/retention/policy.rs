//! A policy, and how it is written into the arguments of its trigger.

use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    Delete,
    Null,
    Anonymize,
    Summarize,
}

impl Action {
    pub const ALL: [Action; 4] = [
        Action::Delete,
        Action::Null,
        Action::Anonymize,
        Action::Summarize,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Action::Delete => "delete",
            Action::Null => "null",
            Action::Anonymize => "anonymize",
            Action::Summarize => "summarize",
        }
    }

    pub fn named(name: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.name() == name)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub name: String,
    pub age_column: String,
    /// As Postgres reads an interval under every IntervalStyle.
    pub keep: String,
    pub action: Action,
    pub columns: Option<Value>,
    /// The qualified name of the table that rows are summarized in.
    pub summary: Option<String>,
    pub condition: Option<String>,
    /// The name of the log, which is in the schema of the table.
    pub log: String,
}

impl Policy {
    pub fn arguments(&self) -> [String; 8] {
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        [
            self.name.clone(),
            self.age_column.clone(),
            self.keep.clone(),
            self.action.name().to_owned(),
            self.columns
                .as_ref()
                .map(Value::to_string)
                .unwrap_or_default(),
            or_empty(&self.summary),
            or_empty(&self.condition),
            self.log.clone(),
        ]
    }

    pub fn from_arguments(arguments: &[String]) -> Option<Policy> {
        let [
            name,
            age_column,
            keep,
            action,
            columns,
            summary,
            condition,
            log,
        ] = arguments
        else {
            return None;
        };
        let filled = |text: &String| (!text.is_empty()).then(|| text.clone());
        Some(Policy {
            name: name.clone(),
            age_column: age_column.clone(),
            keep: keep.clone(),
            action: Action::named(action)?,
            columns: match columns.as_str() {
                "" => None,
                text => Some(serde_json::from_str(text).ok()?),
            },
            summary: filled(summary),
            condition: filled(condition),
            log: log.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_policy_reads_back_as_it_was_written(
            words in proptest::collection::vec("[^\0]{1,20}", 5), condition in proptest::option::of("[^\0]{1,20}"),
            action in 0usize..4,
        ) {
            let policy = Policy {
                name: words[0].clone(),
                age_column: words[1].clone(),
                keep: words[2].clone(),
                action: Action::ALL[action],
                columns: Some(serde_json::json!([words[3]])),
                summary: None,
                condition,
                log: words[4].clone(),
            };
            prop_assert_eq!(Policy::from_arguments(&policy.arguments()), Some(policy));
        }
    }

    #[test]
    fn arguments_of_another_trigger_are_no_policy() {
        assert_eq!(Policy::from_arguments(&[]), None);
        let forged = ["a", "b", "1 day", "drop", "", "", "", "log"].map(str::to_owned);
        assert_eq!(Policy::from_arguments(&forged), None);
    }
}
