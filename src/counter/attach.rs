//! Attaching a counter to a table, and taking it away. The triggers are the only record.

use super::recount::Recount;
use super::resolve;
use super::spec::Spec;
use super::statement::KeyPair;
use super::trigger::maintain;
use crate::catalog::{self, quote_ident, quote_literal};
use crate::error;
use pgrx::prelude::*;
use pgrx::{PgRelation, pg_sys};

const EVENTS: [(&str, &str); 4] = [
    ("insert", "REFERENCING NEW TABLE AS new_rows"),
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
    pub triggers: Vec<String>,
}

/// Every counter of the database, or of one child.
pub fn attached(child: Option<pg_sys::Oid>) -> Vec<Attached> {
    let mut found: Vec<Attached> = Vec::new();
    Spi::connect(|client| {
        let rows = client
            .select(
                "SELECT tgrelid, tgname::pg_catalog.text, tgargs FROM pg_catalog.pg_trigger \
                 WHERE tgfoid OPERATOR(pg_catalog.=) \
                     pg_catalog.to_regprocedure('community_core.keep_counter()') \
                 AND ($1 IS NULL OR tgrelid OPERATOR(pg_catalog.=) $1) \
                 ORDER BY tgrelid, tgname",
                None,
                &[child.into()],
            )
            .unwrap_or_else(|e| error::raise(error::counter::spi(&e)));
        for row in rows {
            let (Ok(Some(child)), Ok(Some(trigger)), Ok(Some(arguments))) = (
                row.get::<pg_sys::Oid>(1),
                row.get::<String>(2),
                row.get::<Vec<u8>>(3),
            ) else {
                continue;
            };
            let mut arguments: Vec<String> = arguments
                .split(|byte| *byte == 0)
                .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
                .collect();
            arguments.pop();
            let Some(spec) = Spec::from_arguments(&arguments) else {
                continue;
            };
            match found
                .iter_mut()
                .find(|one| one.child == child && one.spec == spec)
            {
                Some(one) => one.triggers.push(trigger),
                None => found.push(Attached {
                    child,
                    spec,
                    triggers: vec![trigger],
                }),
            }
        }
    });
    found
}

/// Attaches a counter, or attaches it anew, and sets it right.
pub fn create(spec: Spec, child: &PgRelation, parent: &PgRelation) {
    check(&spec, child, parent);
    let child_name = catalog::qualified_name(child);
    // Writers are shut out from the count to the commit.
    run(&format!(
        "LOCK TABLE ONLY {child_name}, ONLY {} IN SHARE ROW EXCLUSIVE MODE",
        catalog::qualified_name(parent)
    ));
    detach(child, |other| {
        other.is_same_counter(&spec)
            || (resolve::find_table(&other.parent).is_none()
                && other.child_key == spec.child_key
                && other.counter == spec.counter)
    });
    let arguments = spec
        .to_arguments()
        .iter()
        .map(|a| quote_literal(a))
        .collect::<Vec<_>>()
        .join(", ");
    for (event, transitions) in EVENTS {
        run(&format!(
            "CREATE TRIGGER {} AFTER {event} ON {child_name} {transitions} \
             FOR EACH STATEMENT EXECUTE FUNCTION community_core.keep_counter({arguments})",
            quote_ident(&trigger_name(&spec, child, event)),
        ));
    }
    maintain(|| run(&Recount::new(&spec, child, parent).repair));
}

/// Takes the triggers of the counters that `which` picks from the child; says how many counters.
pub fn detach(child: &PgRelation, which: impl Fn(&Spec) -> bool) -> usize {
    let found: Vec<_> = attached(Some(child.oid()))
        .into_iter()
        .filter(|one| which(&one.spec))
        .collect();
    for trigger in found.iter().flat_map(|one| &one.triggers) {
        run(&format!(
            "DROP TRIGGER {} ON {}",
            quote_ident(trigger),
            catalog::qualified_name(child)
        ));
    }
    found.len()
}

/// After TRUNCATE of the child.
pub fn set_to_zero(trigger: &pg_sys::Trigger, child: &PgRelation) {
    let (spec, parent) = resolve::spec(trigger, child);
    maintain(|| run(&Recount::new(&spec, child, &parent).zero));
}

fn trigger_name(spec: &Spec, child: &PgRelation, event: &str) -> String {
    let key = spec.child_key.join("_");
    let name = format!("{}_counts_{}_by_{key}_{event}", child.name(), spec.counter);
    if name.len() <= 63 {
        return name;
    }
    // Cut, but still one name per counter: the sum of what was cut stands in its place.
    let sum = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut room = 63 - event.len() - 10;
    while !name.is_char_boundary(room) {
        room -= 1;
    }
    format!("{}_{:08x}_{event}", &name[..room], sum as u32)
}

