//! Claims about tags, synonyms and topic pages.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    fn tag(space: &str, name: &str) -> String {
        be(As::Owner);
        inserted(&format!(
            "INSERT INTO spaces.tags (space_id, name) VALUES ('{space}', '{name}')"
        ))
    }

    fn put(post: &str, tag: &str) -> String {
        format!("INSERT INTO spaces.post_tags (post_id, tag_id) VALUES ('{post}', '{tag}')")
    }

    fn merge(from: &str, into: &str) -> String {
        format!("SELECT spaces.merge_tags('{from}', '{into}')::text")
    }

    /// The tags that posts have, with how many have each by its counter.
    fn tagged() -> String {
        be(As::Owner);
        text(
            "SELECT string_agg(name || ' ' || post_count || ' ' || (SELECT count(*) FROM spaces.post_tags p WHERE p.tag_id = t.id),
                               ', ' ORDER BY name) FROM spaces.tags t",
        )
    }

    #[pg_test]
    fn merging_tags_moves_each_post_once_and_what_comes_later_goes_there_too() {
        let space = space("public");
        let (author, moderator) = (member(&space, "member"), member(&space, "moderator"));
        let [js, javascript] = ["js", "javascript"].map(|name| tag(&space, name));
        let posts = [1, 2, 3].map(|_| post(&space, &author));
        for (post, tag) in [(0, &js), (1, &js), (1, &javascript), (2, &javascript)] {
            run_as(As::Person(&author), &put(&posts[post], tag));
        }
        assert_eq!(tagged(), "javascript 2 2, js 2 2");
        assert_eq!(
            outcome(As::Person(&author), &merge(&js, &javascript)),
            "42501"
        );
        assert_eq!(
            text_as(As::Person(&moderator), &merge(&js, &javascript)),
            "2"
        );
        assert_eq!(tagged(), "javascript 3 3, js 0 0");
        assert_eq!(
            text_as(As::Person(&moderator), &merge(&js, &javascript)),
            "0"
        );
        let another = post(&space, &author);
        run_as(As::Person(&author), &put(&another, &js));
        assert_eq!(tagged(), "javascript 4 4, js 0 0");
        assert_eq!(
            text("SELECT count(*)::text FROM community_core.verify_counters()"),
            "0"
        );
    }

    #[pg_test]
    fn synonyms_resolve_in_one_hop_and_make_no_circle() {
        let space = space("public");
        let moderator = member(&space, "moderator");
        let who = As::Person(&moderator);
        let [a, b, c] = ["a", "b", "c"].map(|name| tag(&space, name));
        let synonym = |from: &str, into: &str| {
            format!(
                "INSERT INTO spaces.tag_synonyms (space_id, tag_id, synonym_tag_id, created_by)
                 VALUES ('{space}', '{into}', '{from}', '{moderator}')"
            )
        };
        run_as(who, &synonym(&a, &b));
        run_as(who, &synonym(&b, &c));
        run_as(who, &synonym(&b, &a));
        assert_eq!(outcome(who, &synonym(&a, &a)), "23514");
        assert_eq!(outcome(who, &synonym(&a, &b)), "23505");
        let approve = |from: &str, into: &str| {
            format!(
                "UPDATE spaces.tag_synonyms SET status = 'approved' WHERE synonym_tag_id = '{from}' AND tag_id = '{into}'"
            )
        };
        run_as(who, &approve(&a, &b));
        assert_eq!(outcome(who, &approve(&b, &a)), "23514", "a circle");
        assert_eq!(outcome(who, &approve(&b, &c)), "23514", "two hops");
        assert_eq!(outcome(who, &merge(&b, &a)), "23514");
        run_as(who, &merge(&b, &c));
        let resolved =
            [&a, &b, &c].map(|tag| text(&format!("SELECT spaces.resolve_tag('{tag}')::text")));
        assert_eq!(resolved, [c.clone(), c.clone(), c.clone()]);
        let other = super::super::space("public");
        let foreign = tag(&other, "a");
        assert_eq!(outcome(As::Service, &merge(&foreign, &c)), "23503");
    }

    #[pg_test]
    fn synonyms_are_proposed_by_who_has_the_reputation_and_approved_by_moderators() {
        let space = space("public");
        let (helper, moderator) = (member(&space, "member"), member(&space, "moderator"));
        let [a, b] = ["a", "b"].map(|name| tag(&space, name));
        let propose = |more: &str, values: &str| {
            format!(
                "INSERT INTO spaces.tag_synonyms (space_id, tag_id, synonym_tag_id, created_by{more}) VALUES ('{space}', '{a}', '{b}', '{helper}'{values})"
            )
        };
        let earn = |points: i32| {
            run(&format!(
                "INSERT INTO spaces.reputation_events (profile_id, space_id, event_type, points) VALUES ('{helper}', '{space}', 'badge', {points})"
            ));
        };
        let helper = As::Person(&helper);
        earn(2499);
        assert_eq!(outcome(helper, &propose("", "")), "42501");
        earn(1);
        assert_eq!(outcome(helper, &propose("", "")), "1");
        assert_eq!(
            outcome(As::Person(&moderator), &propose("", "")),
            "42501",
            "in another's name"
        );
        let approved = propose(", status", ", 'approved'");
        assert_eq!(outcome(helper, &approved), "42501");
        run_as(helper, &propose("", ""));
        let approve = "UPDATE spaces.tag_synonyms SET status = 'approved'";
        assert_eq!(outcome(helper, approve), "0");
        assert_eq!(outcome(As::Person(&moderator), approve), "1");
    }

    #[pg_test]
    fn a_post_is_tagged_by_who_may_edit_it_with_tags_of_its_space() {
        let space = space("public");
        let (author, other) = (member(&space, "member"), member(&space, "member"));
        let (mine, theirs) = (post(&space, &author), post(&space, &other));
        let name = tag(&space, "rust");
        assert_eq!(outcome(As::Person(&author), &put(&mine, &name)), "1");
        assert_eq!(outcome(As::Person(&author), &put(&theirs, &name)), "42501");
        let foreign = tag(&super::super::space("public"), "rust");
        assert_eq!(outcome(As::Person(&author), &put(&mine, &foreign)), "23503");
        for bad in ["", "two words", "Upper"] {
            let create =
                format!("INSERT INTO spaces.tags (space_id, name) VALUES ('{space}', '{bad}')");
            assert_eq!(outcome(As::Owner, &create), "23514", "{bad}");
        }
    }

    #[pg_test]
    fn a_topic_page_features_what_is_there_in_its_space() {
        let space = space("public");
        let (author, moderator) = (member(&space, "member"), member(&space, "moderator"));
        let name = tag(&space, "rust");
        let page = |featured: &str| {
            outcome(
                As::Person(&moderator),
                &format!(
                    "INSERT INTO spaces.topic_pages (tag_id, space_id, featured_ids) VALUES ('{name}', '{space}', '{featured}')"
                ),
            )
        };
        let entry = |kind: &str, id: &str| format!(r#"[{{"type": "{kind}", "id": "{id}"}}]"#);
        assert_eq!(page("[]"), "1");
        assert_eq!(page(&entry("post", &post(&space, &author))), "1");
        let elsewhere = super::super::space("public");
        assert_eq!(page(&entry("post", &post(&elsewhere, &author))), "23503");
        assert_eq!(page(&entry("event", &person())), "23503");
        for bad in [
            "{}",
            r#"["x"]"#,
            &entry("user", &person()),
            &entry("post", "x"),
            r#"[{"type": "post"}]"#,
        ] {
            assert_eq!(page(bad), "23514", "{bad}");
        }
    }
}
