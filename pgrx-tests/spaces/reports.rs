//! Claims about reports: who makes them, and who handles them.

use super::moderation::report;

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use super::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn something_is_reported_once_by_each_who_can_read_it() {
        let space = space("restricted");
        let (author, reader, stranger) =
            (member(&space, "member"), member(&space, "member"), person());
        let post = post(&space, &author);
        let comment = comment(&post, &author);
        assert_eq!(
            outcome(As::Person(&reader), &report("post", &post, &reader)),
            "1"
        );
        assert_eq!(
            outcome(As::Person(&reader), &report("comment", &comment, &reader)),
            "1"
        );
        assert_eq!(
            outcome(As::Person(&stranger), &report("post", &post, &stranger)),
            "42501"
        );
        assert_eq!(
            outcome(As::Person(&reader), &report("post", &post, &author)),
            "42501",
            "in another's name"
        );
        assert_eq!(
            outcome(As::Person(&reader), &report("post", &reader, &reader)),
            "23503",
            "nothing there"
        );
        assert_eq!(
            outcome(As::Anonymous, &report("post", &post, &reader)),
            "42501"
        );
        run_as(As::Person(&reader), &report("post", &post, &reader));
        assert_eq!(
            outcome(As::Person(&reader), &report("post", &post, &reader)),
            "23505"
        );
        assert_eq!(
            text("SELECT space_id || ' ' || reported_id FROM spaces.reports"),
            format!("{space} {author}")
        );
        run(&format!(
            "UPDATE spaces.posts SET state = 'held' WHERE id = '{post}'"
        ));
        let other = member(&space, "member");
        assert_eq!(
            outcome(As::Person(&other), &report("post", &post, &other)),
            "42501",
            "held"
        );
    }

    #[pg_test]
    fn a_report_is_for_moderators_but_not_for_whom_it_is_about() {
        let space = space("public");
        let (accused, moderator) = (member(&space, "moderator"), member(&space, "moderator"));
        let (reader, member) = (member(&space, "member"), member(&space, "member"));
        let post = post(&space, &accused);
        run_as(As::Person(&reader), &report("post", &post, &reader));
        let report = text("SELECT id::text FROM spaces.reports");
        for (who, seen) in [
            (&accused, "0"),
            (&member, "0"),
            (&moderator, "1"),
            (&reader, "1"),
        ] {
            assert_eq!(
                text_as(As::Person(who), "SELECT count(*)::text FROM spaces.reports"),
                seen
            );
        }
        for who in [&accused, &member, &reader] {
            for call in [
                format!("SELECT spaces.claim_report('{report}')"),
                format!("SELECT spaces.resolve_report('{report}', 'dismissed')"),
            ] {
                assert_eq!(outcome(As::Person(who), &call), "42501");
            }
        }
        assert_eq!(
            outcome(
                As::Person(&moderator),
                &format!("SELECT spaces.resolve_report('{report}', 'burned')")
            ),
            "22023"
        );
        run_as(
            As::Person(&moderator),
            &format!("SELECT spaces.claim_report('{report}')"),
        );
        let another = super::super::member(&space, "moderator");
        assert_eq!(
            outcome(
                As::Person(&another),
                &format!("SELECT spaces.claim_report('{report}')")
            ),
            "55000"
        );
        run_as(
            As::Person(&another),
            &format!("SELECT spaces.resolve_report('{report}', 'upheld', 'True')"),
        );
        assert_eq!(
            outcome(
                As::Person(&moderator),
                &format!("SELECT spaces.resolve_report('{report}', 'upheld')")
            ),
            "55000"
        );
        assert_eq!(
            text_as(
                As::Person(&reader),
                "SELECT type || ' ' || (payload ->> 'status') FROM spaces.notifications WHERE channel = 'in_app'"
            ),
            "report.resolved upheld"
        );
    }
}
