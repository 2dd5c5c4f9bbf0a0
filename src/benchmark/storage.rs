//! Where a benchmark is kept: its tables, its triggers and the view that is read.

use super::definition::run;
use super::name::Name;
use crate::catalog;
use pgrx::prelude::*;
use pgrx::{PgRelation, pg_sys};

struct Table {
    suffix: &'static str,
    columns: &'static str,
    comment: &'static str,
    /// The only policy that has it.
    policy: Option<&'static str>,
}

impl Table {
    /// Values change in place: room on the page keeps the index out of it.
    fn storage(&self) -> &'static str {
        match self.suffix {
            "_contributions" | "_cells" | "_histogram" => "WITH (fillfactor = 90)",
            _ => "",
        }
    }
}

const TABLES: [Table; 9] = [
    Table {
        suffix: "_benchmark",
        columns: "one boolean PRIMARY KEY DEFAULT true CHECK (one), dimensions text[] NOT NULL,
            category text NOT NULL, k integer NOT NULL, policy text NOT NULL, band integer NOT NULL,
            minimum numeric, maximum numeric, levels integer[] NOT NULL, is_watched boolean NOT NULL,
            rebuild boolean NOT NULL, refreshed_at timestamptz,
            secret uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid()",
        comment: "What benchmark it is; its row is locked by a refresh",
        policy: None,
    },
    Table {
        suffix: "_contributions",
        columns: "subject uuid PRIMARY KEY, leaf integer NOT NULL, value numeric NOT NULL,
            block integer",
        comment: "Each consenting person's value, cell and block",
        policy: None,
    },
    Table {
        suffix: "_cells",
        columns: "cell integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, level integer NOT NULL,
            dimensions jsonb NOT NULL, part_of integer[], people bigint NOT NULL DEFAULT 0,
            released_people bigint, contributors bigint, average numeric, median numeric,
            p25 numeric, p75 numeric, p90 numeric, released_at timestamptz,
            UNIQUE (level, dimensions)",
        comment: "Each cell, how many people are in it, and its last release; released_at is NULL
            where nothing may be shown",
        policy: None,
    },
    Table {
        suffix: "_histogram",
        columns: "cell integer, value numeric, current bigint NOT NULL, released bigint NOT NULL,
            PRIMARY KEY (cell, value)",
        comment: "How many people of a cell have a value now, and had it in the last release",
        policy: None,
    },
    Table {
        suffix: "_queue",
        columns: "subject uuid",
        comment: "People whose value the next refresh looks up again",
        policy: None,
    },
    Table {
        suffix: "_withdrawn",
        columns: "subject uuid",
        comment: "People who withdrew since the last refresh; NULL stands for everybody",
        policy: None,
    },
    Table {
        suffix: "_standing",
        columns: "subject uuid, cell integer, value numeric,
            former boolean GENERATED ALWAYS AS (value IS NOT NULL) STORED,
            PRIMARY KEY (subject, cell, former)",
        comment: "Who came or changed since a cell's release that stands: it has the former value, or
            where that is NULL it is without the present one",
        policy: Some("threshold"),
    },
    Table {
        suffix: "_blocks",
        columns: "block integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, cell integer NOT NULL,
            fresh bigint NOT NULL",
        comment: "The blocks that are published, and how many of each were fresh at first",
        policy: Some("blocks"),
    },
    Table {
        suffix: "_released",
        columns: "fingerprint uuid PRIMARY KEY",
        comment: "Keyed hashes of each person and value that a block ever contained",
        policy: Some("blocks"),
    },
];

/// A table that triggers are put on, and its column with the person's id.
pub struct Target {
    oid: pg_sys::Oid,
    pub name: String,
    column: String,
}

impl Target {
    pub fn of(table: &PgRelation, column: &str) -> Target {
        Target {
            oid: table.oid(),
            name: catalog::qualified_name(table),
            column: column.to_owned(),
        }
    }
}

