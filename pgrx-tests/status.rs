//! Claims about what a DBA is told.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::founders::{As, be, outcome, run, text};
    use pgrx::prelude::*;

    fn row(thing: &str, object: &str) -> String {
        text(&format!(
            "SELECT format('%s %s: %s | %s', level, trim_scale(value), detail, what_to_do) FROM community_core.status()
             WHERE thing = '{thing}' AND object = '{object}'"
        ))
    }

    #[pg_test]
    fn a_healthy_database_has_no_error_and_every_module_is_there() {
        be(As::Owner);
        run("SELECT community_core.install_module('founders', 'healthy')");
        assert_eq!(
            text(
                "SELECT string_agg(thing || ' ' || object || ': ' || detail, ', ') FROM community_core.status() WHERE level = 'error' AND object LIKE 'healthy%'"
            ),
            ""
        );
        assert_eq!(
            text(
                "SELECT count(*)::text FROM community_state.module WHERE removed_at IS NULL AND schema NOT IN (SELECT object FROM community_core.status() WHERE thing = 'module')"
            ),
            "0"
        );
        assert!(row("module", "healthy").starts_with("ok 1: founders "));
    }

    #[pg_test]
    fn what_is_ok_needs_nothing_done_and_what_is_not_does() {
        be(As::Owner);
        assert_eq!(
            text(
                "SELECT count(*)::text FROM community_core.status() WHERE (level = 'ok') <> (what_to_do IS NULL) OR level NOT IN ('ok', 'warn', 'error')"
            ),
            "0"
        );
    }

    #[pg_test]
    fn another_version_of_the_extension_is_an_error() {
        be(As::Owner);
        run("UPDATE pg_extension SET extversion = '0.0.1' WHERE extname = 'community_core'");
        assert!(
            row("extension", "community_core").starts_with("error 1: extension 0.0.1, library ")
        );
    }

    #[pg_test]
    fn a_module_of_another_version_is_to_be_migrated() {
        be(As::Owner);
        run("SELECT community_core.install_module('tenancy', 'old_one')");
        run("UPDATE community_state.module SET version = '0.0.1' WHERE schema = 'old_one'");
        let row = row("module", "old_one");
        assert!(
            row.starts_with("warn")
                && row.ends_with("SELECT * FROM community_core.migrate_modules()"),
            "{row}"
        );
    }

    #[pg_test]
    fn rules_that_are_off_are_named() {
        be(As::Owner);
        run("SELECT community_core.install_module('tenancy', 'loose')");
        assert!(row("rules_off", "loose").starts_with("ok 0: "));
        run(
            "ALTER TABLE loose.customers DISABLE TRIGGER customers_set_updated_at;
             ALTER TABLE loose.revenue DISABLE ROW LEVEL SECURITY",
        );
        let found = row("rules_off", "loose");
        assert!(
            found.starts_with(
                "error 2: row security of revenue, trigger customers_set_updated_at of customers"
            ),
            "{found}"
        );
        run("SELECT community_core.install_module('tenancy', 'loose')");
        assert!(row("rules_off", "loose").starts_with("ok 0: "));
    }

    #[pg_test]
    fn an_engines_trigger_that_is_off_is_named_on_any_table() {
        be(As::Owner);
        run(
            "CREATE TABLE kept (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n int);
             SELECT community_core.create_audit_log('kept');
             ALTER TABLE kept DISABLE TRIGGER audit_append",
        );
        assert!(row("rules_off", "other tables").contains("trigger audit_append of "));
    }

    #[pg_test]
    fn a_queue_tells_its_length_its_age_and_what_was_given_up() {
        be(As::Owner);
        run("SELECT community_core.install_module('linkup', 'waiting')");
        run("INSERT INTO waiting.stripe_events (stripe_event_id, event_type, payload, received_at, processing_error) VALUES
                 ('one', 'x', '{}', now() - interval '20 minutes', NULL), ('two', 'x', '{}', now() - interval '2 days', 'broken')");
        assert!(row("queue", "waiting.stripe_events").starts_with("ok 2: "));
        assert!(
            row("queue_age", "waiting.stripe_events")
                .starts_with("error 172800: the oldest has waited for 48:00:00")
        );
        assert!(row("queue_failed", "waiting.stripe_events").starts_with("warn 1: "));
        run("DELETE FROM waiting.stripe_events WHERE stripe_event_id = 'two'");
        assert!(row("queue_age", "waiting.stripe_events").starts_with("warn 1200: "));
        assert!(row("queue_failed", "waiting.stripe_events").starts_with("ok 0: "));
    }

    #[pg_test]
    fn every_queue_that_is_watched_is_there() {
        be(As::Owner);
        assert_eq!(
            text("SELECT string_agg(q.name, ', ') FROM community_core.status_queues() q JOIN community_state.module m USING (module)
                  WHERE m.removed_at IS NULL AND to_regclass(format('%I.%I', m.schema, q.name)) IS NULL"),
            ""
        );
        assert_eq!(
            text(
                "SELECT string_agg(detail, ', ') FROM community_core.status() WHERE thing = 'queue' AND level = 'error'"
            ),
            ""
        );
    }

    #[pg_test]
    fn a_look_that_fails_is_a_row_and_the_others_are_still_there() {
        be(As::Owner);
        run("SELECT community_core.install_module('linkup', 'torn');
             ALTER TABLE torn.stripe_events DROP COLUMN processed_at CASCADE");
        let found = row("queue", "torn.stripe_events");
        assert!(
            found.starts_with("error : column \"processed_at\" does not exist"),
            "{found}"
        );
        assert!(row("queue", "torn.sms_outbound_jobs").starts_with("ok 0: "));
    }

    #[pg_test]
    fn rows_past_their_retention_are_told_and_from_a_week_on_an_error() {
        be(As::Owner);
        run("CREATE SCHEMA late; CREATE TABLE late.notes (id int PRIMARY KEY, made_at timestamptz NOT NULL);
             SELECT community_core.create_retention_policy('late.notes', 'made_at', '1 day', 'delete');
             INSERT INTO late.notes VALUES (1, now() - interval '25 hours')");
        let object = "late.notes delete_made_at";
        assert!(
            row("retention_due", object)
                .starts_with("ok 1: 1 rows should have left, the oldest by 01:00:00")
        );
        run("INSERT INTO late.notes VALUES (2, now() - interval '3 days')");
        assert!(row("retention_due", object).starts_with("warn 2: "));
        run("INSERT INTO late.notes VALUES (3, now() - interval '9 days')");
        assert!(row("retention_due", object).starts_with("error 3: "));
    }

    #[pg_test]
    fn a_counter_that_drifted_is_told() {
        be(As::Owner);
        run("CREATE SCHEMA drifted; CREATE TABLE drifted.posts (id int PRIMARY KEY, likes int NOT NULL DEFAULT 0);
             CREATE TABLE drifted.likes (post_id int REFERENCES drifted.posts);
             CREATE INDEX ON drifted.likes (post_id);
             SELECT community_core.create_counter('drifted.likes', 'post_id', 'drifted.posts', 'likes');
             INSERT INTO drifted.posts SELECT generate_series(1, 20);
             INSERT INTO drifted.likes SELECT 1 + n % 20 FROM generate_series(1, 100) n");
        assert!(row("counter_drift", "drifted.posts.likes").starts_with("ok 0: 0 of 20 parents"));
        run("UPDATE drifted.posts SET likes = 99 WHERE id IN (3, 4)");
        let found = row("counter_drift", "drifted.posts.likes");
        assert!(found.starts_with("error 2: 2 of 20 parents that were looked at | SELECT community_core.recount_counters('drifted.posts')"), "{found}");
    }

    #[pg_test]
    fn a_sample_of_counters_is_a_small_part_of_a_large_table() {
        be(As::Owner);
        run("CREATE SCHEMA large; CREATE TABLE large.posts (id int PRIMARY KEY, likes int NOT NULL DEFAULT 0);
             CREATE TABLE large.likes (post_id int REFERENCES large.posts);
             SELECT community_core.create_counter('large.likes', 'post_id', 'large.posts', 'likes');
             INSERT INTO large.posts SELECT generate_series(1, 50000);
             ANALYZE large.posts");
        let looked_at: i64 = text("SELECT max(looked_at)::text FROM community_core.counter_drift(500) WHERE parent = 'large.posts'")
            .parse()
            .expect("a number");
        assert!(looked_at < 10_000, "{looked_at}");
        assert_eq!(
            outcome(As::Owner, "SELECT community_core.counter_drift(0)"),
            "22023"
        );
    }

    #[pg_test]
    fn entries_that_wait_to_be_sealed_are_told() {
        be(As::Owner);
        run("CREATE SCHEMA waits; CREATE TABLE waits.clicks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, page text);
             SELECT community_core.create_audit_log('waits.clicks', seal => 'block');
             INSERT INTO waits.clicks (page) VALUES ('a'), ('b')");
        assert!(
            row("audit_unsealed", "waits.clicks")
                .starts_with("ok 2: 0 entries are sealed, 2 wait since ")
        );
    }

    #[pg_test]
    fn the_metrics_are_the_rows_of_status() {
        be(As::Owner);
        // A name that the text format has to escape.
        run("SELECT community_core.install_module('tenancy', 'a\"b')");
        let metrics = text("SELECT community_core.metrics()");
        let rows: usize = text("SELECT count(*)::text FROM community_core.status()")
            .parse()
            .expect("a number");
        let levels = metrics
            .lines()
            .filter(|line| line.starts_with("community_core_level{"));
        assert_eq!(levels.count(), rows);
        assert!(metrics.contains("community_core_level{thing=\"module\",object=\"a\\\"b\"} 0\n"));
        let mut announced = "";
        for line in metrics.lines() {
            match line.strip_prefix("# TYPE ") {
                Some(kind) => announced = kind.strip_suffix(" gauge").expect("a gauge"),
                None if line.starts_with("# HELP ") => {}
                None => {
                    let (name, rest) = line.split_once('{').expect("labels");
                    let (_, value) = rest.rsplit_once("} ").expect("a value");
                    assert_eq!(name, announced, "{line}");
                    assert!(value.parse::<f64>().is_ok(), "{line}");
                }
            }
        }
    }

    #[pg_test]
    fn app_roles_are_told_nothing() {
        for who in [As::Anonymous, As::Service] {
            assert_eq!(outcome(who, "SELECT community_core.status()"), "42501");
            assert_eq!(outcome(who, "SELECT community_core.metrics()"), "42501");
        }
    }
}
