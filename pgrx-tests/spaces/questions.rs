//! Claims about questions, answers, acceptance and votes.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    struct Asked {
        space: String,
        asker: String,
        helper: String,
        question: String,
    }

    fn asked() -> Asked {
        let space = space("public");
        let (asker, helper) = (member(&space, "member"), member(&space, "member"));
        let question = question(&space, &asker);
        Asked {
            space,
            asker,
            helper,
            question,
        }
    }

    fn points(person: &str) -> String {
        be(As::Owner);
        text(&format!(
            "SELECT coalesce((SELECT total_points FROM spaces.reputation_aggregates WHERE profile_id = '{person}'), 0)::text"
        ))
    }

    fn accept(answer: &str) -> String {
        format!("SELECT spaces.accept_answer('{answer}')")
    }

    /// What the question and its answers say: the accepted one, and how many think they are.
    fn accepted(question: &str) -> String {
        be(As::Owner);
        text(&format!(
            "SELECT concat_ws(' ', coalesce(q.accepted_answer_id::text, 'none'), (SELECT string_agg(a.id::text, ',') FROM spaces.answers a
                 WHERE a.question_id = q.post_id AND a.is_accepted))
             FROM spaces.questions q WHERE q.post_id = '{question}'"
        ))
    }

    #[pg_test]
    fn a_question_is_a_post_and_only_such_a_post_is_one() {
        let Asked {
            space,
            asker,
            question,
            ..
        } = asked();
        assert_eq!(accepted(&question), "none");
        let plain = post(&space, &asker);
        let forge = format!(
            "INSERT INTO spaces.questions (post_id, space_id) VALUES ('{plain}', '{space}')"
        );
        assert_eq!(outcome(As::Owner, &forge), "23503");
        let turn = format!("UPDATE spaces.posts SET post_type = 'post' WHERE id = '{question}'");
        assert_eq!(outcome(As::Owner, &turn), "23503");
        let answer = format!(
            "INSERT INTO spaces.answers (question_id, author_id, body) VALUES ('{plain}', '{asker}', 'x')"
        );
        assert_eq!(outcome(As::Person(&asker), &answer), "23503");
    }

    #[pg_test]
    fn accepting_another_answer_moves_the_acceptance_and_the_reputation() {
        let Asked {
            space,
            asker,
            helper,
            question,
        } = asked();
        let other = member(&space, "member");
        let (first, second) = (answer(&question, &helper), answer(&question, &other));
        run_as(As::Person(&asker), &accept(&first));
        assert_eq!(accepted(&question), format!("{first} {first}"));
        assert_eq!([points(&helper), points(&other)], ["15", "0"]);
        run_as(As::Person(&asker), &accept(&second));
        assert_eq!(accepted(&question), format!("{second} {second}"));
        assert_eq!([points(&helper), points(&other)], ["0", "15"]);
        run("SET LOCAL community_core.spaces_accepted_answer_points = 99");
        run_as(
            As::Person(&asker),
            &format!("SELECT spaces.unaccept_answer('{question}')"),
        );
        assert_eq!(accepted(&question), "none");
        assert_eq!(
            [points(&helper), points(&other)],
            ["0", "0"],
            "what was given is taken back"
        );
    }

    #[pg_test]
    fn an_answer_is_accepted_by_who_asked_or_a_moderator_and_only_on_its_own_question() {
        let Asked {
            space,
            asker,
            helper,
            question,
        } = asked();
        let given = answer(&question, &helper);
        assert_eq!(outcome(As::Person(&helper), &accept(&given)), "42501");
        assert_eq!(outcome(As::Person(&person()), &accept(&given)), "42501");
        assert_eq!(outcome(As::Anonymous, &accept(&given)), "42501");
        let moderator = member(&space, "moderator");
        assert_eq!(outcome(As::Person(&moderator), &accept(&given)), "1");
        let elsewhere = super::super::question(&space, &asker);
        let forge = format!(
            "UPDATE spaces.questions SET accepted_answer_id = '{given}' WHERE post_id = '{elsewhere}'"
        );
        assert_eq!(outcome(As::Service, &forge), "23503");
        let disagree = format!("UPDATE spaces.answers SET is_accepted = true WHERE id = '{given}'");
        assert_eq!(outcome(As::Service, &disagree), "23514");
        run(&format!(
            "UPDATE spaces.answers SET state = 'held' WHERE id = '{given}'"
        ));
        assert_eq!(outcome(As::Person(&asker), &accept(&given)), "55000");
        assert_eq!(outcome(As::Person(&asker), &accept(&person())), "42501");
    }

    #[pg_test]
    fn an_accepted_answer_that_is_removed_or_deleted_is_accepted_no_longer() {
        let Asked {
            asker,
            helper,
            question,
            ..
        } = asked();
        let given = answer(&question, &helper);
        run_as(As::Person(&asker), &accept(&given));
        run_as(
            As::Person(&helper),
            &format!("SELECT spaces.delete_answer('{given}')"),
        );
        assert_eq!(accepted(&question), "none");
        assert_eq!(points(&helper), "0");
        let given = answer(&question, &helper);
        run_as(As::Person(&asker), &accept(&given));
        run(&format!(
            "UPDATE spaces.answers SET state = 'removed' WHERE id = '{given}'"
        ));
        assert_eq!(accepted(&question), "none");
        let given = answer(&question, &helper);
        run_as(As::Person(&asker), &accept(&given));
        run(&format!("DELETE FROM spaces.answers WHERE id = '{given}'"));
        assert_eq!(accepted(&question), "none");
    }

    #[pg_test]
    fn accepting_an_answer_of_ones_own_earns_nothing() {
        let Asked {
            asker, question, ..
        } = asked();
        let own = answer(&question, &asker);
        run_as(As::Person(&asker), &accept(&own));
        assert_eq!(accepted(&question), format!("{own} {own}"));
        assert_eq!(points(&asker), "0");
    }

    #[pg_test]
    fn answers_and_comments_are_counted_where_they_stand_while_they_are_published() {
        let Asked {
            helper, question, ..
        } = asked();
        let given = answer(&question, &helper);
        answer(&question, &helper);
        comment(&question, &helper);
        let on_answer = inserted(&format!(
            "INSERT INTO spaces.comments (post_id, answer_id, author_id, body)
             VALUES ('{question}', '{given}', '{helper}', 'x')"
        ));
        let counts = || {
            be(As::Owner);
            text(&format!(
                "SELECT concat_ws(' ', q.answer_count, p.comment_count, a.comment_count)
                 FROM spaces.questions q JOIN spaces.posts p ON p.id = q.post_id
                 JOIN spaces.answers a ON a.id = '{given}' WHERE q.post_id = '{question}'"
            ))
        };
        assert_eq!(counts(), "2 1 1");
        run_as(
            As::Person(&helper),
            &format!("SELECT spaces.delete_comment('{on_answer}')"),
        );
        assert_eq!(counts(), "2 1 0");
        run_as(
            As::Person(&helper),
            &format!("SELECT spaces.delete_answer('{given}')"),
        );
        assert_eq!(counts(), "1 1 0");
        assert_eq!(
            text("SELECT count(*)::text FROM community_core.verify_counters()"),
            "0"
        );
    }

    #[pg_test]
    fn a_closed_question_takes_no_answers_from_anybody() {
        let Asked {
            space,
            helper,
            question,
            ..
        } = asked();
        let moderator = member(&space, "moderator");
        let close = format!("SELECT spaces.close_question('{question}', 'asked before')");
        assert_eq!(outcome(As::Person(&helper), &close), "42501");
        run_as(As::Person(&moderator), &close);
        let answer = format!(
            "INSERT INTO spaces.answers (question_id, author_id, body) VALUES ('{question}', '{helper}', 'x')"
        );
        assert_eq!(outcome(As::Person(&helper), &answer), "55000");
        assert_eq!(outcome(As::Service, &answer), "55000");
        run_as(
            As::Person(&moderator),
            &format!("SELECT spaces.reopen_question('{question}')"),
        );
        assert_eq!(outcome(As::Person(&helper), &answer), "1");
        let unreasoned = format!("SELECT spaces.close_question('{question}', ' ')");
        assert_eq!(outcome(As::Person(&moderator), &unreasoned), "23514");
    }

    fn vote(target: &str, id: &str, voter: &str, value: i32) -> String {
        format!(
            "INSERT INTO spaces.votes ({target}_id, profile_id, value) VALUES ('{id}', '{voter}', {value})"
        )
    }

    #[pg_test]
    fn a_person_has_one_vote_and_none_on_something_of_their_own() {
        let Asked {
            asker,
            helper,
            question,
            ..
        } = asked();
        let given = answer(&question, &helper);
        run_as(As::Person(&helper), &vote("post", &question, &helper, 1));
        assert_eq!(
            outcome(As::Person(&helper), &vote("post", &question, &helper, 1)),
            "23505"
        );
        assert_eq!(
            outcome(As::Person(&helper), &vote("answer", &given, &helper, 1)),
            "23514"
        );
        assert_eq!(
            outcome(As::Person(&asker), &vote("post", &question, &helper, 1)),
            "42501"
        );
        assert_eq!(
            outcome(As::Person(&asker), &vote("answer", &given, &asker, 2)),
            "42501"
        );
        assert_eq!(
            outcome(As::Owner, &vote("answer", &given, &asker, 2)),
            "23514"
        );
        let turned = "UPDATE spaces.votes SET value = -1";
        assert_eq!(outcome(As::Person(&helper), turned), "42501");
        assert_eq!(outcome(As::Service, turned), "42501");
        assert_eq!(
            outcome(As::Person(&asker), "SELECT FROM spaces.votes"),
            "0",
            "votes are secret"
        );
        run(&format!(
            "UPDATE spaces.posts SET state = 'removed' WHERE id = '{question}'"
        ));
        assert_eq!(
            outcome(As::Person(&asker), &vote("post", &question, &asker, 1)),
            "23514"
        );
        let third = member(
            &text(&format!(
                "SELECT space_id::text FROM spaces.posts WHERE id = '{question}'"
            )),
            "member",
        );
        assert_eq!(
            outcome(As::Person(&third), &vote("post", &question, &third, 1)),
            "42501"
        );
    }

    #[pg_test]
    fn a_score_is_the_sum_of_votes_and_reputation_comes_and_goes_with_them() {
        let Asked {
            space,
            asker,
            helper,
            question,
        } = asked();
        let given = answer(&question, &helper);
        let moderator = member(&space, "moderator");
        run_as(As::Person(&asker), &vote("answer", &given, &asker, 1));
        run_as(
            As::Person(&moderator),
            &vote("answer", &given, &moderator, -1),
        );
        let score = || {
            be(As::Owner);
            text(&format!(
                "SELECT score::text FROM spaces.answers WHERE id = '{given}'"
            ))
        };
        assert_eq!((score().as_str(), points(&helper).as_str()), ("0", "8"));
        run("SET LOCAL community_core.spaces_down_vote_points = 99");
        run_as(As::Person(&moderator), "DELETE FROM spaces.votes");
        assert_eq!((score().as_str(), points(&helper).as_str()), ("1", "10"));
        run(&format!("DELETE FROM auth.users WHERE id = '{asker}'"));
        assert_eq!(
            (score().as_str(), points(&helper).as_str()),
            ("1", "10"),
            "a vote outlives its voter"
        );
        run(&format!("DELETE FROM spaces.posts WHERE id = '{question}'"));
        assert_eq!(
            points(&helper),
            "10",
            "what was earned stays when the target goes"
        );
        assert_eq!(
            text("SELECT count(*)::text FROM community_core.verify_counters()"),
            "0"
        );
    }

    #[pg_test]
    fn voting_down_editing_and_closing_take_the_reputation_that_the_space_asks_for() {
        let Asked {
            space,
            asker,
            helper,
            question,
        } = asked();
        let given = answer(&question, &asker);
        let down = vote("answer", &given, &helper, -1);
        let edit = format!("UPDATE spaces.posts SET title = 'Better' WHERE id = '{question}'");
        let close = format!("SELECT spaces.close_question('{question}', 'unclear')");
        let tag = format!("INSERT INTO spaces.tags (space_id, name) VALUES ('{space}', 'new')");
        let tries = || [&down, &edit, &close, &tag].map(|sql| outcome(As::Person(&helper), sql));
        assert_eq!(tries(), ["42501", "0", "42501", "42501"]);
        let earn = |points: i32| {
            run(&format!(
                "INSERT INTO spaces.reputation_events (profile_id, space_id, event_type, points)
                 VALUES ('{helper}', '{space}', 'badge', {points})"
            ));
        };
        earn(124);
        assert_eq!(tries(), ["42501", "0", "42501", "42501"]);
        earn(1);
        assert_eq!(tries(), ["1", "0", "42501", "42501"]);
        earn(2875);
        assert_eq!(tries(), ["1", "1", "1", "1"]);
        let elsewhere = super::super::space("public");
        run(&format!(
            "INSERT INTO spaces.space_members (space_id, profile_id) VALUES ('{elsewhere}', '{helper}')"
        ));
        let foreign =
            format!("INSERT INTO spaces.tags (space_id, name) VALUES ('{elsewhere}', 'new')");
        assert_eq!(
            outcome(As::Person(&helper), &foreign),
            "42501",
            "reputation is per space"
        );
        run(&format!(
            "DELETE FROM spaces.privilege_thresholds WHERE space_id = '{space}' AND action = 'close'"
        ));
        assert_eq!(
            outcome(As::Person(&helper), &close),
            "42501",
            "no threshold: moderators only"
        );
        run(&format!(
            "INSERT INTO spaces.sanctions (space_id, profile_id, type, reason) VALUES ('{space}', '{helper}', 'space_ban', 'x')"
        ));
        assert_eq!(tries(), ["42501", "0", "42501", "42501"]);
        let unknown = format!("SELECT spaces.has_privilege('{helper}', '{space}', 'fly')");
        assert_eq!(outcome(As::Person(&helper), &unknown), "22023");
    }
}
