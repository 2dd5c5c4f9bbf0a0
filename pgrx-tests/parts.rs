//! Claims about modules that are installed and removed by parts.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::founders::{As, outcome, run, text};
    use crate::claims::linkup::failure;
    use pgrx::prelude::*;

    const FAULTS: &str = "SELECT string_agg(concat_ws(' ', kind, relation, name, difference), '; ')
         FROM community_core.verify_module('staged')";

    fn install(part: &str) {
        run(&format!(
            "SELECT community_core.install_module('spaces', 'staged', part => '{part}')"
        ));
    }

    fn remove(part: &str, drop_data: bool) {
        run(&format!(
            "SELECT community_core.remove_module('staged', {drop_data}, part => '{part}')"
        ));
    }

    fn parts() -> String {
        text("SELECT parts::text FROM community_core.modules() WHERE schema = 'staged'")
    }

    fn has(table: &str) -> bool {
        text(&format!(
            "SELECT (to_regclass('staged.{table}') IS NOT NULL)::text"
        )) == "true"
    }

    /// A space with an event in it, published and with a ticket sold.
    fn live() {
        run(
            "INSERT INTO auth.users (id) VALUES ('00000000-0000-4000-8000-00000000d001');
             INSERT INTO staged.profiles (id) VALUES ('00000000-0000-4000-8000-00000000d001');
             INSERT INTO staged.spaces (id, slug, name) VALUES ('00000000-0000-4000-8000-00000000d001', 'town', 'Town');
             INSERT INTO staged.events (id, space_id, title, start_at, end_at, capacity)
             VALUES ('00000000-0000-4000-8000-00000000d001', '00000000-0000-4000-8000-00000000d001', 'A talk',
                     now(), now() + interval '1 day', 1);
             INSERT INTO staged.event_tickets (event_id, profile_id, price)
             VALUES ('00000000-0000-4000-8000-00000000d001', '00000000-0000-4000-8000-00000000d001', 0)",
        );
    }

    #[pg_test]
    fn a_part_comes_with_those_before_it_and_later_ones_are_added_with_the_data_in_place() {
        install("spaces");
        assert_eq!(parts(), "{spaces}");
        assert!(has("space_members") && !has("posts") && !has("events"));
        assert_eq!(text(FAULTS), "");
        run(
            "INSERT INTO staged.spaces (slug, name) VALUES ('early', 'Early');
             SELECT community_core.install_module('spaces', 'staged')",
        );
        assert_eq!(parts(), "{spaces}", "a repair adds nothing");
        install("commerce");
        assert_eq!(parts(), "{spaces,content,commerce}");
        assert!(has("posts") && has("events"));
        assert_eq!(text(FAULTS), "");
        assert_eq!(
            text("SELECT name FROM staged.spaces WHERE slug = 'early'"),
            "Early"
        );
        install("spaces");
        assert_eq!(
            parts(),
            "{spaces,content,commerce}",
            "nothing is taken away"
        );
    }

    #[pg_test]
    fn parts_go_in_the_reverse_order_of_their_coming() {
        install("content");
        for (part, state) in [
            ("spaces", "2BP01"),
            ("commerce", "42704"),
            ("money", "22023"),
        ] {
            let remove = format!("SELECT community_core.remove_module('staged', part => '{part}')");
            assert_eq!(outcome(As::Owner, &remove), state, "{part}");
        }
        let whole = "SELECT community_core.remove_module('founders', part => 'content')";
        assert_eq!(outcome(As::Owner, whole), "22023");
        remove("content", false);
        remove("spaces", false);
        let modules = "SELECT FROM community_core.modules() WHERE schema = 'staged'";
        assert_eq!(outcome(As::Owner, modules), "0");
        assert!(has("spaces") && has("posts"));
    }

    #[pg_test]
    fn a_part_removed_without_its_data_comes_back_with_it_and_its_rules() {
        install("commerce");
        live();
        remove("commerce", false);
        assert_eq!(parts(), "{spaces,content}");
        assert_eq!(text(FAULTS), "", "what is left is as it should be");
        assert_eq!(text("SELECT count(*)::text FROM staged.event_tickets"), "1");
        let rules = "SELECT FROM pg_trigger t WHERE NOT tgisinternal
             AND tgrelid IN ('staged.events'::regclass, 'staged.event_tickets'::regclass)";
        assert_eq!(outcome(As::Owner, rules), "0");
        let policies = "SELECT FROM pg_policies WHERE schemaname = 'staged'
             AND (tablename = 'events' OR policyname = 'materials_select_event_guest')";
        assert_eq!(outcome(As::Owner, policies), "0");
        assert_eq!(
            outcome(As::Service, "SELECT id FROM staged.events"),
            "0",
            "nobody sees the rows"
        );
        install("commerce");
        assert_eq!(text(FAULTS), "");
        assert_eq!(
            text("SELECT places_taken::text FROM staged.events"),
            "1",
            "the data is where it was"
        );
        let overbook = "INSERT INTO staged.event_tickets (event_id, price)
             VALUES ('00000000-0000-4000-8000-00000000d001', 0)";
        assert_eq!(outcome(As::Owner, overbook), "23514");
        assert_eq!(
            text("SELECT adopted::text FROM community_state.module WHERE schema = 'staged'"),
            "{}",
            "its own tables are not taken for the user's"
        );
    }

    #[pg_test]
    fn a_part_removed_with_its_data_leaves_the_others_whole() {
        install("commerce");
        live();
        remove("commerce", true);
        assert_eq!(parts(), "{spaces,content}");
        assert!(!has("events") && !has("donations") && has("posts"));
        assert_eq!(text(FAULTS), "");
        let left = "SELECT FROM pg_proc WHERE pronamespace = 'staged'::regnamespace AND proname = 'book_ticket'";
        assert_eq!(outcome(As::Owner, left), "0");
        // That somebody left is recorded at the commit, which does not come here.
        run(
            "DELETE FROM auth.users WHERE id = '00000000-0000-4000-8000-00000000d001';
             SET CONSTRAINTS ALL IMMEDIATE",
        );
        remove("content", true);
        assert!(!has("posts") && has("spaces"));
        assert_eq!(text(FAULTS), "");
        install("commerce");
        assert_eq!(text(FAULTS), "");
    }

    #[pg_test]
    fn tables_that_somebody_built_on_are_not_dropped_with_their_part() {
        install("commerce");
        run("CREATE SCHEMA elsewhere;
             CREATE TABLE elsewhere.note (event uuid REFERENCES staged.events (id))");
        let drop = "SELECT community_core.remove_module('staged', true, part => 'commerce')";
        assert_eq!(outcome(As::Owner, drop), "2BP01");
        assert_eq!(parts(), "{spaces,content,commerce}");
        assert_eq!(text(FAULTS), "");
    }

    #[pg_test]
    fn the_whole_module_goes_with_the_tables_of_parts_that_were_removed_before() {
        install("commerce");
        remove("commerce", false);
        run("SELECT community_core.remove_module('staged', drop_data => true)");
        let left = "SELECT FROM pg_namespace WHERE nspname = 'staged'";
        assert_eq!(outcome(As::Owner, left), "0");
        let part = "SELECT FROM community_state.module_part WHERE schema = 'staged'";
        assert_eq!(outcome(As::Owner, part), "0");
    }

    #[pg_test]
    fn a_table_of_the_users_under_a_name_of_a_later_part_is_adopted_and_a_function_refused() {
        install("content");
        run("CREATE TABLE staged.events (id uuid CONSTRAINT events_pkey PRIMARY KEY, colour text)");
        install("commerce");
        assert_eq!(
            text("SELECT adopted::text FROM community_state.module WHERE schema = 'staged'"),
            "{events}"
        );
        assert_eq!(text(FAULTS), "");
        let drop = "SELECT community_core.remove_module('staged', true, part => 'commerce')";
        assert_eq!(outcome(As::Owner, drop), "55000");
        remove("commerce", false);
        run("SELECT community_core.remove_module('staged')");
        run(
            "SELECT community_core.install_module('spaces', 'other', part => 'content');
             CREATE FUNCTION other.check_time_zone() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        );
        let add = "SELECT community_core.install_module('spaces', 'other', part => 'commerce')";
        assert_eq!(outcome(As::Owner, add), "42710");
    }

    /// Ids in the order of time, as the module makes them.
    fn nth(n: u8) -> String {
        format!("01900000-0000-7000-8000-0000000000{n:02}")
    }

    /// Posts and comments that were there before the part they belong to, in a space.
    fn written_before(comments: &str) {
        install("spaces");
        run(&format!(
            "INSERT INTO staged.spaces (id, slug, name) VALUES ('{0}', 'town', 'Town');
             CREATE TABLE staged.posts (id uuid CONSTRAINT posts_pkey PRIMARY KEY, space_id uuid NOT NULL, title text NOT NULL);
             INSERT INTO staged.posts VALUES ('{0}', '{0}', 'A post');
             CREATE TABLE staged.comments (id uuid CONSTRAINT comments_pkey PRIMARY KEY, post_id uuid NOT NULL, body text NOT NULL{comments}",
            nth(0)
        ));
    }

    #[pg_test]
    fn comments_that_were_there_get_their_places_from_their_parents() {
        written_before(", parent_id uuid)");
        for (id, parent) in [
            (1, None),
            (2, None),
            (3, Some(1)),
            (4, Some(3)),
            (5, Some(1)),
        ] {
            let parent = parent.map_or("NULL".to_owned(), |n| format!("'{}'", nth(n)));
            run(&format!(
                "INSERT INTO staged.comments VALUES ('{}', '{}', '{id}', {parent})",
                nth(id),
                nth(0)
            ));
        }
        install("content");
        assert_eq!(text(FAULTS), "");
        assert_eq!(
            text(&format!(
                "SELECT string_agg(depth || ' ' || body, ', ') FROM staged.comment_thread('{}')",
                nth(0)
            )),
            "1 1, 2 3, 3 4, 2 5, 1 2"
        );
        run(&format!(
            "INSERT INTO staged.comments (post_id, parent_id, body) VALUES ('{}', '{}', '6')",
            nth(0),
            nth(4)
        ));
        assert_eq!(
            text("SELECT (length(path) / 32)::text FROM staged.comments WHERE body = '6'"),
            "4"
        );
        install("content");
        assert_eq!(text(FAULTS), "");
    }

    #[pg_test]
    fn comments_without_parents_begin_threads() {
        written_before(")");
        run(&format!(
            "INSERT INTO staged.comments VALUES ('{}', '{}', 'a')",
            nth(1),
            nth(0)
        ));
        install("content");
        assert_eq!(text(FAULTS), "");
        assert_eq!(
            text(
                "SELECT (thread_root_id = id AND path = replace(id::text, '-', ''))::text FROM staged.comments"
            ),
            "true"
        );
    }

    #[pg_test]
    fn comments_that_answer_each_other_in_a_circle_are_refused_by_name() {
        written_before(", parent_id uuid)");
        run(&format!(
            "INSERT INTO staged.comments VALUES ('{1}', '{0}', 'a', '{2}'), ('{2}', '{0}', 'b', '{1}')",
            nth(0),
            nth(1),
            nth(2)
        ));
        let (state, message) = failure(
            As::Owner,
            "SELECT community_core.install_module('spaces', 'staged', part => 'content')",
        );
        assert_eq!(state, "23503");
        assert!(message.contains(&nth(1)), "{message}");
    }

    #[pg_test]
    fn migration_keeps_to_the_parts_that_are_installed() {
        install("content");
        run(
            "UPDATE community_state.module SET version = '0.0.1' WHERE schema = 'staged';
             SELECT community_core.migrate_modules()",
        );
        assert_eq!(parts(), "{spaces,content}");
        assert!(!has("events"));
        assert_eq!(text(FAULTS), "");
    }

    #[pg_test]
    fn a_registry_made_before_there_were_parts_gets_their_table() {
        run("DROP TABLE community_state.module_part");
        let listed = "SELECT parts::text FROM community_core.modules() WHERE schema = 'spaces'";
        assert_eq!(text(listed), "{spaces,content,commerce}");
        install("spaces");
        assert_eq!(parts(), "{spaces}");
        assert_eq!(text(listed), "{spaces,content,commerce}");
    }

    #[pg_test]
    fn each_step_of_a_part_is_recorded_with_its_times_and_rows() {
        install("content");
        remove("content", true);
        let steps = text(
            "SELECT string_agg(step, ', ' ORDER BY id) FROM community_state.module_step
             WHERE schema = 'staged' AND step LIKE 'remove%'
               AND finished_at >= started_at AND rows_touched >= 0 AND error IS NULL",
        );
        assert_eq!(steps, "remove part content with data");
        let installed = "SELECT FROM community_state.module_step
             WHERE schema = 'staged' AND step = '13_posts.sql' AND finished_at >= started_at";
        assert_eq!(outcome(As::Owner, installed), "1");
    }
}
