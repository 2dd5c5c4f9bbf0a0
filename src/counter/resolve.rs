//! A counter's names made into what a trigger runs with: column numbers, types, plans. Done once
//! per backend and trigger, and again when the catalogue says that something changed.

use super::expression::Expression;
use super::figure::Figure;
use super::image::Column;
use super::spec::{Measure, Spec, Table, table_name, table_of};
use super::sql::Sql;
use super::statement::{Statement, array_type};
use super::{check, keys, query, side};
use crate::catalog::{self, ON_INSERT, ON_UPDATE};
use crate::error;
use crate::remembered::{Known, Registry, Remembered};
use pgrx::{PgRelation, pg_sys};
use std::ffi::CStr;
use std::rc::Rc;

pub struct Counter {
    pub spec: Spec,
    /// The child's key, and the same of the parent.
    pub keys: Vec<Column>,
    pub parent_keys: Vec<Column>,
    pub value: Option<Column>,
    pub counted: Option<Expression>,
    /// A child may be without its parent, as no foreign key says otherwise.
    pub loose: bool,
    /// The column and the amounts that are added to it one by one are integers, not bigints: there
    /// is nothing to convert.
    pub adds_integers: bool,
    /// An update of the parent may call code that looks names up along search_path.
    pub calls_code: bool,
    /// How a count of one parent is added without a statement, where that can be.
    pub direct: Option<Figure>,
    pub add_one: Option<Statement>,
    pub few: Bulk,
    pub many: Bulk,
    pub present: Statement,
    pub orphans: Statement,
    pub sql: Sql,
    child: pg_sys::Oid,
    pub parent: pg_sys::Oid,
    /// The table beside the parent.
    side: Option<pg_sys::Oid>,
    pub parent_is_partitioned: bool,
}

/// What is done to a list of parents.
pub struct Bulk {
    pub lock: Statement,
    pub add: Statement,
}

impl Counter {
    pub fn new(spec: Spec, child: &PgRelation, parent: &PgRelation) -> Counter {
        let pairs = keys::pairs(&spec, child, parent);
        let types: Vec<_> = pairs.iter().map(|pair| pair.child_type).collect();
        let side = side::find(&spec).map(open);
        // A slot's increment leaves the parent alone.
        let calls_code = (spec.slots == 0 && catalog::calls_code(parent, ON_UPDATE))
            || (side.as_ref()).is_some_and(|side| catalog::calls_code(side, ON_INSERT | ON_UPDATE));
        let direct = if calls_code {
            None
        } else {
            direct(&spec, child, parent, side.as_ref(), &types)
        };
        let sql = Sql::new(&spec, child, parent, pairs);
        let lists: Vec<_> = types.iter().map(|of| array_type(*of)).collect();
        let mut one: Vec<_> = types;
        let mut all = lists.clone();
        for amount in amount_types(&spec.measure) {
            one.push(*amount);
            all.push(array_type(*amount));
        }
        let column = catalog::column(parent, spec.measure.column());
        let adds_integers = matches!(spec.measure, Measure::Count { .. })
            && spec.slots == 0
            && column.type_oid == pg_sys::INT4OID;
        if adds_integers {
            one.pop();
            one.push(pg_sys::INT4OID);
        }
        if spec.slots > 0 {
            one.push(pg_sys::INT2OID);
            all.push(pg_sys::INT2OID);
        }
        Counter {
            keys: spec
                .child_key
                .iter()
                .map(|name| Column::of(child, name))
                .collect(),
            parent_keys: spec
                .parent_key
                .iter()
                .map(|name| Column::of(parent, name))
                .collect(),
            value: spec
                .measure
                .value()
                .map(|name| Column::of(child, name))
                .map(base_type),
            counted: spec
                .counted
                .as_deref()
                .map(|counted| Expression::compile(counted, child)),
            loose: !check::has_foreign_key(&spec, child, parent),
            adds_integers,
            calls_code,
            direct,
            add_one: sql.add_one().map(|sql| Statement::generic(sql, one)),
            few: Bulk {
                lock: Statement::generic(sql.lock(), lists.clone()),
                add: Statement::generic(sql.add(), all.clone()),
            },
            many: Bulk {
                lock: Statement::custom(sql.lock(), lists.clone()),
                add: Statement::custom(sql.add(), all),
            },
            present: Statement::custom(sql.present(), lists.clone()),
            orphans: Statement::custom(sql.orphans(), lists),
            sql,
            child: child.oid(),
            parent: parent.oid(),
            side: side.map(|side| side.oid()),
            parent_is_partitioned: parent.is_partitioned_table(),
            spec,
        }
    }
}

/// A count's increment goes into its parent, or into the slot beside it. `types` are those of the
/// child's key.
fn direct(
    spec: &Spec,
    child: &PgRelation,
    parent: &PgRelation,
    side: Option<&PgRelation>,
    types: &[pg_sys::Oid],
) -> Option<Figure> {
    let Measure::Count { counter } = &spec.measure else {
        return None;
    };
    let owner = catalog::owner(child);
    let names = spec.parent_key.iter().map(String::as_str);
    let mut key: Vec<_> = names.zip(types.iter().copied()).collect();
    if spec.slots == 0 {
        return Figure::of(parent, owner, &key, counter);
    }
    key.push(("slot", pg_sys::INT2OID));
    Figure::of(side?, owner, &key, "amount")
}

fn open(table: pg_sys::Oid) -> PgRelation {
    catalog::open_table(table, pg_sys::AccessShareLock as pg_sys::LOCKMODE)
}

