//! Claims about spaces, content and reputation that need several connections, or a dump.

use super::cluster::{Cluster, Database, sqlstate, wait_until_blocked};
use postgres::Client;

const SPACE: &str = "00000000-0000-4000-8000-0000000000aa";

fn person(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A public space with that many members; the first two own it.
fn space(people: usize) -> Database<'static> {
    let database = Database::with_modules(Cluster::shared(), "spaces");
    database
        .connect()
        .batch_execute(&format!(
            "INSERT INTO auth.users (id)
             SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, {people}) AS n;
             INSERT INTO spaces.profiles (id) SELECT id FROM auth.users;
             INSERT INTO spaces.spaces (id, slug, name) VALUES ('{SPACE}', 'garden', 'Garden');
             INSERT INTO spaces.space_members (space_id, profile_id, role)
             SELECT '{SPACE}', id, CASE WHEN id <= '{}' THEN 'owner' ELSE 'member' END FROM auth.users",
            person(2)
        ))
        .expect("a space and its members");
    database
}

fn one(client: &mut Client, sql: &str) -> String {
    let row = client
        .query_one(&format!("SELECT ({sql})::text"), &[])
        .expect(sql);
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

fn id(client: &mut Client, insert: &str) -> String {
    let row = client
        .query_one(&format!("{insert} RETURNING id::text"), &[])
        .expect(insert);
    row.get(0)
}

fn post(client: &mut Client, author: usize, kind: &str) -> String {
    id(
        client,
        &format!(
            "INSERT INTO spaces.posts (space_id, author_id, post_type, title) VALUES ('{SPACE}', '{}', '{kind}', 'A post')",
            person(author)
        ),
    )
}

fn answer(client: &mut Client, question: &str, author: usize) -> String {
    id(
        client,
        &format!(
            "INSERT INTO spaces.answers (question_id, author_id, body) VALUES ('{question}', '{}', 'Because')",
            person(author)
        ),
    )
}

fn comment(client: &mut Client, post: &str, parent: Option<&str>, body: &str) -> String {
    let parent = parent.map_or("NULL".to_owned(), |parent| format!("'{parent}'"));
    id(
        client,
        &format!(
            "INSERT INTO spaces.comments (post_id, parent_id, body) VALUES ('{post}', {parent}, '{body}')"
        ),
    )
}

fn counters_are_right(client: &mut Client) {
    assert_eq!(
        one(
            client,
            "SELECT count(*) FROM community_core.verify_counters()"
        ),
        "0"
    );
}

/// The first runs its statement and waits to commit; the second runs into it; what each ended with.
pub fn meet(
    database: &Database,
    isolation: &str,
    (first, one): (usize, &str),
    (second, other): (usize, &str),
) -> (String, String) {
    let mut observer = database.connect();
    let (mut first, mut second) = (
        database.connect_as(&person(first)),
        database.connect_as(&person(second)),
    );
    let begin = format!("BEGIN ISOLATION LEVEL {isolation}; SELECT FROM spaces.spaces");
    first.batch_execute(&begin).expect("begin");
    second.batch_execute(&begin).expect("begin");
    let outcome = sqlstate(first.batch_execute(one));
    let other = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let outcome = sqlstate(second.batch_execute(other));
            let end = if outcome == "00000" {
                "COMMIT"
            } else {
                "ROLLBACK"
            };
            second.batch_execute(end).expect(end);
            outcome
        });
        wait_until_blocked(&mut observer, 1);
        first.batch_execute("COMMIT").expect("commit");
        waiting.join().expect("the second")
    });
    (outcome, other)
}

#[test]
fn of_two_last_owners_who_leave_at_once_one_stays() {
    for (isolation, second) in [("READ COMMITTED", "23514"), ("REPEATABLE READ", "40001")] {
        let database = space(2);
        let leave = format!("SELECT spaces.leave_space('{SPACE}')");
        let outcome = meet(&database, isolation, (1, &leave), (2, &leave));
        assert_eq!(outcome, ("00000".into(), second.into()), "{isolation}");
        let owners = "SELECT string_agg(profile_id::text, ',') FROM spaces.space_members WHERE role = 'owner'";
        assert_eq!(one(&mut database.connect(), owners), person(2));
    }
}

#[test]
fn of_two_owners_who_demote_each_other_at_once_one_stays() {
    let database = space(2);
    let demote = |whom: usize| {
        format!(
            "SELECT spaces.set_member_role('{SPACE}', '{}', 'member')",
            person(whom)
        )
    };
    let outcome = meet(
        &database,
        "READ COMMITTED",
        (1, &demote(2)),
        (2, &demote(1)),
    );
    assert_eq!(outcome, ("00000".into(), "23514".into()));
}