/// Returns whether one of the tables had been missing.
pub fn make_tables(name: &Name, policy: &str) -> bool {
    let mut missing = false;
    for table in TABLES
        .iter()
        .filter(|table| table.policy.is_none_or(|only| only == policy))
    {
        let relation = name.of(table.suffix);
        if name.oid(table.suffix).is_none() {
            missing = true;
            run(&format!(
                "CREATE TABLE {relation} ({}) {}",
                table.columns,
                table.storage()
            ));
            let comment = format!("Benchmark {}: {}", name.table, table.comment);
            run(&format!(
                "COMMENT ON TABLE {relation} IS {}",
                catalog::quote_literal(&comment)
            ));
            if policy == "blocks" && table.suffix == "_contributions" {
                run(&format!("CREATE INDEX ON {relation} (block)"));
            }
        }
        run(&format!("ALTER TABLE {relation} ENABLE ROW LEVEL SECURITY"));
        keep_private(name, table.suffix);
    }
    missing
}

/// Default privileges (Supabase has them) grant new tables to everybody: take all of that back.
pub fn keep_private(name: &Name, suffix: &str) {
    let grantees = Spi::connect(|client| {
        client
            .select(
                "SELECT array_agg(DISTINCT CASE WHEN acl.grantee = 0 THEN 'PUBLIC'
                                  ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(acl.grantee)) END)
                 FROM pg_catalog.pg_class, pg_catalog.aclexplode(relacl) AS acl
                 WHERE pg_class.oid = $1 AND acl.grantee <> relowner",
                None,
                &[name.oid(suffix).unwrap_or(pg_sys::InvalidOid).into()],
            )
            .and_then(|rows| rows.first().get_one::<Vec<String>>())
    });
    for grantee in grantees.ok().flatten().unwrap_or_default() {
        run(&format!("REVOKE ALL ON {} FROM {grantee}", name.of(suffix)));
    }
}

/// Returns whether one of the triggers had been missing.
pub fn make_triggers(name: &Name, category: &str, consent: &Target, watched: &[Target]) -> bool {
    let category = catalog::quote_literal(category);
    let yes = |row: &str| format!("{row}.enabled AND {row}.category = {category}");
    let mut missing = trigger(
        name,
        consent,
        "consented",
        &format!(
            "INSERT OR UPDATE ON {{table}} FOR EACH ROW WHEN ({})",
            yes("NEW")
        ),
        "queue",
    );
    missing |= trigger(
        name,
        consent,
        "refused",
        &format!(
            "UPDATE ON {{table}} FOR EACH ROW WHEN ({} AND ({} AND NEW.user_id = OLD.user_id) IS NOT TRUE)",
            yes("OLD"),
            yes("NEW")
        ),
        "withdraw",
    );
    missing |= trigger(
        name,
        consent,
        "deleted",
        &format!("DELETE ON {{table}} FOR EACH ROW WHEN ({})", yes("OLD")),
        "withdraw",
    );
    let truncate = "TRUNCATE ON {table} FOR EACH STATEMENT";
    missing |= trigger(name, consent, "truncated", truncate, "withdraw");
    for table in watched {
        let subject = catalog::quote_ident(&table.column);
        missing |= trigger(
            name,
            table,
            "changed",
            "INSERT OR UPDATE ON {table} FOR EACH ROW",
            "queue",
        );
        missing |= trigger(
            name,
            table,
            "moved",
            &format!(
                "UPDATE ON {{table}} FOR EACH ROW WHEN (OLD.{subject} IS DISTINCT FROM NEW.{subject})"
            ),
            "withdraw",
        );
        let delete = "DELETE ON {table} FOR EACH ROW";
        missing |= trigger(name, table, "removed", delete, "withdraw");
        missing |= trigger(name, table, "emptied", truncate, "withdraw");
    }
    missing
}

