//! Making a table an audit log: the tables beside it, the triggers, and the seals of the rows
//! that were there before. Doing it again repairs what is missing.

use super::append::{self, Appender};
use super::key::KeyKind;
use super::log::{APPEND, Definition, KEEP, Log, REFUSE, beside, definition_of, primary_key};
use super::{seal, sql};
use crate::{catalog, error};
use pgrx::pg_sys;
use pgrx::{IntoDatum, PgRelation};

pub fn create(oid: pg_sys::Oid, chain_by: Vec<String>, erasable: Vec<String>, mode: &str) {
    let block = match mode {
        "commit" => false,
        "block" => true,
        other => error::raise(error::audit::seal_mode(other)),
    };
    let relation = catalog::open_table(oid, pg_sys::ShareRowExclusiveLock as pg_sys::LOCKMODE);
    let name = catalog::qualified_name(&relation);
    catalog::require_owner(&relation);
    require_ordinary(&relation, &name);
    if relation.name().len() > 55 {
        error::raise(error::audit::name_too_long(&name));
    }
    let key = primary_key(&relation);
    if KeyKind::of(key.type_oid).is_none() {
        error::raise(error::audit::no_key(&name));
    }
    for column in &chain_by {
        let column = catalog::column(&relation, column);
        if KeyKind::of(column.type_oid).is_none() {
            let type_name = catalog::type_name(column.type_oid, column.type_mod);
            error::raise(error::audit::chain_by_type(&name, &column.name, &type_name));
        }
    }
    for column in &erasable {
        let found = catalog::column(&relation, column);
        if found.name == key.name || chain_by.contains(column) {
            error::raise(error::audit::erasable_is_fixed(&name, column));
        }
        if found.not_null {
            error::raise(error::audit::erasable_not_null(&name, column));
        }
    }
    let mut definition = Definition {
        schema: relation.namespace().to_owned(),
        table: relation.name().to_owned(),
        chain_by,
        erasable,
        block,
    };
    if let Some(stands) = definition_of(&relation) {
        definition.erasable = continued(&name, &stands, &definition);
    }
    let first_time = beside(&relation, "seal").is_none();
    let log = Log::new(relation, definition);
    log.as_owner(|| {
        refuse_writing_foreign_keys(&log, &name);
        for suffix in log.definition.suffixes() {
            table_beside(&log, &name, suffix);
        }
    });
    // A table that is open cannot be altered.
    let definition = log.definition.clone();
    drop(log);
    catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], || {
        sql::frame(|| triggers(&definition))
    });
    if first_time {
        seal_unsealed(&Log::open(oid));
    }
}

/// The erasable columns of a log that stands already: old ones keep their place among the salts.
fn continued(name: &str, stands: &Definition, given: &Definition) -> Vec<String> {
    let list = |names: &[String]| format!("{{{}}}", names.join(","));
    let fail = |what: &str, stands: &[String], given: &[String]| -> ! {
        error::raise(error::audit::other_definition(
            name,
            what,
            &list(stands),
            &list(given),
        ))
    };
    if stands.chain_by != given.chain_by {
        fail("chain_by", &stands.chain_by, &given.chain_by);
    }
    if stands
        .erasable
        .iter()
        .any(|column| !given.erasable.contains(column))
    {
        fail("erasable", &stands.erasable, &given.erasable);
    }
    let mut erasable = stands.erasable.clone();
    erasable.extend(
        given
            .erasable
            .iter()
            .filter(|c| !stands.erasable.contains(c))
            .cloned(),
    );
    erasable
}

fn require_ordinary(relation: &PgRelation, name: &str) {
    // SAFETY: rd_rel of an open relation points to its pg_class row.
    let class = unsafe { &*(*relation.as_ptr()).rd_rel };
    let fail = |what| error::raise(error::audit::wrong_kind_of_table(name, what));
    if class.relkind as u8 == b'p' {
        fail("is partitioned");
    }
    if class.relispartition {
        fail("is a partition");
    }
    if class.relhassubclass {
        fail("has or had children");
    }
    if class.relpersistence as u8 != b'p' {
        fail("does not survive a crash");
    }
}

fn refuse_writing_foreign_keys(log: &Log, name: &str) {
    let rows = sql::read(
        "SELECT conname::text FROM pg_catalog.pg_constraint
         WHERE conrelid = $1 AND contype = 'f'
           AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd'))
         ORDER BY conname",
        &[(pg_sys::OIDOID, log.relation.oid().into_datum())],
    );
    if rows.len() > 0 {
        error::raise(error::audit::foreign_key_writes(name, &rows.text(0, 1)));
    }
}

