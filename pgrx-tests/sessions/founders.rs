//! Claims about the founders that one connection cannot show.

use super::cluster::{Cluster, Database, sqlstate, wait_until_blocked};
use postgres::Client;

fn founders() -> Database<'static> {
    Database::with_modules(Cluster::shared(), "founders")
}

fn text(client: &mut Client, sql: &str) -> String {
    let row = client.query_one(sql, &[]).expect(sql);
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

fn person(client: &mut Client) -> String {
    text(
        client,
        "INSERT INTO auth.users DEFAULT VALUES RETURNING id::text",
    )
}

/// Runs `first` in a transaction, then `second` in another session until it waits, then commits.
fn crossing(
    database: &Database,
    mut one: Client,
    first: &str,
    mut other: Client,
    second: String,
) -> String {
    one.batch_execute("BEGIN").expect("begin");
    one.batch_execute(first).expect(first);
    let waiting = std::thread::spawn(move || sqlstate(other.batch_execute(&second)));
    wait_until_blocked(&mut database.connect(), 1);
    one.batch_execute("COMMIT").expect("commit");
    waiting.join().expect("the thread")
}

fn cohort(client: &mut Client, max_members: i32) -> String {
    text(
        client,
        &format!(
            "INSERT INTO founders.cohorts (name, max_members) VALUES ('A cohort', {max_members})
             RETURNING id::text"
        ),
    )
}

fn join(cohort: &str, person: &str) -> String {
    format!(
        "INSERT INTO founders.cohort_members (cohort_id, user_id) VALUES ('{cohort}', '{person}')"
    )
}

#[test]
fn the_second_of_two_who_take_the_last_place_is_refused() {
    let database = founders();
    let mut client = database.connect();
    let (a, b, cohort) = (
        person(&mut client),
        person(&mut client),
        cohort(&mut client, 1),
    );
    let (one, other) = (database.connect(), database.connect());
    let state = crossing(&database, one, &join(&cohort, &a), other, join(&cohort, &b));
    assert_eq!(state, "23514");
    assert_eq!(
        text(
            &mut client,
            "SELECT count(*)::text FROM founders.cohort_members"
        ),
        "1"
    );
}

#[test]
fn under_repeatable_read_a_late_join_is_told_to_try_again() {
    let database = founders();
    let mut client = database.connect();
    let (a, b, cohort) = (
        person(&mut client),
        person(&mut client),
        cohort(&mut client, 1),
    );
    let mut late = database.connect();
    late.batch_execute(
        "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM founders.cohort_members",
    )
    .expect("a snapshot");
    client
        .batch_execute(&join(&cohort, &a))
        .expect("the last place");
    assert_eq!(sqlstate(late.batch_execute(&join(&cohort, &b))), "40001");
}

#[test]
fn sixteen_who_join_at_once_fill_a_cohort_exactly() {
    let database = founders();
    let mut client = database.connect();
    let cohort = cohort(&mut client, 10);
    let joining: Vec<_> = (0..16)
        .map(|_| {
            let (mut connection, statement) =
                (database.connect(), join(&cohort, &person(&mut client)));
            std::thread::spawn(move || sqlstate(connection.batch_execute(&statement)))
        })
        .collect();
    let mut states: Vec<_> = joining
        .into_iter()
        .map(|thread| thread.join().expect("the thread"))
        .collect();
    states.sort();
    assert_eq!(states, [vec!["00000"; 10], vec!["23514"; 6]].concat());
}

#[test]
fn two_founders_who_ask_each_other_at_the_same_moment_are_connected_by_one_row() {
    let database = founders();
    let mut client = database.connect();
    let (a, b) = (person(&mut client), person(&mut client));
    let ask = |whom: &str| format!("SELECT founders.request_connection('{whom}')");
    let (one, other) = (database.connect_as(&a), database.connect_as(&b));
    assert_eq!(crossing(&database, one, &ask(&b), other, ask(&a)), "00000");
    let all = "SELECT string_agg(status, ',') FROM founders.founder_connections";
    assert_eq!(text(&mut client, all), "accepted");
}

#[test]
fn a_request_sent_twice_at_the_same_moment_is_one_request() {
    let database = founders();
    let mut client = database.connect();
    let (a, b) = (person(&mut client), person(&mut client));
    let ask = format!("SELECT founders.request_connection('{b}')");
    let (one, other) = (database.connect_as(&a), database.connect_as(&a));
    assert_eq!(crossing(&database, one, &ask, other, ask.clone()), "00000");
    let all = "SELECT string_agg(status, ',') FROM founders.founder_connections";
    assert_eq!(text(&mut client, all), "pending");
}

#[test]
fn many_who_ask_each_other_and_themselves_again_never_fail() {
    let database = founders();
    let mut client = database.connect();
    let people: Vec<_> = (0..12).map(|_| person(&mut client)).collect();
    let asking: Vec<_> = people
        .iter()
        .chain(&people)
        .map(|me| {
            let (mut connection, others) = (database.connect_as(me), people.clone());
            let me = me.clone();
            std::thread::spawn(move || {
                for other in others.iter().filter(|other| **other != me) {
                    connection
                        .batch_execute(&format!("SELECT founders.request_connection('{other}')"))?;
                }
                Ok::<(), postgres::Error>(())
            })
        })
        .collect();
    for thread in asking {
        assert_eq!(sqlstate(thread.join().expect("the thread")), "00000");
    }
    assert_eq!(
        text(
            &mut client,
            "SELECT string_agg(DISTINCT status, ',') || ' ' || count(*) FROM founders.founder_connections"
        ),
        "accepted 66"
    );
}

#[test]
fn a_message_that_meets_a_block_does_not_slip_in_after_it() {
    let database = founders();
    let mut client = database.connect();
    let (a, b) = (person(&mut client), person(&mut client));
    let send = format!(
        "INSERT INTO founders.founder_messages (sender_id, recipient_id, content)
         VALUES ('{a}', '{b}', 'hello')"
    );
    let block = format!("SELECT founders.block_member('{a}')");
    let (blocker, sender) = (database.connect_as(&b), database.connect_as(&a));
    assert_eq!(
        crossing(&database, blocker, &block, sender, send.clone()),
        "42501"
    );
    client
        .batch_execute("DELETE FROM founders.founder_connections")
        .expect("no block");
    // The other way round, the block waits for the message, which was there first.
    let (blocker, sender) = (database.connect_as(&b), database.connect_as(&a));
    assert_eq!(crossing(&database, sender, &send, blocker, block), "00000");
    assert_eq!(
        text(
            &mut client,
            "SELECT count(*)::text FROM founders.founder_messages"
        ),
        "1"
    );
    assert_eq!(
        sqlstate(database.connect_as(&a).batch_execute(&send)),
        "42501"
    );
}

#[test]
fn a_bulk_load_of_messages_between_many_fits_into_the_lock_table() {
    let database = founders();
    let mut client = database.connect();
    client
        .batch_execute(
            "INSERT INTO auth.users SELECT FROM generate_series(1, 300);
             INSERT INTO founders.founder_messages (sender_id, recipient_id, content)
             SELECT a.id, b.id, 'hello' FROM auth.users a CROSS JOIN auth.users b
             WHERE a.id <> b.id LIMIT 40000",
        )
        .expect("40,000 pairs in one statement");
}

#[test]
fn two_moves_that_would_close_a_circle_together_do_not_both_happen() {
    for level in ["READ COMMITTED", "REPEATABLE READ"] {
        let database = founders();
        let mut client = database.connect();
        let make = "INSERT INTO founders.communities DEFAULT VALUES RETURNING id::text";
        let (a, b) = (text(&mut client, make), text(&mut client, make));
        let below = |community: &str, parent: &str| {
            format!(
                "UPDATE founders.communities SET parent_community_id = '{parent}'
                 WHERE id = '{community}'"
            )
        };
        let (mut one, mut other) = (database.connect(), database.connect());
        other
            .batch_execute(&format!(
                "BEGIN ISOLATION LEVEL {level}; SELECT FROM founders.communities"
            ))
            .expect("a snapshot");
        one.batch_execute(&format!("BEGIN; {}", below(&a, &b)))
            .expect("the first move");
        let second = below(&b, &a);
        let waiting = std::thread::spawn(move || sqlstate(other.batch_execute(&second)));
        wait_until_blocked(&mut client, 1);
        one.batch_execute("COMMIT").expect("commit");
        let state = waiting.join().expect("the thread");
        assert_eq!(
            state,
            if level == "READ COMMITTED" {
                "23514"
            } else {
                "40001"
            }
        );
    }
}

#[test]
fn two_checkins_at_the_same_moment_count_once() {
    let database = founders();
    let mut client = database.connect();
    let me = person(&mut client);
    let check_in = "SELECT founders.record_checkin()";
    let (one, other) = (database.connect_as(&me), database.connect_as(&me));
    assert_eq!(
        crossing(&database, one, check_in, other, check_in.to_owned()),
        "00000"
    );
    let streak = "SELECT current_streak || ' ' || total_checkins FROM founders.engagement_streaks";
    assert_eq!(text(&mut client, streak), "1 1");
}

#[test]
fn truncating_reactions_counts_none_and_truncating_consent_is_logged_as_taken_away() {
    let database = founders();
    let mut client = database.connect();
    let me = person(&mut client);
    client
        .batch_execute(&format!(
            "INSERT INTO founders.consent_preferences (user_id, category, enabled)
             VALUES ('{me}', 'messaging', true), ('{me}', 'directory', false);
             INSERT INTO founders.social_feed_posts (author_id, content) VALUES ('{me}', 'news');
             INSERT INTO founders.social_feed_reactions (post_id, user_id)
             SELECT id, '{me}' FROM founders.social_feed_posts;
             TRUNCATE founders.consent_preferences, founders.social_feed_reactions"
        ))
        .expect("truncate");
    assert_eq!(
        text(
            &mut client,
            "SELECT string_agg(category || ' ' || new_value, ',' ORDER BY category, previous_value)
             FROM founders.consent_audit_log"
        ),
        "directory false,messaging true,messaging false"
    );
    let count = "SELECT string_agg(reaction_count::text, ',') FROM founders.social_feed_posts";
    assert_eq!(text(&mut client, count), "0");
    let truncated = client.batch_execute("TRUNCATE founders.consent_audit_log");
    assert_eq!(sqlstate(truncated), "42501");
}

#[test]
fn a_row_of_the_consent_log_changed_behind_its_back_is_named() {
    let database = founders();
    let mut client = database.connect();
    let me = person(&mut client);
    client
        .batch_execute(&format!(
            "INSERT INTO founders.consent_preferences (user_id, category, enabled)
             VALUES ('{me}', 'messaging', true), ('{me}', 'directory', true)"
        ))
        .expect("consent");
    let faults = "SELECT string_agg(fault || ' ' || entry, ',')
                  FROM community_core.verify_audit('founders.consent_audit_log')";
    assert_eq!(text(&mut client, faults), "");
    let changed = text(
        &mut client,
        "SELECT id::text FROM founders.consent_audit_log WHERE category = 'messaging'",
    );
    client
        .batch_execute(
            "ALTER TABLE founders.consent_audit_log DISABLE TRIGGER ALL;
             UPDATE founders.consent_audit_log SET new_value = false WHERE category = 'messaging';
             ALTER TABLE founders.consent_audit_log ENABLE TRIGGER ALL",
        )
        .expect("a superuser can");
    let named = text(&mut client, faults);
    assert!(named.contains(&changed) && !named.contains(','), "{named}");
}

/// A founder with a stage, an industry and perhaps a score, who consents to benchmarks.
fn founder(client: &mut Client, score: Option<i32>) -> String {
    let id = person(client);
    client
        .batch_execute(&format!(
            "INSERT INTO founders.profiles (id, stage, industry) VALUES ('{id}', 'seed', 'health');
             INSERT INTO founders.consent_preferences (user_id, category, enabled)
             VALUES ('{id}', 'benchmarks', true)"
        ))
        .expect("a founder");
    if let Some(score) = score {
        client
            .batch_execute(&format!(
                "INSERT INTO founders.investor_readiness_scores (user_id, overall_score)
                 VALUES ('{id}', {score})"
            ))
            .expect("a score");
    }
    id
}

fn published(client: &mut Client) -> [String; 2] {
    ["stage", "industry"].map(|by| {
        text(
            client,
            &format!(
                "SELECT string_agg(concat_ws(' ', {by}, founder_count, avg_irs_score, median_irs_score), ',')
                 FROM founders.benchmark_{by}_aggregates"
            ),
        )
    })
}

fn refresh(client: &mut Client) {
    client
        .batch_execute("SELECT founders.refresh_benchmark_aggregates()")
        .expect("refresh");
}

#[test]
fn a_benchmark_appears_with_the_fifth_consenting_score_and_not_with_people_without_one() {
    let database = founders();
    let mut client = database.connect();
    founder(&mut client, Some(83));
    for _ in 0..4 {
        founder(&mut client, None);
    }
    refresh(&mut client);
    assert_eq!(published(&mut client), ["", ""]);
    for score in [50, 60, 70] {
        founder(&mut client, Some(score));
    }
    refresh(&mut client);
    assert_eq!(published(&mut client), ["", ""]);
    founder(&mut client, Some(87));
    refresh(&mut client);
    assert_eq!(
        published(&mut client),
        ["seed 5 70.00 70", "health 5 70.00 70"]
    );
}

#[test]
fn five_scores_of_one_founder_are_not_five_founders() {
    let database = founders();
    let mut client = database.connect();
    let one = founder(&mut client, Some(50));
    for score in [60, 70, 80, 90, 95] {
        client
            .batch_execute(&format!(
                "INSERT INTO founders.investor_readiness_scores (user_id, overall_score)
                 VALUES ('{one}', {score})"
            ))
            .expect("a score");
    }
    refresh(&mut client);
    assert_eq!(published(&mut client), ["", ""]);
}

#[test]
fn withdrawn_consent_leaves_both_benchmarks_in_the_same_transaction_however_it_is_withdrawn() {
    let database = founders();
    let mut client = database.connect();
    let mut people = Vec::new();
    for score in [50, 60, 70, 80, 90] {
        people.push(founder(&mut client, Some(score)));
    }
    refresh(&mut client);
    let one = &people[2];
    for withdrawal in [
        format!("UPDATE founders.consent_preferences SET enabled = false WHERE user_id = '{one}'"),
        format!("DELETE FROM founders.consent_preferences WHERE user_id = '{one}'"),
        "TRUNCATE founders.consent_preferences".to_owned(),
        format!("DELETE FROM founders.profiles WHERE id = '{one}'"),
        format!("DELETE FROM auth.users WHERE id = '{one}'"),
    ] {
        assert_eq!(
            published(&mut client),
            ["seed 5 70.00 70", "health 5 70.00 70"],
            "before {withdrawal}"
        );
        client.batch_execute("BEGIN").expect("begin");
        client.batch_execute(&withdrawal).expect(&withdrawal);
        assert_eq!(published(&mut client), ["", ""], "{withdrawal}");
        client.batch_execute("ROLLBACK").expect("rollback");
    }
    client
        .batch_execute(&format!("DELETE FROM auth.users WHERE id = '{one}'"))
        .expect("delete");
    refresh(&mut client);
    assert_eq!(published(&mut client), ["", ""]);
}

#[test]
fn benchmarks_are_read_by_whoever_is_signed_in_and_refreshed_by_the_service() {
    let database = founders();
    let mut client = database.connect();
    let me = founder(&mut client, Some(50));
    for score in [60, 70, 80, 90] {
        founder(&mut client, Some(score));
    }
    client
        .batch_execute(
            "SET ROLE service_role; SELECT founders.refresh_benchmark_aggregates(); RESET ROLE",
        )
        .expect("the service refreshes");
    let mut mine = database.connect_as(&me);
    assert_eq!(
        published(&mut mine),
        ["seed 5 70.00 70", "health 5 70.00 70"]
    );
    let refreshed = mine.batch_execute("SELECT founders.refresh_benchmark_aggregates()");
    assert_eq!(sqlstate(refreshed), "42501");
    client.batch_execute("SET ROLE anon").expect("anon");
    let read = client.batch_execute("SELECT FROM founders.benchmark_stage_aggregates");
    assert_eq!(sqlstate(read), "42501");
}
