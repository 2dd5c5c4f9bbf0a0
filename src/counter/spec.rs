//! What one counter is, and how a trigger's arguments say it:
//! `('founders.social_feed_posts', 'id', 'post_id', 'count=reaction_count')`.

use super::names;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Schema and table. A name, not an OID: it survives dump and restore, and resolves on
    /// whichever node the trigger runs.
    pub parent: (String, String),
    pub parent_key: Vec<String>,
    pub child_key: Vec<String>,
    pub counter: String,
    pub counted: Option<String>,
}

impl Spec {
    pub fn parent_name(&self) -> String {
        format!(
            "{}.{}",
            names::quote(&self.parent.0),
            names::quote(&self.parent.1)
        )
    }

    /// Whether `other` feeds the same column from the same key: then one replaces the other.
    pub fn is_same_counter(&self, other: &Spec) -> bool {
        self.parent == other.parent
            && self.child_key == other.child_key
            && self.counter == other.counter
    }

    pub fn to_arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            self.parent_name(),
            names::join(&self.parent_key, ", "),
            names::join(&self.child_key, ", "),
            format!("count={}", names::quote(&self.counter)),
        ];
        if let Some(counted) = &self.counted {
            arguments.push(format!("where={counted}"));
        }
        arguments
    }

    pub fn from_arguments(arguments: &[String]) -> Option<Spec> {
        let [parent, parent_key, child_key, options @ ..] = arguments else {
            return None;
        };
        let mut parent = names::split(parent, '.')?.into_iter();
        let parent = (parent.next()?, parent.next()?);
        let parent_key = names::split(parent_key, ',')?;
        let child_key = names::split(child_key, ',')?;
        let (mut counter, mut counted) = (None, None);
        for option in options {
            let (name, value) = option.split_once('=')?;
            match name {
                "count" => counter = Some(names::split(value, ',')?.pop()?),
                "where" => counted = Some(value.to_owned()),
                _ => return None,
            }
        }
        (parent_key.len() == child_key.len()).then_some(Spec {
            parent,
            parent_key,
            child_key,
            counter: counter?,
            counted,
        })
    }
}