#[test]
fn two_answers_accepted_at_once_leave_one_accepted_and_one_reward() {
    let database = space(4);
    let mut client = database.connect();
    let question = post(&mut client, 1, "question");
    let answers = [3, 4].map(|author| answer(&mut client, &question, author));
    let accept = answers
        .each_ref()
        .map(|answer| format!("SELECT spaces.accept_answer('{answer}')"));
    let outcome = meet(
        &database,
        "READ COMMITTED",
        (1, &accept[0]),
        (2, &accept[1]),
    );
    assert_eq!(outcome, ("00000".into(), "00000".into()));
    let accepted = "SELECT string_agg(a.id::text, ',') FROM spaces.answers a JOIN spaces.questions q
                    ON q.post_id = a.question_id WHERE a.is_accepted AND q.accepted_answer_id = a.id";
    assert_eq!(one(&mut client, accepted), answers[1]);
    let points = "SELECT string_agg(total_points::text, ' ' ORDER BY profile_id) FROM spaces.reputation_aggregates";
    assert_eq!(one(&mut client, points), "0 15");
    counters_are_right(&mut client);
}

#[test]
fn eight_who_edit_one_post_at_once_number_its_versions_without_gaps() {
    let database = space(2);
    let mut client = database.connect();
    let post = post(&mut client, 1, "post");
    std::thread::scope(|scope| {
        for editor in 0..8 {
            let (database, post) = (&database, &post);
            scope.spawn(move || {
                let mut client = database.connect_as(&person(1));
                for edit in 0..10 {
                    client
                        .batch_execute(&format!(
                            "UPDATE spaces.posts SET body = '{editor}/{edit}' WHERE id = '{post}'"
                        ))
                        .expect("an edit");
                    let undone = format!(
                        "BEGIN; UPDATE spaces.posts SET body = 'undone {editor}/{edit}' WHERE id = '{post}'; ROLLBACK"
                    );
                    client.batch_execute(&undone).expect("an edit undone");
                }
            });
        }
    });
    let numbers = "SELECT concat_ws(' ', count(*), min(version_number), max(version_number)) FROM spaces.post_versions";
    assert_eq!(one(&mut client, numbers), "81 1 81");
    let last = "SELECT (SELECT metadata ->> 'body' FROM spaces.post_versions WHERE version_number = 81) = body FROM spaces.posts";
    assert_eq!(one(&mut client, last), "true");
}

#[test]
fn sixteen_voters_at_once_give_the_score_and_the_reputation_that_a_recount_gives() {
    let database = space(20);
    let mut client = database.connect();
    let question = post(&mut client, 1, "question");
    let target = answer(&mut client, &question, 2);
    std::thread::scope(|scope| {
        for voter in 3..19 {
            let (database, target) = (&database, &target);
            scope.spawn(move || {
                let mut client = database.connect_as(&person(voter));
                let vote = format!(
                    "INSERT INTO spaces.votes (answer_id, profile_id, value) VALUES ('{target}', '{}', 1)",
                    person(voter)
                );
                client.batch_execute(&vote).expect("a vote");
                if voter % 2 == 0 {
                    client.batch_execute("DELETE FROM spaces.votes").expect("taken back");
                }
            });
        }
    });
    let figures = "SELECT a.score || ' ' || r.total_points FROM spaces.answers a, spaces.reputation_aggregates r";
    assert_eq!(one(&mut client, figures), "8 80");
    counters_are_right(&mut client);
}

#[test]
fn of_two_synonyms_that_would_make_a_circle_the_second_is_refused() {
    let database = space(2);
    let mut client = database.connect();
    let [a, b] = ["a", "b"].map(|name| {
        id(
            &mut client,
            &format!("INSERT INTO spaces.tags (space_id, name) VALUES ('{SPACE}', '{name}')"),
        )
    });
    let merges = [(&a, &b), (&b, &a)]
        .map(|(from, into)| format!("SELECT spaces.merge_tags('{from}', '{into}')"));
    let outcome = meet(
        &database,
        "READ COMMITTED",
        (1, &merges[0]),
        (2, &merges[1]),
    );
    assert_eq!(outcome, ("00000".into(), "23514".into()));
}

#[test]
fn a_post_tagged_while_its_tag_is_merged_gets_the_tag_that_is_meant() {
    let database = space(3);
    let mut client = database.connect();
    let [from, into] = ["from", "into"].map(|name| {
        id(
            &mut client,
            &format!("INSERT INTO spaces.tags (space_id, name) VALUES ('{SPACE}', '{name}')"),
        )
    });
    let post = post(&mut client, 3, "post");
    let merge = format!("SELECT spaces.merge_tags('{from}', '{into}')");
    let tag = format!("INSERT INTO spaces.post_tags (post_id, tag_id) VALUES ('{post}', '{from}')");
    let outcome = meet(&database, "READ COMMITTED", (1, &merge), (3, &tag));
    assert_eq!(outcome, ("00000".into(), "00000".into()));
    assert_eq!(
        one(
            &mut client,
            "SELECT string_agg(tag_id::text, ',') FROM spaces.post_tags"
        ),
        into
    );
    client
        .batch_execute("DELETE FROM spaces.post_tags; DELETE FROM spaces.tag_synonyms")
        .expect("back");
    let outcome = meet(&database, "READ COMMITTED", (3, &tag), (1, &merge));
    assert_eq!(outcome, ("00000".into(), "00000".into()));
    assert_eq!(
        one(
            &mut client,
            "SELECT string_agg(tag_id::text, ',') FROM spaces.post_tags"
        ),
        into
    );
    counters_are_right(&mut client);
}

