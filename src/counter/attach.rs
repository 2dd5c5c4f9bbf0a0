//! Attaching a counter to a table, and taking it away. The triggers are the only record.

use super::query::{ask, column, rows, run};
use super::resolve::{self, Counter};
use super::spec::{Spec, Table, table_name, table_of};
use super::trigger::maintain;
use super::{check, names, repair, side};
use crate::catalog::{self, quote_ident, quote_literal};
use crate::error;
use pgrx::{PgRelation, pg_sys};

const ROWS: &str = "REFERENCING NEW TABLE AS new_rows";
const EVENTS: [(&str, &str); 4] = [
    ("insert", ROWS),
    (
        "update",
        "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    ),
    ("delete", "REFERENCING OLD TABLE AS old_rows"),
    ("truncate", ""),
];

/// A counter as its triggers record it.
pub struct Attached {
    pub child: pg_sys::Oid,
    pub spec: Spec,
    /// Names, and whether each fires.
    pub triggers: Vec<(String, bool)>,
}

/// Every counter of the database, or of one child; without those of partitions, which are parts
/// of the partitioned table's.
pub fn attached(child: Option<pg_sys::Oid>) -> Vec<Attached> {
    let mut found: Vec<Attached> = Vec::new();
    for (child, trigger, fires, arguments) in triggers("keep_counter", child) {
        let Some(spec) = Spec::from_arguments(&arguments) else {
            continue;
        };
        found_in(&mut found, child, spec, (trigger, fires));
    }
    found.retain(|one| one.spec.partition_of.is_none());
    found
}

/// The triggers come child by child, so only the last ones found can be of this one.
fn found_in(found: &mut Vec<Attached>, child: pg_sys::Oid, spec: Spec, trigger: (String, bool)) {
    match found
        .iter_mut()
        .rev()
        .take_while(|one| one.child == child)
        .find(|one| one.spec == spec)
    {
        Some(one) => one.triggers.push(trigger),
        None => found.push(Attached {
            child,
            spec,
            triggers: vec![trigger],
        }),
    }
}

/// The counters of one parent: of the children that its own triggers name, and of those whose foreign
/// keys lead to it, should somebody have dropped such a trigger. Reads as much as the parent has,
/// not what the database has.
pub fn feeding(parent: pg_sys::Oid) -> Vec<Attached> {
    let watching = triggers("recount_new_key", Some(parent));
    let named = watching
        .iter()
        .filter_map(|(_, _, _, arguments)| table_of(arguments.first()?))
        .filter_map(|child| resolve::find_table(&child));
    let referring = super::query::values::<pg_sys::Oid>(
        "SELECT tgconstrrelid FROM pg_catalog.pg_trigger \
         WHERE tgrelid = $1 AND tgconstrrelid <> 0",
        &[parent.into()],
    );
    let mut children: Vec<_> = named.chain(referring).collect();
    children.sort_by_key(|child| child.to_u32());
    children.dedup();
    let name = table_named(parent);
    children
        .into_iter()
        .flat_map(|child| attached(Some(child)))
        .filter(|one| one.spec.parent == name)
        .collect()
}

/// (table, name, fires, arguments) of each trigger with the engine's function of that name, on one
/// table or on all; clones on partitions come and go with their original.
fn triggers(
    function: &str,
    table: Option<pg_sys::Oid>,
) -> Vec<(pg_sys::Oid, String, bool, Vec<String>)> {
    let on = if table.is_some() {
        "tgrelid = $2"
    } else {
        "$2::pg_catalog.oid IS NULL"
    };
    rows(
        &format!(
            "SELECT tgrelid, tgname::pg_catalog.text, tgenabled <> 'D', tgargs \
             FROM pg_catalog.pg_trigger \
             WHERE tgfoid = (SELECT pg_catalog.to_regprocedure($1)) AND tgparentid = 0 AND {on} \
             ORDER BY tgrelid, tgname"
        ),
        &[format!("community_core.{function}()").into(), table.into()],
        |row| {
            let arguments = catalog::trigger_arguments(&row.get::<Vec<u8>>(4).ok()??);
            let child = row.get(1).ok()??;
            Some((child, row.get(2).ok()??, row.get(3).ok()??, arguments))
        },
    )
}

/// Attaches a counter, or attaches it anew, and sets it right. Tables are opened only as long as
/// they are looked at: Postgres refuses to alter one that is open.
pub fn create(mut spec: Spec, child: pg_sys::Oid, parent: pg_sys::Oid) {
    check::check(&mut spec, &open(child), &open(parent));
    refuse_second_counter(&spec, child, parent);
    // Writers are shut out from the count to the commit.
    run(&format!(
        "LOCK TABLE {}, {} IN SHARE ROW EXCLUSIVE MODE",
        name_of(parent),
        name_of(child)
    ));
    for old in detach(child, Some(parent), |other| is_same(&spec, other)) {
        if side::name(&old) != side::name(&spec) {
            side::drop(&old);
        }
    }
    side::create(&spec, parent);
    attach_to_child(&spec, child);
    for partition in partitions(child) {
        let spec = Spec {
            partition_of: Some(table_named(child)),
            ..spec.clone()
        };
        attach_to_child(&spec, partition);
    }
    attach_to_parent(&spec, child, parent);
    let counter = Counter::new(spec, &open(child), &open(parent));
    maintain(|| repair::all(&counter, i64::MAX, i64::MAX, |_| ()));
}

fn open(table: pg_sys::Oid) -> PgRelation {
    catalog::open_table(table, pg_sys::AccessShareLock as i32)
}

fn name_of(table: pg_sys::Oid) -> String {
    catalog::qualified_name(&open(table))
}

pub fn table_named(table: pg_sys::Oid) -> Table {
    let table = open(table);
    (table.namespace().to_owned(), table.name().to_owned())
}

/// Two counters of one column would each undo the other.
fn refuse_second_counter(spec: &Spec, child: pg_sys::Oid, parent: pg_sys::Oid) {
    let columns = spec.measure.columns();
    for other in feeding(parent) {
        if other.child == child && is_same(spec, &other.spec) {
            continue;
        }
        let theirs = other.spec.measure.columns();
        if let Some(column) = columns.iter().find(|column| theirs.contains(column)) {
            error::raise(error::counter::counted_already(
                &spec.parent_name(),
                column,
                &name_of(other.child),
                &names::join(&other.spec.child_key, ", "),
            ));
        }
    }
}

/// Whether `other` feeds the same column from the same key: then one replaces the other. A parent
/// that is not there any more was renamed.
fn is_same(spec: &Spec, other: &Spec) -> bool {
    (spec.parent == other.parent || resolve::find_table(&other.parent).is_none())
        && spec.child_key == other.child_key
        && spec.measure.column() == other.measure.column()
}

fn list(arguments: &[String]) -> String {
    arguments
        .iter()
        .map(|argument| quote_literal(argument))
        .collect::<Vec<_>>()
        .join(", ")
}

fn attach_to_child(spec: &Spec, table: pg_sys::Oid) {
    let (own, table_name) = (table_named(table), name_of(table));
    let arguments = list(&spec.to_arguments());
    let key = spec.child_key.join("_");
    let base = format!("{}_counts_{}_by_{key}", own.1, spec.measure.column());
    for (event, transitions) in EVENTS {
        run(&format!(
            "CREATE TRIGGER {} AFTER {event} ON {table_name} {transitions} \
             FOR EACH STATEMENT EXECUTE FUNCTION community_core.keep_counter({arguments})",
            quote_ident(&names::fit(&base, event)),
        ));
    }
    if spec.applied {
        // Applied rows fire row triggers only, and only those enabled for it. Those of a
        // partitioned table are cloned to its partitions.
        if spec.partition_of.is_none() {
            let name = quote_ident(&names::fit(&base, "applied"));
            run(&format!(
                "CREATE TRIGGER {name} AFTER INSERT OR UPDATE OR DELETE ON {table_name} \
                 FOR EACH ROW EXECUTE FUNCTION community_core.keep_counter({arguments})"
            ));
            run(&format!(
                "ALTER TABLE {table_name} ENABLE REPLICA TRIGGER {name}"
            ));
        }
        let truncate = quote_ident(&names::fit(&base, "truncate"));
        run(&format!(
            "ALTER TABLE ONLY {table_name} ENABLE ALWAYS TRIGGER {truncate}"
        ));
    }
}

/// The parent's own triggers: a row that takes another key takes the count of that key's children,
/// and so does a new row where children can come first.
fn attach_to_parent(spec: &Spec, child: pg_sys::Oid, parent: pg_sys::Oid) {
    let (own, parent_name) = (table_named(child), name_of(parent));
    let arguments = list(&[vec![table_name(&own)], spec.to_arguments()].concat());
    let key = spec.child_key.join("_");
    let column = spec.measure.column();
    let base = format!("{}_recounts_{column}_of_{}_by_{key}", spec.parent.1, own.1);
    let function = format!("EXECUTE FUNCTION community_core.recount_new_key({arguments})");
    // Only where a statement sets the key, and without a condition: preparing one for each like would
    // cost more than the counting does.
    let columns = spec
        .parent_key
        .iter()
        .map(|k| quote_ident(k))
        .collect::<Vec<_>>()
        .join(", ");
    run(&format!(
        "CREATE TRIGGER {} AFTER UPDATE OF {columns} ON {parent_name} FOR EACH ROW {function}",
        quote_ident(&names::fit(&base, "update"))
    ));
    let insert = quote_ident(&names::fit(&base, "insert"));
    if open(parent).is_partitioned_table() {
        // A row that moves to another partition is inserted there.
        run(&format!(
            "CREATE TRIGGER {insert} AFTER INSERT ON {parent_name} FOR EACH ROW {function}"
        ));
    } else if !check::has_foreign_key(spec, &open(child), &open(parent)) {
        run(&format!(
            "CREATE TRIGGER {insert} AFTER INSERT ON {parent_name} {ROWS} \
             FOR EACH STATEMENT {function}"
        ));
    }
}

/// Takes the triggers of the counters that `which` picks; gives what they were. A child that had
/// none has left no trigger but on the parent that is meant, if there is one.
pub fn detach(
    child: pg_sys::Oid,
    parent: Option<pg_sys::Oid>,
    which: impl Fn(&Spec) -> bool,
) -> Vec<Spec> {
    let mut tables = partitions(child);
    tables.push(child);
    let mut specs: Vec<Spec> = Vec::new();
    let on_children = tables
        .into_iter()
        .flat_map(|table| triggers("keep_counter", Some(table)));
    for (table, trigger, _, arguments) in on_children {
        let Some(spec) = Spec::from_arguments(&arguments) else {
            continue;
        };
        if which(&spec) {
            drop_trigger(table, &trigger);
            let spec = Spec {
                partition_of: None,
                ..spec
            };
            if !specs.contains(&spec) {
                specs.push(spec);
            }
        }
    }
    let own = table_named(child);
    for (table, trigger, _, arguments) in
        triggers("recount_new_key", parent.filter(|_| specs.is_empty()))
    {
        let Some((of, arguments)) = arguments.split_first() else {
            continue;
        };
        let Some(spec) = Spec::from_arguments(arguments) else {
            continue;
        };
        let of = table_of(of);
        let ours = of.as_ref() == Some(&own)
            || of
                .as_ref()
                .is_some_and(|of| resolve::find_table(of).is_none());
        if ours && which(&spec) {
            drop_trigger(table, &trigger);
        }
    }
    specs
}

fn drop_trigger(table: pg_sys::Oid, trigger: &str) {
    run(&format!(
        "DROP TRIGGER {} ON {}",
        quote_ident(trigger),
        name_of(table)
    ));
}

/// Every partition below a table, at any depth.
pub fn partitions(table: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    super::query::values(
        "SELECT relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree($1) \
         WHERE relid <> $1 ORDER BY 1",
        &[table.into()],
    )
}

/// What is not as it should be about an attached counter.
pub fn problem(one: &Attached, child: &PgRelation) -> Option<String> {
    let Some(parent) = resolve::find_table(&one.spec.parent) else {
        return Some(format!("table {} does not exist", one.spec.parent_name()));
    };
    let parent = open(parent);
    if catalog::owner(child) != catalog::owner(&parent) {
        return Some(format!("{} has another owner", one.spec.parent_name()));
    }
    for (table, columns) in [
        (child, &one.spec.child_key),
        (&parent, &one.spec.parent_key),
        (&parent, &one.spec.measure.columns()),
    ] {
        if let Some(column) = columns
            .iter()
            .find(|column| !resolve::has_column(table, column))
        {
            let table = catalog::qualified_name(table);
            return Some(format!("column \"{column}\" of {table} does not exist"));
        }
    }
    if let Some((trigger, _)) = one.triggers.iter().find(|(_, fires)| !fires) {
        return Some(format!("trigger {} is disabled", quote_ident(trigger)));
    }
    if one.triggers.len() < EVENTS.len() + usize::from(one.spec.applied) {
        return Some("a trigger is missing".to_owned());
    }
    let bare = column(
        "SELECT p.relid::pg_catalog.text FROM pg_catalog.pg_partition_tree($1) AS p \
         WHERE p.relid <> $1 AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t \
             WHERE t.tgrelid = p.relid \
             AND t.tgfoid = pg_catalog.to_regprocedure('community_core.keep_counter()') \
             AND t.tgtype & 1 = 0)",
        &[child.oid().into()],
    );
    if let Some(partition) = bare.first() {
        return Some(format!("partition {partition} has no triggers of its own"));
    }
    let watched =
        triggers("recount_new_key", Some(parent.oid()))
            .iter()
            .any(|(_, _, fires, arguments)| {
                *fires
                    && arguments.get(1..).and_then(Spec::from_arguments).as_ref() == Some(&one.spec)
            });
    (!watched)
        .then(|| "the parent's trigger is missing or disabled".to_owned())
        .or_else(|| {
            let loose = !check::has_foreign_key(&one.spec, child, &parent);
            let watches_inserts = ask(
                "SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = $1 \
             AND tgfoid = pg_catalog.to_regprocedure('community_core.recount_new_key()') \
             AND tgtype & 4 <> 0)",
                &[parent.oid().into()],
            );
            (loose && !watches_inserts)
                .then(|| "there is no foreign key any more: attach the counter again".to_owned())
        })
}

/// Calls `work`, as the owner, for each counter of `parent`; without a parent, for each that is
/// the caller's.
pub fn each(parent: Option<pg_sys::Oid>, mut work: impl FnMut(&Counter)) {
    if let Some(parent) = parent {
        catalog::require_owner(&open(parent));
    }
    for one in attached(None) {
        let Some(oid) = resolve::find_table(&one.spec.parent) else {
            continue;
        };
        if parent.is_some_and(|parent| parent != oid) {
            continue;
        }
        let (child, table) = (open(one.child), open(oid));
        // SAFETY: GetUserId only reads backend state.
        let caller = unsafe { pg_sys::GetUserId() };
        // A trigger attached by hand to somebody's own table makes them no owner of the parent.
        if !catalog::is_owner(&child, caller) || catalog::owner(&child) != catalog::owner(&table) {
            continue;
        }
        catalog::as_role(catalog::owner(&child), || {
            work(&super::query::safely(|| {
                Counter::new(one.spec.clone(), &child, &table)
            }));
        });
    }
}
