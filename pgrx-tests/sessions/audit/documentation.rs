//! The SQL of docs/audit.md is run, so that it stays true.

use super::super::cluster::Database;

#[test]
fn every_sql_block_of_the_audit_page_runs() {
    let page = include_str!("../../../docs/audit.md");
    let database = Database::engines();
    let mut client = database.connect();
    let blocks: Vec<&str> = page
        .split("```sql\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```").map(|(block, _)| block))
        .collect();
    assert!(blocks.len() > 8, "{}", blocks.len());
    for block in blocks {
        if let Err(error) = client.batch_execute(block) {
            panic!("{block}\n{error:?}");
        }
    }
}