fn table_beside(log: &Log, name: &str, suffix: &str) {
    let table = log.definition.beside(suffix);
    let constraint =
        |rule: &str| catalog::quote_ident(&format!("{}_{suffix}_{rule}", log.definition.table));
    let key_type = catalog::type_name(log.key.type_oid, log.key.type_mod);
    let (columns, comment): (String, &str) = match suffix {
        "seal" => (
            format!(
                "chain text COLLATE \"C\" NOT NULL,
                 sequence bigint NOT NULL,
                 entry {key_type},
                 version smallint NOT NULL,
                 columns smallint NOT NULL,
                 leaf bytea NOT NULL,
                 hash bytea NOT NULL,
                 salt bytea,
                 erased bytea,
                 CONSTRAINT {} PRIMARY KEY (chain, sequence),
                 CONSTRAINT {} UNIQUE (entry)",
                constraint("pkey"),
                constraint("entry_key"),
            ),
            "One row per sealed entry: its place in its chain, the hash of its bytes (leaf), the \
             link to the entry before (hash), the salts of its erasable values.",
        ),
        "head" => (
            format!(
                "chain text COLLATE \"C\" NOT NULL,
                 size bigint NOT NULL,
                 hash bytea NOT NULL,
                 frontier bytea NOT NULL,
                 CONSTRAINT {} PRIMARY KEY (chain)",
                constraint("pkey"),
            ),
            "One row per chain: how many entries it has, the last link, and the right edge of its \
             RFC 6962 tree.",
        ),
        "erasure" => (
            format!(
                "chain text COLLATE \"C\" NOT NULL,
                 sequence bigint NOT NULL,
                 erased_at timestamptz NOT NULL,
                 erased_by text NOT NULL,
                 entries bigint[] NOT NULL,
                 columns text[] NOT NULL,
                 CONSTRAINT {} PRIMARY KEY (chain, sequence)",
                constraint("pkey"),
            ),
            "One row per erasure, itself an entry of the chain: which entries lost the values of \
             which columns, when, and by which role. Whose values they were is not recorded.",
        ),
        _ => (
            format!(
                "id bigint GENERATED ALWAYS AS IDENTITY,
                 written_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
                 chain text COLLATE \"C\" NOT NULL,
                 columns smallint NOT NULL,
                 entries {key_type}[] NOT NULL,
                 leaves bytea NOT NULL,
                 salts bytea,
                 CONSTRAINT {} PRIMARY KEY (id)",
                constraint("pkey"),
            ),
            "Entries written and not sealed yet, one row per statement and chain.",
        ),
    };
    match beside(&log.relation, suffix) {
        Some(found) => {
            let has = |column| found.tuple_desc().iter().any(|a| a.name() == column);
            let marker = if suffix == "tail" { "leaves" } else { "chain" };
            if !has(marker) {
                error::raise(error::audit::name_taken(name, &table));
            }
        }
        None => {
            sql::define(&format!("CREATE TABLE {table} ({columns})"));
            sql::define(&format!(
                "COMMENT ON TABLE {table} IS {}",
                catalog::quote_literal(comment)
            ));
        }
    }
    // Default privileges may have granted it to everybody.
    let grantees = sql::read(
        "SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC'
                         ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
         FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
         WHERE c.oid = $1::regclass AND a.grantee <> c.relowner",
        &[sql::text(&table)],
    );
    for row in 0..grantees.len() {
        sql::define(&format!(
            "REVOKE ALL ON {table} FROM {}",
            grantees.text(row, 1)
        ));
    }
    sql::define(&format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"));
}

fn triggers(definition: &Definition) {
    let arguments = definition
        .arguments()
        .map(|a| catalog::quote_literal(&a))
        .join(", ");
    // What refuses changes stands also where session_replication_role is replica; what seals
    // does not, because there the seals arrive with their entries.
    let put = |table: &str, trigger: &str, when: &str, enabled: &str| {
        sql::define(&format!(
            "CREATE OR REPLACE TRIGGER {trigger} {when} FOR EACH STATEMENT
             EXECUTE FUNCTION community_core.{trigger}({arguments})"
        ));
        sql::define(&format!("ALTER TABLE {table} {enabled} TRIGGER {trigger}"));
    };
    let name = definition.name();
    let inserts = format!("AFTER INSERT ON {name} REFERENCING NEW TABLE AS entries");
    put(&name, APPEND, &inserts, "ENABLE");
    let changes = "BEFORE UPDATE OR DELETE OR TRUNCATE ON";
    put(&name, REFUSE, &format!("{changes} {name}"), "ENABLE ALWAYS");
    for suffix in definition.suffixes() {
        let table = definition.beside(suffix);
        put(&table, KEEP, &format!("{changes} {table}"), "ENABLE ALWAYS");
    }
}

/// Seals every entry that has no seal, in the order in which they are stored.
pub fn seal_unsealed(log: &Log) -> i64 {
    let mut appender = Appender::new(log);
    let descriptor = log.relation.tuple_desc();
    let places: Vec<usize> = descriptor
        .iter()
        .filter(|attribute| !attribute.is_dropped())
        .map(|attribute| attribute.attnum as usize - 1)
        .collect();
    let mut values = vec![pg_sys::Datum::from(0); descriptor.len()];
    let mut nulls = vec![true; descriptor.len()];
    let query = format!(
        "SELECT l.* FROM ONLY {} l
         WHERE NOT EXISTS (SELECT FROM {} s WHERE s.entry = l.{}) ORDER BY l.ctid",
        log.definition.name(),
        log.definition.seal(),
        catalog::quote_ident(&log.key.name)
    );
    log.as_owner(|| {
        append::with_text_settings(log.entries().encoder.needs_settings, || {
            sql::stream_latest(&query, &[], |rows, row| {
                rows.deform(row, 1, &places, &mut values, &mut nulls);
                // SAFETY: the row is one of the log, deformed into the places of its columns.
                unsafe { appender.add(&values, &nulls) };
            });
        });
    });
    let batches = appender.finish();
    let count = batches.iter().map(|batch| batch.keys.len() as i64).sum();
    seal::seal(log, batches);
    count
}
