//! The quick way to say that somebody is a member, which every row of a feed asks.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::founders::{As, be, outcome, run, text, text_as};
    use crate::claims::spaces::{member, person, post, space};
    use pgrx::prelude::*;

    const ASKED: &str = "SELECT community_core.is_active_member('s.members', space_id)::text FROM s.members LIMIT 1";

    /// A table of members as anybody could have it, with the person who is asking in it.
    fn members() {
        let person = person();
        run(&format!(
            "CREATE SCHEMA s;
             CREATE TABLE s.members (space_id uuid, profile_id uuid, status text);
             INSERT INTO s.members VALUES (gen_random_uuid(), '{person}', 'active');
             GRANT USAGE ON SCHEMA s TO authenticated;
             SELECT set_config('request.jwt.claims', '{{\"sub\":\"{person}\"}}', true)"
        ));
    }

    /// The membership as it is, whatever sanctions say.
    fn become_of(person: &str, status: &str, banned_until: &str) {
        run(&format!(
            "SET LOCAL session_replication_role = replica;
             UPDATE spaces.space_members SET status = '{status}', banned_until = {banned_until}
             WHERE profile_id = '{person}';
             SET LOCAL session_replication_role = origin"
        ));
    }

    #[pg_test]
    fn the_quick_answer_is_that_of_the_members_and_about_nobody_but_the_caller() {
        let space = space("private");
        let one = member(&space, "member");
        let other = member(&space, "member");
        let asked = format!("SELECT spaces.is_active_member('{space}')::text");
        for (status, until, said) in [
            ("active", "NULL", "true"),
            ("pending", "NULL", "false"),
            ("banned", "NULL", "false"),
            ("banned", "now() + interval '1 day'", "false"),
            ("active", "NULL", "true"),
        ] {
            become_of(&one, status, until);
            assert_eq!(text_as(As::Person(&one), &asked), said, "{status}");
            assert_eq!(text_as(As::Person(&other), &asked), "true");
        }
        for nobody in [
            As::Anonymous,
            As::Service,
            As::Person(&person()),
            As::Claims("{"),
        ] {
            assert_eq!(text_as(nobody, &asked), "false");
        }
        run(&format!(
            "DELETE FROM spaces.space_members WHERE profile_id = '{other}'"
        ));
        assert_eq!(text_as(As::Person(&other), &asked), "false");
        assert_eq!(text("SELECT spaces.is_active_member(NULL)::text"), "");
    }

    #[pg_test]
    fn whose_ban_from_a_private_space_has_lapsed_reads_again() {
        let space = space("private");
        let one = member(&space, "member");
        let post = post(&space, &person());
        let read = format!("SELECT count(*)::text FROM spaces.posts WHERE id = '{post}'");
        assert_eq!(text_as(As::Person(&one), &read), "1");
        for (until, read_now) in [("now() + interval '1 hour'", "0"), ("now()", "1")] {
            become_of(&one, "banned", until);
            assert_eq!(text_as(As::Person(&one), &read), read_now, "{until}");
        }
    }

    #[pg_test]
    fn a_policy_asks_for_it_without_a_call_in_between() {
        be(As::Anonymous);
        let plan = Spi::get_one::<pgrx::Json>("EXPLAIN (FORMAT json) SELECT id FROM spaces.posts");
        let plan = plan.expect("a plan").expect("a plan").0.to_string();
        assert!(plan.contains("community_core.is_active_member("), "{plan}");
        assert!(!plan.contains("spaces.is_active_member("), "{plan}");
        be(As::Owner);
    }

    #[pg_test]
    fn an_answer_is_not_kept_for_the_next_query() {
        members();
        run("ALTER TABLE s.members ADD PRIMARY KEY (space_id, profile_id)");
        run(
            "CREATE FUNCTION s.answers() RETURNS text LANGUAGE plpgsql AS $$
             DECLARE
                 asked CONSTANT uuid := (SELECT space_id FROM s.members);
                 said text := '';
                 yes boolean;
             BEGIN
                 FOR turn IN 1..4 LOOP
                     UPDATE s.members SET status = CASE WHEN status = 'active' THEN 'pending' ELSE 'active' END;
                     yes := community_core.is_active_member('s.members', asked);
                     said := said || CASE WHEN yes THEN 'y' ELSE 'n' END;
                 END LOOP;
                 RETURN said;
             END $$",
        );
        assert_eq!(text("SELECT s.answers()"), "nyny");
    }

    #[pg_test]
    fn an_answer_is_not_kept_for_the_next_person_or_after_what_was_undone() {
        members();
        run("ALTER TABLE s.members ADD PRIMARY KEY (space_id, profile_id)");
        run(
            "CREATE FUNCTION s.answers() RETURNS text LANGUAGE plpgsql AS $$
             DECLARE
                 asked CONSTANT uuid := (SELECT space_id FROM s.members);
                 one CONSTANT text := current_setting('request.jwt.claims');
                 said text := '';
             BEGIN
                 FOR turn IN 1..4 LOOP
                     BEGIN
                         PERFORM set_config('request.jwt.claims', CASE WHEN turn = 2 THEN '{}' ELSE one END, true);
                         IF turn = 3 THEN DELETE FROM s.members; END IF;
                         said := said || CASE WHEN community_core.is_active_member('s.members', asked) THEN 'y' ELSE 'n' END;
                         IF turn = 3 THEN RAISE EXCEPTION 'undone'; END IF;
                     EXCEPTION WHEN raise_exception THEN NULL;
                     END;
                 END LOOP;
                 RETURN said;
             END $$",
        );
        assert_eq!(text("SELECT s.answers()"), "ynny");
    }

    #[pg_test]
    fn without_an_index_for_it_the_quick_answer_is_no() {
        members();
        assert_eq!(text(ASKED), "false");
        run("CREATE UNIQUE INDEX few ON s.members (profile_id, space_id) WHERE status = 'active'");
        assert_eq!(text(ASKED), "false");
        run("CREATE UNIQUE INDEX whole ON s.members (profile_id, space_id)");
        assert_eq!(text(ASKED), "true");
        run("DROP INDEX s.whole");
        assert_eq!(text(ASKED), "false");
        run("ALTER TABLE s.members ADD UNIQUE (space_id, profile_id)");
        assert_eq!(text(ASKED), "true");
        run("ALTER TABLE s.members ALTER status TYPE varchar");
        assert_eq!(text(ASKED), "false");
    }

    #[pg_test]
    fn what_is_no_table_of_members_is_said_to_be_none() {
        members();
        run("CREATE VIEW s.seen AS SELECT * FROM s.members; CREATE TABLE s.other (space_id uuid)");
        be(As::Owner);
        for (what, sqlstate) in [
            ("'s.seen'", "42809"),
            ("'s.other'", "42703"),
            ("4000000000::oid::regclass", "42P01"),
        ] {
            let ask = format!("SELECT community_core.is_active_member({what}, gen_random_uuid())");
            let person = text("SELECT profile_id::text FROM s.members");
            assert_eq!(outcome(As::Person(&person), &ask), sqlstate, "{what}");
        }
    }
}
