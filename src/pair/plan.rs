//! The statements that keep the state of a mutual choice. Each is prepared when first needed and
//! kept; they run as the owner of the table, under a safe search_path.

use super::choice::Definition;
use super::order::Order;
use crate::catalog::quote_ident;
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::CString;
use std::ptr;

pub struct Plans {
    /// One yes; says whether it was the second.
    pub tell: Plan,
    pub matched: Plan,
    /// Many, and their matches.
    pub tell_many: Plan,
    /// Makes or locks the rows of many pairs, and adds what is said in their favour.
    pub claim: Plan,
    /// The matches among many pairs whose rows are held.
    pub match_claimed: Plan,
    pub lock: Plan,
    pub retract: Plan,
    pub forget: Plan,
}

impl Plans {
    /// `types` and `orders` are those of the key: the scope, and twice the member's.
    pub fn new(definition: &Definition, types: &[pg_sys::Oid], orders: &[&Order]) -> Plans {
        let (state, matches) = (&definition.state, &definition.matches);
        let key: Vec<String> = definition.key().map(quote_ident).collect();
        let columns = key.join(", ");
        let of = |alias: &str| {
            let qualified: Vec<_> = key
                .iter()
                .map(|column| format!("{alias}.{column}"))
                .collect();
            qualified.join(", ")
        };
        let numbered = |count: usize, wrap: fn(usize) -> String| {
            (1..=count).map(wrap).collect::<Vec<_>>().join(", ")
        };
        let flagged = key.len() + 2;
        let values = numbered(flagged, |i| format!("${i}"));
        let lists = numbered(flagged, |i| format!("pg_catalog.unnest(${i})"));
        let given = format!("ROWS FROM ({lists}) AS d({columns}, low_yes, high_yes)");
        let upsert = format!(
            "ON CONFLICT ({columns}) DO UPDATE SET low_yes = s.low_yes OR excluded.low_yes, \
             high_yes = s.high_yes OR excluded.high_yes"
        );
        let same: Vec<_> = key
            .iter()
            .zip(orders)
            .map(|(column, order)| order.equal(&format!("s.{column}"), &format!("d.{column}")))
            .collect();
        let same = same.join(" AND ");
        let once = format!("ON CONFLICT ({columns}) DO NOTHING");

        let array_of = |oid: pg_sys::Oid| {
            // SAFETY: a syscache look-up.
            unsafe { pg_sys::get_array_type(oid) }
        };
        let flags = [pg_sys::BOOLOID; 2];
        let one = [types, &flags].concat();
        let many: Vec<_> = one.iter().map(|oid| array_of(*oid)).collect();
        Plans {
            tell: Plan::new(
                format!(
                    "INSERT INTO {state} AS s ({columns}, low_yes, high_yes) VALUES ({values}) \
                     {upsert} RETURNING s.low_yes AND s.high_yes"
                ),
                one,
            ),
            matched: Plan::new(
                format!(
                    "INSERT INTO {matches} ({columns}) VALUES ({}) {once}",
                    numbered(key.len(), |i| format!("${i}"))
                ),
                types.to_vec(),
            ),
            tell_many: Plan::new(
                format!(
                    "WITH told AS (INSERT INTO {state} AS s ({columns}, low_yes, high_yes) \
                     SELECT d.* FROM {given} {upsert} RETURNING s.*) \
                     INSERT INTO {matches} ({columns}) SELECT {columns} FROM told \
                     WHERE low_yes AND high_yes {once}"
                ),
                many.clone(),
            ),
            claim: Plan::new(
                format!(
                    "INSERT INTO {state} AS s ({columns}, low_yes, high_yes) SELECT d.* FROM {given} \
                     {upsert}"
                ),
                many.clone(),
            ),
            match_claimed: Plan::new(
                format!(
                    "INSERT INTO {matches} ({columns}) SELECT {} FROM {state} AS s, {given} \
                     WHERE {same} AND s.low_yes AND s.high_yes {once}",
                    of("s")
                ),
                many.clone(),
            ),
            lock: Plan::new(
                format!(
                    "SELECT pg_catalog.count(*) FROM (SELECT 1 FROM {state} AS s, {given} \
                     WHERE {same} ORDER BY {} FOR UPDATE OF s) AS held",
                    of("s")
                ),
                many.clone(),
            ),
            retract: Plan::new(
                format!(
                    "UPDATE {state} AS s SET low_yes = s.low_yes AND NOT d.low_yes, \
                     high_yes = s.high_yes AND NOT d.high_yes FROM {given} WHERE {same}"
                ),
                many.clone(),
            ),
            forget: Plan::new(
                format!(
                    "DELETE FROM {state} AS s USING {given} \
                     WHERE {same} AND NOT s.low_yes AND NOT s.high_yes"
                ),
                many,
            ),
        }
    }
}

pub struct Plan {
    sql: String,
    types: Vec<pg_sys::Oid>,
    prepared: Cell<pg_sys::SPIPlanPtr>,
}

impl Plan {
    fn new(sql: String, types: Vec<pg_sys::Oid>) -> Plan {
        Plan {
            sql,
            types,
            prepared: Cell::new(ptr::null_mut()),
        }
    }

    /// Runs it with `values`, none of them NULL; the first column of its only row, where it is a
    /// boolean. Needs SPI.
    pub fn run(&self, values: &mut [pg_sys::Datum]) -> bool {
        if self.prepared.get().is_null() {
            let sql = CString::new(self.sql.as_str()).unwrap_or_default();
            let mut types = self.types.clone();
            // SAFETY: SPI is connected; text and types are copied, and a kept plan lives until
            // SPI_freeplan.
            unsafe {
                let options = pg_sys::CURSOR_OPT_GENERIC_PLAN as i32;
                let plan = pg_sys::SPI_prepare_cursor(
                    sql.as_ptr(),
                    types.len() as i32,
                    types.as_mut_ptr(),
                    options,
                );
                pg_sys::SPI_keepplan(plan);
                self.prepared.set(plan);
            }
        }
        // SAFETY: as many values as the plan has parameters, of their types, none NULL; the result
        // is read before it is freed.
        unsafe {
            pg_sys::SPI_execute_plan(
                self.prepared.get(),
                values.as_mut_ptr(),
                ptr::null(),
                false,
                0,
            );
            let rows = pg_sys::SPI_tuptable;
            if rows.is_null() {
                return false;
            }
            let mut is_null = true;
            let mut answer = pg_sys::Datum::from(0);
            if pg_sys::SPI_processed > 0 {
                answer = pg_sys::SPI_getbinval(*(*rows).vals, (*rows).tupdesc, 1, &mut is_null);
            }
            pg_sys::SPI_freetuptable(rows);
            !is_null && answer.value() as u8 != 0
        }
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        if !self.prepared.get().is_null() {
            // SAFETY: kept by SPI_keepplan, freed once.
            unsafe { pg_sys::SPI_freeplan(self.prepared.get()) };
        }
    }
}
