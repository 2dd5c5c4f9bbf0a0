//! Claims about community profiles and the directory.

#[pgrx::pg_schema]
mod tests {
    use super::super::{As, consent, gates, outcome, person, run, run_as, text_as};
    use pgrx::prelude::*;

    fn member(name: &str) -> String {
        let id = person();
        run_as(
            As::Person(&id),
            &format!(
                "INSERT INTO founders.community_profiles
                     (user_id, display_name, bio, avatar_url, stage, industry, achievements)
                 VALUES ('{id}', '{name}', 'a bio', 'https://example.org/a', 'seed', 'health', '{{first}}')"
            ),
        );
        id
    }

    fn shown(who: As) -> String {
        text_as(
            who,
            "SELECT string_agg(concat_ws(',', coalesce(display_name, '-'), coalesce(avatar_url, '-'),
                 coalesce(stage, '-'), coalesce(industry, '-'), coalesce(bio, '-'),
                 coalesce(achievements::text, '-')), ' ' ORDER BY display_name)
             FROM founders.community_directory",
        )
    }

    const ALL: &str = "Ada,https://example.org/a,seed,health,a bio,{first}";

    #[pg_test]
    fn the_directory_shows_only_who_agreed_and_forgets_them_at_once() {
        let (ada, bob) = (member("Ada"), member("Bob"));
        assert_eq!(shown(As::Person(&bob)), "");
        consent(&ada, "directory", true);
        assert_eq!(shown(As::Person(&bob)), ALL);
        assert_eq!(shown(As::Service), ALL);
        consent(&ada, "directory", false);
        assert_eq!(shown(As::Person(&bob)), "");
        assert_eq!(
            outcome(As::Anonymous, "SELECT FROM founders.community_directory"),
            "42501"
        );
        gates("benchmarks");
        assert_eq!(
            outcome(As::Person(&bob), "SELECT FROM founders.community_directory"),
            "2"
        );
    }

    /// Zero-width and other characters that no screen shows, alone and together.
    #[pg_test]
    fn a_name_that_nobody_can_see_is_refused_and_a_name_in_any_script_is_taken() {
        let ada = member("Ada");
        let named = |name: &str| {
            outcome(
                As::Person(&ada),
                &format!("UPDATE founders.community_profiles SET display_name = {name}"),
            )
        };
        let unseen = [
            0x00a0, 0x00ad, 0x034f, 0x061c, 0x115f, 0x1680, 0x180e, 0x2000, 0x200b, 0x200d, 0x200e,
            0x2028, 0x202e, 0x202f, 0x205f, 0x2060, 0x2064, 0x2800, 0x3000, 0x3164, 0xfe0f, 0xfeff,
            0xffa0, 0xfff9, 0xe0020, 0xe0100, 0x85, 0x7f, 0x01,
        ];
        for code in unseen {
            assert_eq!(named(&format!("chr({code})")), "23514", "{code:x}");
        }
        let together: String = unseen
            .iter()
            .map(|code| format!("chr({code}) || "))
            .collect();
        assert_eq!(named(&format!("{together}' '")), "23514");
        assert_eq!(named(&format!("{together}'.'")), "1");
        for name in ["Ж", "日本", "ا", "é", "👩‍🚀", "_"] {
            assert_eq!(named(&format!("'{name}'")), "1", "{name}");
        }
    }

    #[pg_test]
    fn the_directory_shows_of_each_only_what_they_allow() {
        let ada = member("Ada");
        consent(&ada, "directory", true);
        let with = |settings: &str| {
            run(&format!(
                "UPDATE founders.community_profiles SET visibility_settings = '{settings}'"
            ));
            shown(As::Person(&ada))
        };
        let rest = r#""show_name":true,"show_stage":true,"show_industry":true,"show_bio":true"#;
        assert_eq!(
            with(&format!(r#"{{{rest},"show_achievements":false}}"#)),
            "Ada,https://example.org/a,seed,health,a bio,-"
        );
        assert_eq!(with(r#"{"show_stage":true}"#), "-,-,seed,-,-,-");
        assert_eq!(
            with(r#"{"show_bio":true,"show_industry":true}"#),
            "-,-,-,health,a bio,-"
        );
        assert_eq!(with("{}"), "-,-,-,-,-,-");
        for not_true in [r#""true""#, "1", "null", "[true]", r#"{"a":true}"#] {
            assert_eq!(
                with(&format!(r#"{{"show_name":{not_true}}}"#)),
                "-,-,-,-,-,-"
            );
        }
    }

    /// A condition of the caller's that leaks what it is given must not run before the filter.
    #[pg_test]
    fn a_leaky_condition_sees_nothing_of_who_did_not_agree() {
        let (ada, bob) = (member("Ada"), member("Bob"));
        consent(&ada, "directory", true);
        run("CREATE FUNCTION pg_temp.leak(name text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
             BEGIN IF name = 'Bob' THEN RAISE EXCEPTION 'seen'; END IF; RETURN true; END $$");
        let leak = "SELECT FROM founders.community_directory WHERE pg_temp.leak(display_name)";
        assert_eq!(outcome(As::Person(&ada), leak), "1");
        run("UPDATE founders.community_profiles SET visibility_settings = '{}'");
        consent(&bob, "directory", true);
        assert_eq!(outcome(As::Person(&ada), leak), "2");
    }

    #[pg_test]
    fn a_profile_is_its_persons_own_and_its_texts_have_a_length() {
        let (ada, bob) = (member("Ada"), member("Bob"));
        let set = |who: &str, what: &str| {
            outcome(
                As::Person(who),
                &format!("UPDATE founders.community_profiles SET {what} WHERE user_id = '{ada}'"),
            )
        };
        assert_eq!(set(&ada, "bio = 'mine'"), "1");
        assert_eq!(set(&bob, "bio = 'not mine'"), "0");
        assert_eq!(set(&ada, "display_name = ''"), "23514");
        assert_eq!(set(&ada, "display_name = E' \\t\\n'"), "23514");
        assert_eq!(set(&ada, "display_name = repeat('x', 100)"), "1");
        assert_eq!(set(&ada, "display_name = repeat('x', 101)"), "23514");
        assert_eq!(set(&ada, "bio = repeat('x', 5001)"), "23514");
        assert_eq!(set(&ada, "visibility_settings = '[]'"), "23514");
        assert_eq!(set(&ada, &format!("user_id = '{bob}'")), "42501");
        let stolen = format!(
            "INSERT INTO founders.community_profiles (user_id, display_name) VALUES ('{ada}', 'Eve')"
        );
        assert_eq!(outcome(As::Person(&bob), &stolen), "42501");
    }
}