fn check(spec: &Spec, child: &PgRelation, parent: &PgRelation) {
    for table in [child, parent] {
        catalog::require_owner(table);
        if takes_part_in_inheritance(table) {
            error::raise(error::counter::inheritance(&catalog::qualified_name(table)));
        }
    }
    // The triggers act as the child's owner.
    if !catalog::is_owner(parent, catalog::owner(child)) {
        error::raise(error::counter::owners_differ(
            &catalog::qualified_name(child),
            &catalog::qualified_name(parent),
        ));
    }
    let parent_name = catalog::qualified_name(parent);
    if spec.child_key.len() != spec.parent_key.len() || spec.child_key.is_empty() {
        error::raise(error::counter::key_lengths(
            spec.child_key.len(),
            spec.parent_key.len(),
        ));
    }
    // Raises for a column that is not there and for types that do not compare.
    KeyPair::all(spec, child, parent);
    if !is_unique(parent, &spec.parent_key) {
        let key = spec.parent_key.join(", ");
        error::raise(error::counter::key_not_unique(&parent_name, &key));
    }
    let counter = catalog::column(parent, &spec.counter);
    let types = [
        pg_sys::INT8OID,
        pg_sys::INT4OID,
        pg_sys::INT2OID,
        pg_sys::NUMERICOID,
    ];
    if !types.contains(&counter.type_oid) {
        let name = catalog::type_name(counter.type_oid, counter.type_mod);
        error::raise(error::counter::counter_type(
            &parent_name,
            &spec.counter,
            &name,
        ));
    }
    if !starts_at_zero(parent, &counter) {
        error::raise(error::counter::counter_default(
            &parent_name,
            &quote_ident(&spec.counter),
        ));
    }
}

fn is_unique(parent: &PgRelation, key: &[String]) -> bool {
    ask(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = $1 \
         AND i.indisunique AND i.indisvalid AND i.indimmediate \
         AND i.indpred IS NULL AND i.indexprs IS NULL \
         AND (SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY a.attname) \
              FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = i.indrelid \
              AND a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1])) \
           = (SELECT pg_catalog.array_agg(k ORDER BY k::pg_catalog.name) \
              FROM pg_catalog.unnest($2) AS k))",
        &[parent.oid().into(), key.to_vec().into()],
    )
}

fn starts_at_zero(parent: &PgRelation, counter: &catalog::Column) -> bool {
    ask(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_attrdef WHERE adrelid = $1 AND adnum = $2 \
         AND pg_catalog.pg_get_expr(adbin, adrelid) ~ '^[(]*''?0([.]0*)?''?[)]*(::.*)?$')",
        &[parent.oid().into(), counter.number.into()],
    )
}

fn takes_part_in_inheritance(table: &PgRelation) -> bool {
    ask(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i \
         JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid \
         WHERE NOT c.relispartition AND $1 IN (i.inhrelid, i.inhparent))",
        &[table.oid().into()],
    )
}

fn ask(sql: &str, arguments: &[pgrx::datum::DatumWithOid]) -> bool {
    catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], || {
        Spi::connect(|client| {
            let rows = client.select(sql, None, arguments);
            rows.and_then(|rows| rows.first().get_one::<bool>())
                .unwrap_or_else(|e| error::raise(error::counter::spi(&e)))
                .unwrap_or(false)
        })
    })
}

/// Runs one statement and says how many rows it touched.
pub fn run(sql: &str) -> usize {
    catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], || {
        Spi::connect_mut(|client| {
            let result = client.update(sql, None, &[]);
            result
                .map(|rows| rows.len())
                .unwrap_or_else(|e| error::raise(error::counter::spi(&e)))
        })
    })
}

/// Calls `work` for each counter of `parent`, or of every table of the caller's, as the owner.
pub fn each(parent: Option<&PgRelation>, mut work: impl FnMut(&Attached, &Recount)) {
    if let Some(parent) = parent {
        catalog::require_owner(parent);
    }
    for one in attached(None) {
        let Some(oid) = resolve::find_table(&one.spec.parent) else {
            continue;
        };
        if parent.is_some_and(|parent| parent.oid() != oid) {
            continue;
        }
        let lock = pg_sys::AccessShareLock as i32;
        let (child, table) = (
            catalog::open_table(one.child, lock),
            catalog::open_table(oid, lock),
        );
        // SAFETY: GetUserId only reads backend state.
        if !catalog::is_owner(&child, unsafe { pg_sys::GetUserId() }) {
            continue;
        }
        catalog::as_role(catalog::owner(&child), || {
            work(&one, &Recount::new(&one.spec, &child, &table));
        });
    }
}