/// Makes one trigger; returns whether it had not been there, or not been enabled.
fn trigger(name: &Name, table: &Target, what: &str, event: &str, function: &str) -> bool {
    let trigger = format!("benchmark_{}_{what}", name.table);
    let qualified = &table.name;
    let was_there = Spi::connect(|client| {
        client
            .select(
                "SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger
                     WHERE tgrelid = $1 AND tgname = $2 AND tgenabled IN ('O', 'A'))",
                None,
                &[table.oid.into(), trigger.as_str().into()],
            )
            .and_then(|rows| rows.first().get_one::<bool>())
    });
    let queue = if function == "withdraw" {
        "_withdrawn"
    } else {
        "_queue"
    };
    let trigger = catalog::quote_ident(&trigger);
    run(&format!(
        "CREATE OR REPLACE TRIGGER {trigger} AFTER {event}
         EXECUTE FUNCTION community_core.benchmark_{function}({}, {}, {})",
        catalog::quote_literal(&name.schema),
        catalog::quote_literal(&format!("{}{queue}", name.table)),
        catalog::quote_literal(&table.column),
        event = event.replace("{table}", qualified),
    ));
    run(&format!("ALTER TABLE {qualified} ENABLE TRIGGER {trigger}"));
    was_there != Ok(Some(true))
}

/// The view that app roles read. It goes through a function, so that neither EXPLAIN nor a clever
/// WHERE sees the tables, and so that it goes when the extension, and its triggers, go.
pub fn make_published_view(name: &Name, dimensions: &[String], types: &[String]) {
    let columns: Vec<String> = dimensions
        .iter()
        .zip(types)
        .map(|(dimension, type_name)| {
            let column = catalog::quote_ident(dimension);
            let key = catalog::quote_literal(dimension);
            format!("(dimensions ->> {key})::{type_name} AS {column}")
        })
        .chain(
            [
                "contributors",
                "average",
                "median",
                "p25",
                "p75",
                "p90",
                "released_at",
            ]
            .map(str::to_owned),
        )
        .collect();
    run(&format!(
        "CREATE OR REPLACE VIEW {} AS SELECT {} FROM community_core.benchmark({})",
        name.of(""),
        columns.join(", "),
        catalog::quote_literal(&name.of("")),
    ));
}

/// Takes away everything [`make_tables`], [`make_triggers`] and the views made.
pub fn drop_everything(name: &Name) {
    for trigger in triggers()
        .into_iter()
        .filter(|trigger| trigger.name == *name)
    {
        run(&format!(
            "DROP TRIGGER {} ON {}",
            catalog::quote_ident(&trigger.trigger),
            trigger.table
        ));
    }
    let views = ["", "_source"].map(|suffix| ("VIEW", suffix));
    let tables = TABLES.map(|table| ("TABLE", table.suffix));
    for (kind, suffix) in views.into_iter().chain(tables) {
        if name.oid(suffix).is_some() {
            run(&format!("DROP {kind} {}", name.of(suffix)));
        }
    }
}

pub struct Trigger {
    pub name: Name,
    pub trigger: String,
    pub table: String,
}

/// The triggers of all benchmarks: they are the only registry.
pub fn triggers() -> Vec<Trigger> {
    Spi::connect(|client| {
        let rows = client.select(
            "SELECT tgargs, tgname::text, pg_catalog.quote_ident(nspname) || '.' || pg_catalog.quote_ident(relname)
             FROM pg_catalog.pg_trigger
                  JOIN pg_catalog.pg_class ON pg_class.oid = tgrelid
                  JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
             WHERE tgfoid IN ('community_core.benchmark_withdraw()'::pg_catalog.regprocedure,
                              'community_core.benchmark_queue()'::pg_catalog.regprocedure)
             ORDER BY 3, 2",
            None,
            &[],
        );
        let mut triggers = Vec::new();
        for row in rows.into_iter().flatten() {
            let arguments: Option<Vec<u8>> = row.get(1).ok().flatten();
            let words = arguments.and_then(|bytes| String::from_utf8(bytes).ok());
            let words: Vec<&str> = words.iter().flat_map(|words| words.split('\0')).collect();
            let [schema, queue, ..] = words[..] else {
                continue;
            };
            let table = queue
                .strip_suffix("_queue")
                .or(queue.strip_suffix("_withdrawn"));
            let (Some(table), Ok(Some(trigger)), Ok(Some(relation))) =
                (table, row.get(2), row.get(3))
            else {
                continue;
            };
            triggers.push(Trigger {
                name: Name {
                    schema: schema.to_owned(),
                    table: table.to_owned(),
                },
                trigger,
                table: relation,
            });
        }
        triggers
    })
}
