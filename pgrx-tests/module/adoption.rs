//! Claims about a module that finds tables of its names: it takes them as they are, or says what does not fit.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::module::{count, failure, found, run};
    use pgrx::prelude::*;

    #[pg_test]
    fn an_adopted_table_keeps_its_rows_and_gets_the_columns_it_lacks() {
        run("CREATE SCHEMA adopted");
        run(
            "CREATE TABLE adopted.profiles (id uuid CONSTRAINT mine_pk PRIMARY KEY, nickname text)",
        );
        run("INSERT INTO auth.users (id) VALUES ('00000000-0000-4000-8000-00000000a002')");
        run("INSERT INTO adopted.profiles VALUES ('00000000-0000-4000-8000-00000000a002', 'Ada')");
        run("SELECT community_core.install_module('founders', 'adopted')");
        assert_eq!(
            count("SELECT stage, industry FROM adopted.profiles WHERE nickname = 'Ada'"),
            1
        );
        assert_eq!(found("adopted"), Vec::<String>::new());
        let (state, hint) =
            failure("PERFORM community_core.remove_module('adopted', drop_data => true)");
        assert_eq!(state, "55000");
        assert!(hint.contains("profiles"), "{hint}");
    }

    #[pg_test]
    fn an_adopted_column_of_another_type_is_refused_by_name() {
        run("CREATE SCHEMA mistyped");
        run("CREATE TABLE mistyped.profiles (id bigint PRIMARY KEY)");
        assert_eq!(
            failure("PERFORM community_core.install_module('founders', 'mistyped')").0,
            "42804"
        );
        run("DROP TABLE mistyped.profiles; CREATE VIEW mistyped.profiles AS SELECT 1 AS id");
        assert_eq!(
            failure("PERFORM community_core.install_module('founders', 'mistyped')").0,
            "42809"
        );
        assert_eq!(
            count("SELECT FROM pg_class WHERE relnamespace = 'mistyped'::regnamespace"),
            1
        );
    }

    #[pg_test]
    fn milestone_id_takes_the_type_of_milestones_that_were_there() {
        let type_in = |schema: &str| {
            Spi::get_one::<String>(&format!(
                "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
                 WHERE attrelid = '{schema}.social_feed_posts'::regclass AND attname = 'milestone_id'"
            ))
        };
        assert_eq!(type_in("founders"), Ok(Some("uuid".into())));
        run(
            "CREATE SCHEMA journey; CREATE TABLE journey.milestones (id text PRIMARY KEY, title text)",
        );
        run("SELECT community_core.install_module('founders', 'journey')");
        assert_eq!(type_in("journey"), Ok(Some("text".into())));
        assert_eq!(found("journey"), Vec::<String>::new());
    }

    /// An id whose type is neither of the document's two: bigint, and one with a sequence behind it.
    #[pg_test]
    fn milestones_numbered_by_a_bigint_are_adopted_and_referenced_as_such() {
        run(
            "CREATE SCHEMA numbered;
             CREATE TABLE numbered.milestones (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
             INSERT INTO numbered.milestones DEFAULT VALUES;
             SELECT community_core.install_module('founders', 'numbered');
             INSERT INTO auth.users (id) VALUES ('00000000-0000-4000-8000-00000000a004');
             INSERT INTO numbered.social_feed_posts (author_id, content, milestone_id)
             SELECT '00000000-0000-4000-8000-00000000a004', 'reached', id FROM numbered.milestones",
        );
        assert_eq!(found("numbered"), Vec::<String>::new());
        let unknown = "UPDATE numbered.social_feed_posts SET milestone_id = 7000000000";
        assert_eq!(failure(unknown).0, "23503");
    }
}