// Here, because no test inside the server would end where this looked for the tag for ever.
#[test]
fn to_tag_a_post_with_nothing_is_refused_at_once() {
    let database = space(1);
    let post = post(&mut database.connect(), 1, "post");
    let mut client = database.connect_as(&person(1));
    let tag = format!("INSERT INTO spaces.post_tags (post_id, tag_id) VALUES ('{post}', NULL)");
    client
        .batch_execute("SET statement_timeout = '30s'")
        .expect("a time limit");
    assert_eq!(sqlstate(client.execute(&tag, &[])), "23502");
}

#[test]
fn an_answer_to_a_comment_on_the_move_stands_below_it_where_it_has_moved() {
    for (isolation, second) in [("READ COMMITTED", "00000"), ("REPEATABLE READ", "40001")] {
        let database = space(3);
        let mut client = database.connect();
        let post = post(&mut client, 3, "post");
        let [a, b] = ["a", "b"].map(|body| comment(&mut client, &post, None, body));
        let below = comment(&mut client, &post, Some(&a), "c");
        let moved = format!("SELECT spaces.move_comment('{a}', '{b}')");
        let reply = format!(
            "INSERT INTO spaces.comments (post_id, parent_id, author_id, body) VALUES ('{post}', '{below}', '{}', 'd')",
            person(3)
        );
        let outcome = meet(&database, isolation, (1, &moved), (3, &reply));
        assert_eq!(outcome, ("00000".into(), second.into()), "{isolation}");
        let thread =
            format!("SELECT string_agg(depth || body, ' ') FROM spaces.comment_thread('{post}')");
        let wanted = if second == "00000" {
            "1b 2a 3c 4d"
        } else {
            "1b 2a 3c"
        };
        assert_eq!(one(&mut client, &thread), wanted);
        if second == "00000" {
            let back = format!("SELECT spaces.move_comment('{a}', NULL)");
            let reply = reply.replace("'d'", "'e'");
            let outcome = meet(&database, isolation, (3, &reply), (1, &back));
            assert_eq!(outcome, ("00000".into(), "00000".into()));
            assert_eq!(one(&mut client, &thread), "1a 2c 3d 3e 1b");
        }
        counters_are_right(&mut client);
    }
}

#[test]
fn two_comments_that_move_below_each_other_at_once_make_no_circle() {
    let database = space(2);
    let mut client = database.connect();
    let post = post(&mut client, 1, "post");
    let [a, b] = ["a", "b"].map(|body| comment(&mut client, &post, None, body));
    let moves = [(&a, &b), (&b, &a)]
        .map(|(comment, below)| format!("SELECT spaces.move_comment('{comment}', '{below}')"));
    let outcome = meet(&database, "READ COMMITTED", (1, &moves[0]), (2, &moves[1]));
    assert_eq!(outcome, ("00000".into(), "23514".into()));
}

#[test]
fn spaces_come_out_of_a_dump_as_they_went_in() {
    let database = space(4);
    let mut client = database.connect();
    let question = post(&mut client, 1, "question");
    let given = answer(&mut client, &question, 2);
    let top = comment(&mut client, &question, None, "a");
    comment(&mut client, &question, Some(&top), "b");
    client
        .batch_execute(&format!(
            "INSERT INTO spaces.votes (answer_id, profile_id, value) VALUES ('{given}', '{}', 1);
             UPDATE spaces.questions SET accepted_answer_id = '{given}';
             UPDATE spaces.posts SET body = 'Changed'",
            person(3)
        ))
        .expect("content");
    let figures = "SELECT concat_ws(' ', q.answer_count, p.comment_count, a.score, a.is_accepted, r.total_points, v.versions)
                   FROM spaces.questions q JOIN spaces.posts p ON p.id = q.post_id, spaces.answers a,
                        spaces.reputation_aggregates r, (SELECT count(*) AS versions FROM spaces.post_versions) v";
    assert_eq!(one(&mut client, figures), "1 2 1 t 25 2");
    let restored = database.restored();
    let mut client = restored.connect();
    assert_eq!(one(&mut client, figures), "1 2 1 t 25 2");
    assert_eq!(
        one(
            &mut client,
            "SELECT count(*) FROM community_core.verify_module('spaces')"
        ),
        "0"
    );
    counters_are_right(&mut client);
    let change = client.batch_execute("UPDATE spaces.post_versions SET content = '{\"x\": 1}'");
    assert_eq!(sqlstate(change), "42501");
}
