//! What a DBA does to a database that holds every module and data: back it up, restore it, upgrade
//! it, replicate it, and lose it to a fault. Whatever modules there are take part; `life/` has some
//! rows for each.

mod backup;
mod faults;
mod replication;
mod upgrade;

use super::audit::signed;
use super::cluster::{Cluster, Database};
use postgres::Client;
use std::sync::OnceLock;

const PEOPLE: &str = include_str!("life/people.sql");
const OWN: &str = include_str!("life/own.sql");
pub const ADDITIONS: &str = include_str!("life/additions.sql");
const LEAVING: &str = include_str!("life/leaving.sql");
const LIVES: &[(&str, &str)] = &[
    ("founders", include_str!("life/founders.sql")),
    ("forum", include_str!("life/forum.sql")),
    ("linkup", include_str!("life/linkup.sql")),
    ("spaces", include_str!("life/spaces.sql")),
    ("tenancy", include_str!("life/tenancy.sql")),
];

/// People, what happens in each module, and the engines on tables of a user's own.
pub fn live(client: &mut Client) {
    client.batch_execute(PEOPLE).expect("people");
    for module in texts(client, "SELECT module FROM community_core.modules()") {
        if let Some((_, life)) = LIVES.iter().find(|(name, _)| *name == module) {
            client.batch_execute(life).expect(&module);
        }
    }
    for part in [OWN, ADDITIONS, LEAVING] {
        client.batch_execute(part).expect(part);
    }
    client
        .batch_execute("CALL community_core.apply_retention()")
        .expect("retention");
}

/// A database of its own with every module and life in it; made once and copied.
pub fn lived_in() -> Database<'static> {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let database = Database::with_modules(Cluster::shared(), "all");
        live(&mut database.connect());
        let name = database.name.clone();
        // It goes with the cluster.
        std::mem::forget(database);
        name
    });
    Database::copy(Cluster::shared(), template)
}

pub fn texts(client: &mut Client, query: &str) -> Vec<String> {
    let rows = client.query(query, &[]).expect(query);
    rows.iter().map(|row| row.get(0)).collect()
}

/// What every verifier finds; nothing, in a database that is whole.
pub fn faults(client: &mut Client) -> Vec<String> {
    ["verify_module()", "verify_counters()", "verify_audit()"]
        .iter()
        .flat_map(|verifier| {
            let query =
                format!("SELECT '{verifier}: ' || v::text FROM community_core.{verifier} v");
            texts(client, &query)
        })
        .collect()
}

/// A checkpoint of every chain, signed and kept outside the database.
pub struct Checkpoint {
    note: String,
    key: String,
}

impl Checkpoint {
    pub fn take(client: &mut Client) -> Checkpoint {
        let body = "SELECT community_core.audit_checkpoint()";
        let body: String = client.query_one(body, &[]).expect(body).get(0);
        let (note, key) = signed("example.org", &body);
        Checkpoint { note, key }
    }

    /// What is wrong with the chains since.
    pub fn faults(&self, client: &mut Client) -> Vec<String> {
        let verify = "SELECT f::text FROM community_core.verify_checkpoint($1, $2) f";
        let rows = client
            .query(verify, &[&self.note, &self.key])
            .expect(verify);
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// The schemas that hold something: the modules', and those of `life/own.sql`.
const SCHEMAS: &str = "SELECT schema FROM community_core.modules()
     UNION ALL VALUES ('auth'), ('community_state'), ('shop'), ('public')";

/// Every row that a table or a view gives, and every rule beside them, as text in a fixed order.
pub fn portrait(client: &mut Client) -> Vec<String> {
    let mut lines = Vec::new();
    let relations = format!(
        "SELECT format('SELECT concat_ws('' '', %L, count(*), md5(string_agg(t::text, '','' ORDER BY t::text))) FROM %I.%I t',
                CASE relkind WHEN 'v' THEN 'seen through ' ELSE '' END || nspname || '.' || relname, nspname, relname)
         FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
         WHERE relkind IN ('r', 'p', 'v') AND nspname IN ({SCHEMAS})
         ORDER BY nspname, relname"
    );
    for rows in texts(client, &relations) {
        lines.extend(texts(client, &rows));
    }
    lines.extend(rules(client, SCHEMAS));
    lines
}

/// Everything but rows that the schemas of a query hold, as text in a fixed order.
pub fn rules(client: &mut Client, schemas: &str) -> Vec<String> {
    let query = include_str!("rules.sql").replace("SCHEMAS", schemas);
    texts(client, &query)
}

/// Says what differs, a line each: two portraits are long.
pub fn assert_same(before: &[String], after: &[String]) {
    let lost: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
    let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert!(
        lost.is_empty() && new.is_empty(),
        "lost: {lost:#?}\nnew: {new:#?}"
    );
}

/// A way that somebody writes to every engine, also after whatever was done to the database.
pub fn live_on(client: &mut Client) {
    client
        .batch_execute(
            "INSERT INTO shop.likes SELECT 1 + n % 20, 1 + n % 5 FROM generate_series(1, 40) AS n;
             INSERT INTO shop.deeds SELECT max(id) + 1, 'and on' FROM shop.deeds;
             INSERT INTO shop.clicks (id, org) SELECT max(id) + 1, 1 FROM shop.clicks;
             SELECT community_core.seal_audit('shop.clicks');
             DELETE FROM auth.users WHERE id = (SELECT id FROM auth.users
                 WHERE id > '00000000-0000-4000-8000-000000000002' ORDER BY id DESC LIMIT 1)",
        )
        .expect("live on");
}
