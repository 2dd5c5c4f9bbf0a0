//! Claims about cohorts.

#[pgrx::pg_schema]
mod tests {
    use super::super::{As, outcome, person, run, run_as, text, text_as};
    use pgrx::prelude::*;

    fn cohort(max_members: i32) -> String {
        text(&format!(
            "INSERT INTO founders.cohorts (name, max_members) VALUES ('A cohort', {max_members})
             RETURNING id::text"
        ))
    }

    fn join(cohort: &str, people: &[&String]) -> String {
        let rows: Vec<_> = people
            .iter()
            .map(|id| format!("('{cohort}', '{id}')"))
            .collect();
        format!(
            "INSERT INTO founders.cohort_members (cohort_id, user_id) VALUES {}",
            rows.join(", ")
        )
    }

    #[pg_test]
    fn a_cohort_takes_no_more_than_its_maximum_however_they_come() {
        let (a, b, c) = (person(), person(), person());
        let (small, other) = (cohort(2), cohort(8));
        assert_eq!(outcome(As::Service, &join(&small, &[&a, &b, &c])), "23514");
        run_as(As::Service, &join(&small, &[&a, &b]));
        assert_eq!(outcome(As::Service, &join(&small, &[&c])), "23514");
        let again = format!("{} ON CONFLICT DO NOTHING", join(&small, &[&a]));
        assert_eq!(outcome(As::Service, &again), "0");
        run(&join(&other, &[&c]));
        let moved = format!(
            "UPDATE founders.cohort_members SET cohort_id = '{small}' WHERE user_id = '{c}'"
        );
        assert_eq!(outcome(As::Service, &moved), "23514");
        run(&format!(
            "UPDATE founders.cohort_members SET is_active = false WHERE user_id = '{a}'"
        ));
        assert_eq!(outcome(As::Service, &moved), "1");
        run(&join(&small, &[&c]));
        let back =
            format!("UPDATE founders.cohort_members SET is_active = true WHERE user_id = '{a}'");
        assert_eq!(outcome(As::Service, &back), "23514");
    }

    #[pg_test]
    fn the_maximum_is_not_lowered_below_who_is_in() {
        let (a, b) = (person(), person());
        let cohort = cohort(3);
        run(&join(&cohort, &[&a, &b]));
        assert_eq!(
            outcome(As::Service, "UPDATE founders.cohorts SET max_members = 1"),
            "23514"
        );
        assert_eq!(
            outcome(As::Service, "UPDATE founders.cohorts SET max_members = 2"),
            "1"
        );
        assert_eq!(
            outcome(As::Service, "UPDATE founders.cohorts SET max_members = 0"),
            "23514"
        );
    }

    #[pg_test]
    fn an_archived_cohort_takes_nobody() {
        let (a, b) = (person(), person());
        let cohort = cohort(8);
        run(&join(&cohort, &[&a]));
        run("UPDATE founders.cohort_members SET is_active = false;
             UPDATE founders.cohorts SET status = 'archived'");
        assert_eq!(outcome(As::Service, &join(&cohort, &[&b])), "55000");
        let back = "UPDATE founders.cohort_members SET is_active = true";
        assert_eq!(outcome(As::Service, back), "55000");
    }

    #[pg_test]
    fn members_see_their_cohort_and_each_other_and_strangers_see_neither() {
        let (a, b, stranger) = (person(), person(), person());
        let (mine, theirs) = (cohort(8), cohort(8));
        run(&join(&mine, &[&a, &b]));
        run(&join(&theirs, &[&stranger]));
        let seen = |who: &str| {
            text_as(
                As::Person(who),
                "SELECT (SELECT count(*) FROM founders.cohorts) || ' ' ||
                        (SELECT count(*) FROM founders.cohort_members)",
            )
        };
        assert_eq!([seen(&a), seen(&b), seen(&stranger)], ["1 2", "1 2", "1 1"]);
        run(&format!(
            "UPDATE founders.cohort_members SET is_active = false WHERE user_id = '{b}'"
        ));
        assert_eq!([seen(&a), seen(&b)], ["1 2", "0 1"]);
    }

    #[pg_test]
    fn a_member_leaves_for_themself_and_for_nobody_else() {
        let (a, b) = (person(), person());
        run(&join(&cohort(8), &[&a, &b]));
        assert_eq!(
            outcome(As::Person(&a), "DELETE FROM founders.cohort_members"),
            "1"
        );
        let facilitator = "UPDATE founders.cohort_members SET role = 'facilitator'";
        assert_eq!(outcome(As::Person(&a), facilitator), "42501");
        let third = person();
        let invited = join(&cohort(8), &[&third]);
        assert_eq!(outcome(As::Person(&third), &invited), "42501");
    }
}
