//! Claims about reputation and streaks.

#[pgrx::pg_schema]
mod tests {
    use super::super::{As, consent, outcome, person, run, run_as, text_as};
    use pgrx::prelude::*;

    fn earn(person: &str, points: i32) {
        run_as(
            As::Service,
            &format!(
                "INSERT INTO founders.reputation_events (user_id, event_type, points)
                 VALUES ('{person}', 'help_given', {points})"
            ),
        );
    }

    fn member(name: &str) -> String {
        let id = person();
        run(&format!(
            "INSERT INTO founders.community_profiles (user_id, display_name) VALUES ('{id}', '{name}')"
        ));
        id
    }

    fn total(who: As, of: &str) -> String {
        text_as(
            who,
            &format!("SELECT founders.reputation_total({of})::text"),
        )
    }

    fn board(who: As) -> String {
        text_as(
            who,
            "SELECT string_agg(concat_ws(' ', rank, coalesce(display_name, '-'), points), ','
                               ORDER BY rank, display_name)
             FROM founders.reputation_leaderboard",
        )
    }

    #[pg_test]
    fn the_leaderboard_shows_only_who_agreed_to_be_in_the_directory() {
        let (ada, bob, eve) = (member("Ada"), member("Bob"), member("Eve"));
        for (who, points) in [(&ada, 3), (&ada, 4), (&bob, 7), (&eve, 100)] {
            earn(who, points);
        }
        assert_eq!(board(As::Person(&eve)), "");
        consent(&ada, "directory", true);
        consent(&bob, "directory", true);
        assert_eq!(board(As::Person(&eve)), "1 Ada 7,1 Bob 7");
        run(
            "UPDATE founders.community_profiles SET visibility_settings = '{}' WHERE display_name = 'Ada'",
        );
        assert_eq!(board(As::Person(&eve)), "1 Bob 7,1 - 7");
        consent(&bob, "directory", false);
        assert_eq!(board(As::Service), "1 - 7");
        assert_eq!(
            outcome(As::Anonymous, "SELECT FROM founders.reputation_leaderboard"),
            "42501"
        );
    }

    #[pg_test]
    fn a_total_is_told_to_the_person_the_service_and_whoever_sees_the_leaderboard() {
        let (ada, bob) = (member("Ada"), member("Bob"));
        earn(&ada, 3);
        earn(&ada, -1);
        let her = format!("'{ada}'");
        assert_eq!(total(As::Person(&ada), ""), "2");
        assert_eq!(total(As::Person(&ada), &her), "2");
        assert_eq!(total(As::Person(&bob), &her), "");
        assert_eq!(total(As::Service, &her), "2");
        assert_eq!(total(As::Owner, &her), "2");
        assert_eq!(total(As::Person(&bob), ""), "0");
        assert_eq!(total(As::Service, &format!("'{bob}'")), "0");
        consent(&ada, "directory", true);
        assert_eq!(total(As::Person(&bob), &her), "2");
        assert_eq!(
            outcome(As::Anonymous, "SELECT founders.reputation_total()"),
            "42501"
        );
    }

    #[pg_test]
    fn nobody_gives_themself_points() {
        let ada = person();
        let sql = format!(
            "INSERT INTO founders.reputation_events (user_id, event_type) VALUES ('{ada}', 'intro_made')"
        );
        assert_eq!(outcome(As::Person(&ada), &sql), "42501");
        let sql = format!("INSERT INTO founders.engagement_streaks (user_id) VALUES ('{ada}')");
        assert_eq!(outcome(As::Person(&ada), &sql), "42501");
    }

    /// current, longest, total, first and last day of the streak.
    fn check_in(person: &str, day: &str) -> String {
        text_as(
            As::Person(person),
            &format!(
                "SELECT concat_ws(' ', current_streak, longest_streak, total_checkins,
                                  streak_started_at, last_checkin_date)
                 FROM founders.record_checkin({day})"
            ),
        )
    }

    #[pg_test]
    fn a_checkin_extends_keeps_or_restarts_the_streak() {
        let me = person();
        for (day, wanted) in [
            ("2026-02-27", "1 1 1 2026-02-27 2026-02-27"),
            ("2026-02-28", "2 2 2 2026-02-27 2026-02-28"),
            ("2026-02-28", "2 2 2 2026-02-27 2026-02-28"),
            ("2026-03-01", "3 3 3 2026-02-27 2026-03-01"),
            ("2026-02-27", "3 3 3 2026-02-27 2026-03-01"),
            ("2026-03-03", "1 3 4 2026-03-03 2026-03-03"),
            ("2026-03-04", "2 3 5 2026-03-03 2026-03-04"),
        ] {
            assert_eq!(check_in(&me, &format!("'{day}'")), wanted, "{day}");
        }
    }

    #[pg_test]
    fn a_day_in_the_future_is_refused_and_today_is_todays_in_the_sessions_time_zone() {
        let me = person();
        for day in ["current_date + 1", "'infinity'", "'-infinity'", "NULL"] {
            let sql = format!("SELECT founders.record_checkin({day})");
            assert_eq!(outcome(As::Person(&me), &sql), "22023", "{day}");
        }
        for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago"] {
            run(&format!("SET LOCAL TimeZone = '{zone}'"));
            assert_eq!(
                outcome(As::Person(&me), "SELECT founders.record_checkin()"),
                "1",
                "{zone}"
            );
            let tomorrow = "SELECT founders.record_checkin(current_date + 1)";
            assert_eq!(outcome(As::Person(&me), tomorrow), "22023", "{zone}");
        }
        // Whatever the session says its clock is ahead by.
        run("SET LOCAL TimeZone = 'AHEAD-160'");
        let told = "SELECT founders.record_checkin((now() AT TIME ZONE 'UTC')::date + 2)";
        assert_eq!(outcome(As::Person(&me), told), "22023");
        assert_eq!(
            outcome(As::Anonymous, "SELECT founders.record_checkin()"),
            "42501"
        );
        assert_eq!(
            outcome(As::Owner, "SELECT founders.record_checkin()"),
            "42501"
        );
    }
}
