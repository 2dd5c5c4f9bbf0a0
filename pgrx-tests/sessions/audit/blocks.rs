//! Logs that are sealed in blocks.

use super::super::cluster::Database;
use super::{count, faults};

#[test]
fn entries_of_a_block_log_wait_for_seal_audit_and_are_seen_waiting() {
    let database = Database::engines();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, org text, u uuid);
             SELECT community_core.create_audit_log('log', '{org}', '{u}', 'block');
             INSERT INTO log (org, u) SELECT 'o' || i % 3, gen_random_uuid()
             FROM generate_series(1, 6000) i;",
        )
        .expect("write");
    assert_eq!(faults(&mut client), ["unsealed", "unsealed", "unsealed"]);
    assert_eq!(
        count(
            &mut client,
            "SELECT unsealed FROM community_core.audit_logs()"
        ),
        6_000
    );
    let mut writer = database.connect();
    let mut open = writer.transaction().expect("begin");
    open.batch_execute("INSERT INTO log (org) VALUES ('o1')")
        .expect("write");
    assert_eq!(
        count(&mut client, "SELECT community_core.seal_audit('log')"),
        6_000
    );
    assert_eq!(faults(&mut client), Vec::<String>::new());
    open.commit().expect("commit");
    assert_eq!(faults(&mut client), ["unsealed"]);
    assert_eq!(count(&mut client, "SELECT community_core.seal_audit()"), 1);
    assert_eq!(faults(&mut client), Vec::<String>::new());
}

#[test]
fn the_tail_of_a_block_log_says_its_age_and_is_sealed_in_blocks_of_at_most_a_hundred_thousand() {
    let database = Database::engines();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
             SELECT community_core.create_audit_log('log', seal => 'block');
             CREATE TABLE moves (size bigint);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN INSERT INTO public.moves VALUES (NEW.size); RETURN NULL; END $$;
             CREATE TRIGGER note AFTER UPDATE ON log_head FOR EACH ROW EXECUTE FUNCTION note()",
        )
        .expect("create the log");
    let age = "SELECT count(*) FROM community_core.audit_logs() a
               WHERE unsealed_since = (SELECT min(written_at) FROM log_tail)";
    assert_eq!(count(&mut client, age), 0, "nothing waits");
    client
        .batch_execute("INSERT INTO log SELECT FROM generate_series(1, 100001)")
        .expect("write");
    client
        .batch_execute("INSERT INTO log SELECT FROM generate_series(1, 100000)")
        .expect("write later");
    assert_eq!(count(&mut client, age), 1, "the age is that of the oldest");
    let seal = "SELECT community_core.seal_audit('log')";
    assert_eq!(count(&mut client, seal), 200_001);
    let moves: Vec<i64> = client
        .query("SELECT size FROM moves ORDER BY size", &[])
        .expect("read how the head moved")
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(moves, [100_000, 100_001, 200_001]);
    assert_eq!(count(&mut client, "SELECT count(*) FROM log_tail"), 0);
    assert_eq!(faults(&mut client), Vec::<String>::new());
}