pub fn amount_types(measure: &Measure) -> &'static [pg_sys::Oid] {
    match measure {
        Measure::Count { .. } => &[pg_sys::INT8OID],
        Measure::Sum { .. } => &[pg_sys::NUMERICOID],
        Measure::Average { .. } => &[pg_sys::NUMERICOID, pg_sys::INT8OID],
    }
}

fn base_type(column: Column) -> Column {
    // SAFETY: the type of an existing column.
    Column {
        type_oid: unsafe { pg_sys::getBaseType(column.type_oid) },
        ..column
    }
}

impl Remembered for Counter {
    fn depends_on(&self, table: pg_sys::Oid) -> bool {
        self.child == table || self.parent == table || self.side == Some(table)
    }
}

thread_local! {
    static COUNTERS: &'static Registry<Counter> = Registry::leak();
}

/// The counter that `trigger` on `child` keeps, by the trigger's arguments.
pub fn counter(trigger: &pg_sys::Trigger, child: &PgRelation) -> Rc<Known<Counter>> {
    remembered(trigger, || {
        let (spec, parent) = spec(trigger, &arguments(trigger), child);
        Counter::new(spec, child, &parent)
    })
}

/// The counter whose parent `trigger` watches: its first argument is the child.
pub fn counter_of_parent(trigger: &pg_sys::Trigger, table: &PgRelation) -> Rc<Known<Counter>> {
    remembered(trigger, || {
        let arguments = arguments(trigger);
        let Some((child_name, arguments)) = arguments.split_first() else {
            let (name, table) = (trigger_name(trigger), catalog::qualified_name(table));
            error::raise(error::counter::bad_arguments(&name, &table))
        };
        let Some(child) = table_of(child_name).as_ref().and_then(find_table) else {
            let (name, table) = (trigger_name(trigger), catalog::qualified_name(table));
            error::raise(error::counter::child_missing(&name, &table, child_name))
        };
        let child = catalog::open_table(child, pg_sys::AccessShareLock as i32);
        let (spec, parent) = spec(trigger, arguments, &child);
        Counter::new(spec, &child, &parent)
    })
}

/// For a partition's counter, that of the whole partitioned table.
pub fn of_partitioned(counter: &Counter) -> Option<Counter> {
    let root = find_table(counter.spec.partition_of.as_ref()?)?;
    let lock = pg_sys::AccessShareLock as i32;
    let (root, parent) = (
        catalog::open_table(root, lock),
        catalog::open_table(counter.parent, lock),
    );
    let spec = Spec {
        partition_of: None,
        ..counter.spec.clone()
    };
    Some(query::safely(|| Counter::new(spec, &root, &parent)))
}

fn remembered(trigger: &pg_sys::Trigger, resolve: impl FnOnce() -> Counter) -> Rc<Known<Counter>> {
    COUNTERS.with(|counters| counters.get(trigger.tgoid, || query::safely(resolve)))
}

/// What the trigger's arguments say, and the parent they name, with every name checked.
fn spec(trigger: &pg_sys::Trigger, arguments: &[String], child: &PgRelation) -> (Spec, PgRelation) {
    let name = trigger_name(trigger);
    let child_name = catalog::qualified_name(child);
    let spec = Spec::from_arguments(arguments)
        .unwrap_or_else(|| error::raise(error::counter::bad_arguments(&name, &child_name)));
    if let Some(root) = &spec.partition_of
        && !is_partition_of(child, root)
    {
        error::raise(error::counter::not_a_partition(
            &name,
            &child_name,
            &table_name(root),
        ));
    }
    let Some(parent) = find_table(&spec.parent) else {
        error::raise(error::counter::parent_missing(
            &name,
            &child_name,
            &spec.parent_name(),
        ))
    };
    let parent = catalog::open_table(parent, pg_sys::AccessShareLock as i32);
    let values: Vec<_> = spec
        .measure
        .value()
        .map(str::to_owned)
        .into_iter()
        .collect();
    for (table, columns) in [
        (child, &spec.child_key),
        (child, &values),
        (&parent, &spec.parent_key),
        (&parent, &spec.measure.columns()),
    ] {
        if let Some(column) = columns.iter().find(|column| !has_column(table, column)) {
            let table = catalog::qualified_name(table);
            error::raise(error::counter::column_missing(&name, &table, column));
        }
    }
    (spec, parent)
}

/// The trigger's arguments as text.
pub fn arguments(trigger: &pg_sys::Trigger) -> Vec<String> {
    (0..trigger.tgnargs as usize)
        .map(|i| {
            // SAFETY: tgargs holds tgnargs NUL-terminated strings.
            unsafe { CStr::from_ptr(*trigger.tgargs.add(i)) }
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

pub fn trigger_name(trigger: &pg_sys::Trigger) -> String {
    // SAFETY: tgname is a NUL-terminated string for as long as the trigger descriptor lives.
    unsafe { CStr::from_ptr(trigger.tgname) }
        .to_string_lossy()
        .into_owned()
}

pub fn find_table(name: &Table) -> Option<pg_sys::Oid> {
    catalog::find(&name.0, &name.1)
}

pub fn has_column(table: &PgRelation, column: &str) -> bool {
    table
        .tuple_desc()
        .iter()
        .any(|a| !a.is_dropped() && a.name() == column)
}

fn is_partition_of(child: &PgRelation, root: &Table) -> bool {
    find_table(root).is_some_and(|root| {
        query::ask(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors($1) AS a(oid) \
             WHERE a.oid = $2)",
            &[child.oid().into(), root.into()],
        )
    })
}
