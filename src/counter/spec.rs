//! What one counter is, and how a trigger's arguments say it:
//! `('founders.social_feed_posts', 'id', 'post_id', 'count=reaction_count')`.

use super::names;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Schema and table. A name, not an OID: it survives dump and restore, and resolves on
    /// whichever node the trigger runs.
    pub parent: Table,
    pub parent_key: Vec<String>,
    pub child_key: Vec<String>,
    pub measure: Measure,
    pub counted: Option<String>,
    /// Over how many rows the increments of one parent are spread; 0 is straight into the parent.
    pub slots: u16,
    /// Whether rows that logical replication applies are counted here.
    pub applied: bool,
    /// On a partition: the partitioned table that the counter was created for.
    pub partition_of: Option<Table>,
}

pub type Table = (String, String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    Count {
        counter: String,
    },
    Sum {
        sum: String,
        value: String,
    },
    Average {
        average: String,
        count: Option<String>,
        value: String,
        empty: Empty,
    },
}

/// What an average is of no children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    Null,
    Default,
}

impl Measure {
    /// The column that names the counter.
    pub fn column(&self) -> &str {
        match self {
            Measure::Count { counter } => counter,
            Measure::Sum { sum, .. } => sum,
            Measure::Average { average, .. } => average,
        }
    }

    /// Every column of the parent that the engine writes.
    pub fn columns(&self) -> Vec<String> {
        let mut columns = vec![self.column().to_owned()];
        if let Measure::Average {
            count: Some(count), ..
        } = self
        {
            columns.push(count.clone());
        }
        columns
    }

    pub fn value(&self) -> Option<&str> {
        match self {
            Measure::Count { .. } => None,
            Measure::Sum { value, .. } | Measure::Average { value, .. } => Some(value),
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Measure::Count { .. } => "count",
            Measure::Sum { .. } => "sum",
            Measure::Average { .. } => "average",
        }
    }
}

pub fn table_name(table: &Table) -> String {
    format!("{}.{}", names::quote(&table.0), names::quote(&table.1))
}

pub fn table_of(text: &str) -> Option<Table> {
    <[String; 2]>::try_from(names::split(text, '.')?)
        .ok()
        .map(|[schema, table]| (schema, table))
}

fn one(text: &str) -> Option<String> {
    <[String; 1]>::try_from(names::split(text, ',')?)
        .ok()
        .map(|[name]| name)
}

impl Spec {
    pub fn parent_name(&self) -> String {
        table_name(&self.parent)
    }

    pub fn to_arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            self.parent_name(),
            names::join(&self.parent_key, ", "),
            names::join(&self.child_key, ", "),
            format!(
                "{}={}",
                self.measure.kind(),
                names::quote(self.measure.column())
            ),
        ];
        if let Some(value) = self.measure.value() {
            arguments.push(format!("value={}", names::quote(value)));
        }
        if let Measure::Average { count, empty, .. } = &self.measure {
            if let Some(count) = count {
                arguments.push(format!("rows={}", names::quote(count)));
            }
            if *empty == Empty::Default {
                arguments.push("empty=default".to_owned());
            }
        }
        if let Some(counted) = &self.counted {
            arguments.push(format!("where={counted}"));
        }
        if self.slots > 0 {
            arguments.push(format!("slots={}", self.slots));
        }
        if self.applied {
            arguments.push("applied=true".to_owned());
        }
        if let Some(root) = &self.partition_of {
            arguments.push(format!("partition_of={}", table_name(root)));
        }
        arguments
    }

    /// `None` for arguments that [`Spec::to_arguments`] did not write.
    pub fn from_arguments(arguments: &[String]) -> Option<Spec> {
        let [parent, parent_key, child_key, measure, options @ ..] = arguments else {
            return None;
        };
        let (mut value, mut rows, mut empty) = (None, None, Empty::Null);
        let mut spec = Spec {
            parent: table_of(parent)?,
            parent_key: names::split(parent_key, ',')?,
            child_key: names::split(child_key, ',')?,
            measure: Measure::Count {
                counter: String::new(),
            },
            counted: None,
            slots: 0,
            applied: false,
            partition_of: None,
        };
        for option in options {
            match option.split_once('=')? {
                ("value", name) => value = Some(one(name)?),
                ("rows", name) => rows = Some(one(name)?),
                ("empty", "default") => empty = Empty::Default,
                ("where", sql) => spec.counted = Some(sql.to_owned()),
                ("slots", number) => spec.slots = number.parse().ok()?,
                ("applied", "true") => spec.applied = true,
                ("partition_of", name) => spec.partition_of = Some(table_of(name)?),
                _ => return None,
            }
        }
        spec.measure = match (measure.split_once('=')?, value) {
            (("count", name), None) => Measure::Count {
                counter: one(name)?,
            },
            (("sum", name), Some(value)) => Measure::Sum {
                sum: one(name)?,
                value,
            },
            (("average", name), Some(value)) => Measure::Average {
                average: one(name)?,
                count: rows,
                value,
                empty,
            },
            _ => return None,
        };
        (spec.parent_key.len() == spec.child_key.len()).then_some(spec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name() -> impl Strategy<Value = String> {
        "[a-z A-Z0-9_.,=\"'é]{1,20}"
    }

    fn measure() -> impl Strategy<Value = Measure> {
        prop_oneof![
            name().prop_map(|counter| Measure::Count { counter }),
            (name(), name()).prop_map(|(sum, value)| Measure::Sum { sum, value }),
            (name(), proptest::option::of(name()), name(), any::<bool>()).prop_map(
                |(average, count, value, null)| Measure::Average {
                    average,
                    count,
                    value,
                    empty: if null { Empty::Null } else { Empty::Default },
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn a_counter_reads_back_from_its_triggers_arguments(
            parent in (name(), name()),
            keys in proptest::collection::vec((name(), name()), 1..4),
            measure in measure(),
            counted in proptest::option::of("[a-z ='(),]{1,20}"),
            slots in any::<u16>(),
            applied in any::<bool>(),
            partition_of in proptest::option::of((name(), name())),
        ) {
            let (parent_key, child_key) = keys.into_iter().unzip();
            let spec = Spec {
                parent, parent_key, child_key, measure, counted, slots, applied, partition_of,
            };
            prop_assert_eq!(Spec::from_arguments(&spec.to_arguments()), Some(spec));
        }
    }

    #[test]
    fn arguments_that_are_no_counters_are_refused() {
        for arguments in [
            &["s.p", "id", "post_id"][..],
            &["p", "id", "post_id", "count=n"],
            &["s.p", "id", "a, b", "count=n"],
            &["s.p", "id", "post_id", "sum=n"],
            &["s.p", "id", "post_id", "count=n", "value=x"],
            &["s.p", "id", "post_id", "count=n", "slots=many"],
            &["s.p", "id", "post_id", "count=n", "other=1"],
        ] {
            let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(Spec::from_arguments(&arguments), None, "{arguments:?}");
        }
    }
}
