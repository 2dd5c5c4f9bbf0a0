//! Claims about subcommunities.

#[pgrx::pg_schema]
mod tests {
    use super::super::{As, outcome, person, run, text};
    use pgrx::prelude::*;

    fn community(parent: Option<&str>) -> String {
        let parent = parent.map_or("NULL".to_owned(), |id| format!("'{id}'"));
        text(&format!(
            "INSERT INTO founders.communities (parent_community_id) VALUES ({parent}) RETURNING id::text"
        ))
    }

    fn put_below(community: &str, parent: &str) -> String {
        outcome(
            As::Owner,
            &format!(
                "UPDATE founders.communities SET parent_community_id = '{parent}' WHERE id = '{community}'"
            ),
        )
    }

    #[pg_test]
    fn a_community_is_below_neither_itself_nor_its_descendants() {
        let top = community(None);
        let middle = community(Some(&top));
        let bottom = community(Some(&middle));
        assert_eq!(put_below(&top, &top), "23514");
        assert_eq!(put_below(&top, &middle), "23514");
        assert_eq!(put_below(&top, &bottom), "23514");
        assert_eq!(put_below(&bottom, &top), "1");
    }

    #[pg_test]
    fn one_statement_cannot_make_a_circle_either() {
        let circle = "INSERT INTO founders.communities (id, parent_community_id) VALUES
            ('00000000-0000-4000-8000-00000000c001', '00000000-0000-4000-8000-00000000c002'),
            ('00000000-0000-4000-8000-00000000c002', '00000000-0000-4000-8000-00000000c001')";
        assert_eq!(outcome(As::Owner, circle), "23514");
    }

    #[pg_test]
    fn a_subcommunity_goes_with_its_parent_and_a_sponsorship_outlives_its_user() {
        let top = community(None);
        community(Some(&top));
        let sponsor = person();
        run(&format!(
            "INSERT INTO founders.subcommunity_sponsors (community_id, sponsor_user_id, sponsor_name)
             VALUES ('{top}', '{sponsor}', 'A sponsor');
             DELETE FROM auth.users WHERE id = '{sponsor}'"
        ));
        assert_eq!(
            text(
                "SELECT sponsor_name || coalesce(sponsor_user_id::text, '') FROM founders.subcommunity_sponsors"
            ),
            "A sponsor"
        );
        run(&format!(
            "DELETE FROM founders.communities WHERE id = '{top}'"
        ));
        assert_eq!(text("SELECT count(*)::text FROM founders.communities"), "0");
    }
}
