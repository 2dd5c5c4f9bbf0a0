//! Claims about the forum that need several connections, or a dump.

use super::cluster::{Cluster, Database, sqlstate, wait_until_blocked};
use postgres::Client;

const GOAL: &str = "00000000-0000-4000-8000-0000000000aa";

fn person(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn forum(people: usize) -> Database<'static> {
    let database = Database::with_modules(Cluster::shared(), "forum");
    database
        .connect()
        .batch_execute(&format!(
            "INSERT INTO auth.users (id)
             SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid
             FROM generate_series(1, {people}) AS n;
             INSERT INTO forum.profiles (id) SELECT id FROM auth.users;
             INSERT INTO forum.track_goals (id) VALUES ('{GOAL}')"
        ))
        .expect("people and a goal");
    database
}

fn one(client: &mut Client, sql: &str) -> String {
    let row = client
        .query_one(&format!("SELECT ({sql})::text"), &[])
        .expect(sql);
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

/// Everybody's days, rank and pace.
fn board(client: &mut Client) -> String {
    one(
        client,
        "SELECT string_agg(concat_ws('/', days_to_complete, ranking, execution_pace), ' ' ORDER BY h.user_id)
         FROM forum.goal_metrics m JOIN forum.user_goal_history h ON h.id = m.user_goal_history_id",
    )
}

fn completed(number: usize, days: usize) -> String {
    format!(
        "INSERT INTO forum.user_goal_history (user_id, goal_id, status, started_at, completed_at)
         VALUES ('{}', '{GOAL}', 'completed', '2026-01-01', '2026-01-01'::timestamptz + interval '{days} days')",
        person(number)
    )
}

#[test]
fn two_people_who_complete_a_goal_at_once_are_both_ranked() {
    let database = forum(2);
    let (mut first, mut second, mut observer) =
        (database.connect(), database.connect(), database.connect());
    first.batch_execute("BEGIN").expect("begin");
    first.batch_execute(&completed(1, 8)).expect("the first");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| second.batch_execute(&completed(2, 4)));
        wait_until_blocked(&mut observer, 1);
        first.batch_execute("COMMIT").expect("commit");
        waiting.join().expect("the thread").expect("the second");
    });
    assert_eq!(board(&mut observer), "8/2/slow 4/1/fast");
}

#[test]
fn under_repeatable_read_the_second_is_told_to_try_again_and_never_ranks_the_past() {
    let database = forum(2);
    let (mut first, mut second) = (database.connect(), database.connect());
    second
        .batch_execute(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM forum.goal_metrics",
        )
        .expect("a snapshot");
    first.batch_execute(&completed(1, 8)).expect("the first");
    assert_eq!(sqlstate(second.batch_execute(&completed(2, 4))), "40001");
    second.batch_execute("ROLLBACK").expect("rollback");
    second.batch_execute(&completed(2, 4)).expect("again");
    assert_eq!(board(&mut first), "8/2/slow 4/1/fast");
}

#[test]
fn sixteen_people_complete_and_leave_at_once_and_the_board_is_as_made_anew() {
    let database = forum(48);
    std::thread::scope(|scope| {
        for worker in 0..16 {
            let mut client = database.connect();
            scope.spawn(move || {
                for round in 0..3 {
                    let number = 1 + worker + 16 * round;
                    client
                        .batch_execute(&completed(number, 1 + number * 7 % 10))
                        .expect("complete");
                    if round == 1 {
                        client
                            .batch_execute(&format!(
                                "DELETE FROM auth.users WHERE id = '{}'",
                                person(number)
                            ))
                            .expect("leave");
                    }
                }
            });
        }
    });
    let mut client = database.connect();
    let wrong = one(
        &mut client,
        "SELECT count(*) FROM (
             SELECT m.ranking, rank() OVER (ORDER BY m.days_to_complete) AS anew, m.execution_pace,
                    CASE WHEN m.days_to_complete <= 0.75 * x.median THEN 'fast'
                         WHEN m.days_to_complete >= 1.25 * x.median THEN 'slow' ELSE 'steady' END AS pace
             FROM forum.goal_metrics m,
                  (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY days_to_complete) AS median
                   FROM forum.goal_metrics) AS x) AS b
         WHERE (ranking, execution_pace) IS DISTINCT FROM (anew, pace)",
    );
    assert_eq!(wrong, "0");
    assert_eq!(
        one(&mut client, "SELECT count(*) FROM forum.goal_metrics"),
        "32"
    );
}

#[test]
fn people_with_the_same_goals_in_another_order_can_be_deleted_at_once() {
    let database = forum(16);
    database
        .connect()
        .batch_execute(
            "INSERT INTO forum.track_goals SELECT gen_random_uuid() FROM generate_series(1, 8);
             INSERT INTO forum.user_goal_history (user_id, goal_id, status, completed_at)
             SELECT u.id, g.id, 'completed', now() + right(u.id::text, 2)::int * interval '1 day'
             FROM auth.users u, forum.track_goals g ORDER BY random()",
        )
        .expect("everybody completes everything");
    std::thread::scope(|scope| {
        for number in 1..=16 {
            let mut client = database.connect();
            scope.spawn(move || {
                client
                    .batch_execute(&format!(
                        "DELETE FROM auth.users WHERE id = '{}'",
                        person(number)
                    ))
                    .expect("leave");
            });
        }
    });
    let left = "SELECT count(*) FROM forum.goal_metrics";
    assert_eq!(one(&mut database.connect(), left), "0");
}

#[test]
fn two_taps_on_start_make_one_entry() {
    let database = forum(1);
    let start = format!("SELECT forum.start_goal('{GOAL}')");
    let (mut first, mut second) = (
        database.connect_as(&person(1)),
        database.connect_as(&person(1)),
    );
    let mut observer = database.connect();
    first
        .batch_execute(&format!("BEGIN; {start}"))
        .expect("the first");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| second.batch_execute(&start));
        wait_until_blocked(&mut observer, 1);
        first.batch_execute("COMMIT").expect("commit");
        waiting.join().expect("the thread").expect("the second");
    });
    assert_eq!(
        one(
            &mut observer,
            "SELECT count(*) FROM forum.user_goal_history"
        ),
        "1"
    );
}

#[test]
fn two_taps_on_complete_complete_once() {
    let database = forum(1);
    let mut first = database.connect_as(&person(1));
    let mut second = database.connect_as(&person(1));
    let mut observer = database.connect();
    let complete = format!("SELECT forum.complete_goal('{GOAL}')");
    first
        .batch_execute(&format!("SELECT forum.start_goal('{GOAL}')"))
        .expect("start");
    first
        .batch_execute(&format!("BEGIN; {complete}"))
        .expect("the first");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| sqlstate(second.batch_execute(&complete)));
        wait_until_blocked(&mut observer, 1);
        first.batch_execute("COMMIT").expect("commit");
        assert_eq!(waiting.join().expect("the thread"), "55000");
    });
    assert_eq!(board(&mut observer), "1/1/steady");
}

/// How many of 16 guests at once are let through, each with its own email and header.
fn guests(
    database: &Database,
    settings: &str,
    guest: impl Fn(usize) -> (String, String) + Sync,
) -> usize {
    let mut owner = database.connect();
    owner
        .batch_execute(&format!(
            "ALTER DATABASE {} SET {settings};
             INSERT INTO forum.community_resources (id, title, description, type, category, format, file_url, published_at)
             VALUES ('{GOAL}', 't', 'd', 'tool', 'business', 'PDF', 'u', now())",
            database.name
        ))
        .expect("a resource");
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..16)
            .map(|number| {
                let mut client = database.connect();
                let (email, address) = guest(number);
                scope.spawn(move || {
                    client
                        .batch_execute(&format!(
                            "SET ROLE anon;
                             SELECT set_config('request.headers', '{{\"x-forwarded-for\":\"{address}\"}}', false)"
                        ))
                        .expect("become a guest");
                    sqlstate(client.query(&format!("SELECT forum.download_resource('{GOAL}', '{email}')"), &[]))
                })
            })
            .collect();
        let outcomes: Vec<_> = calls
            .into_iter()
            .map(|call| call.join().expect("the thread"))
            .collect();
        assert!(
            outcomes
                .iter()
                .all(|state| state == "00000" || state == "53400"),
            "{outcomes:?}"
        );
        outcomes.iter().filter(|state| *state == "00000").count()
    })
}

#[test]
fn sixteen_guests_at_once_with_one_email_share_its_limit() {
    let database = forum(0);
    let through = guests(
        &database,
        "community_core.downloads_per_email = 5",
        |number| ("ada@example.org".into(), format!("192.0.2.{number}")),
    );
    assert_eq!(through, 5);
    let count = "SELECT download_count FROM forum.community_resources";
    assert_eq!(one(&mut database.connect(), count), "5");
}

#[test]
fn sixteen_guests_at_once_from_one_address_share_its_limit() {
    let database = forum(0);
    let through = guests(
        &database,
        "community_core.downloads_per_address = 7",
        |number| (format!("guest{number}@example.org"), "192.0.2.1".into()),
    );
    assert_eq!(through, 7);
}

#[test]
fn a_guest_with_an_older_snapshot_is_refused_rather_than_miscounted() {
    let database = forum(0);
    let limit = "community_core.downloads_per_email = 1";
    let through = guests(&database, limit, |number| {
        ("ada@example.org".into(), format!("192.0.2.{number}"))
    });
    assert_eq!(through, 1);
    let mut late = database.connect();
    let download = format!("SELECT forum.download_resource('{GOAL}', 'grace@example.org')");
    for (level, wanted) in [("REPEATABLE READ", "25000"), ("SERIALIZABLE", "00000")] {
        late.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}; SET ROLE anon"))
            .expect("a guest");
        assert_eq!(sqlstate(late.query(&download, &[])), wanted, "{level}");
        late.batch_execute("ROLLBACK").expect("an end");
    }
}

#[test]
fn two_guests_held_up_at_the_same_address_do_not_wait_for_each_other() {
    // Emails and addresses crossed: each pair of guests shares one lock and not the other.
    let database = forum(0);
    let through = guests(
        &database,
        "community_core.downloads_per_email = 100",
        |number| {
            (
                format!("guest{}@example.org", number % 4),
                format!("192.0.2.{}", number / 4),
            )
        },
    );
    assert_eq!(through, 16);
}

#[test]
fn the_forum_comes_back_from_a_dump_with_its_counts_search_and_ranking() {
    let database = forum(3);
    let mut client = database.connect();
    client
        .batch_execute(&format!(
            "INSERT INTO forum.community_posts (author_id, content) SELECT id, 'a lighthouse' FROM auth.users;
             INSERT INTO forum.community_post_likes (post_id, user_id)
             SELECT p.id, u.id FROM forum.community_posts p, auth.users u;
             INSERT INTO forum.community_post_replies (post_id, author_id, content, deleted_at)
             SELECT p.id, u.id, 'x', CASE WHEN u.id = p.author_id THEN now() END
             FROM forum.community_posts p, auth.users u;
             INSERT INTO forum.community_resources (title, description, type, category, format, file_url, published_at)
             VALUES ('lighthouse', 'd', 'tool', 'business', 'PDF', 'u', now());
             INSERT INTO forum.resource_ratings (resource_id, user_id, rating)
             SELECT r.id, u.id, 4 FROM forum.community_resources r, auth.users u;
             {}; {}",
            completed(1, 8),
            completed(2, 4)
        ))
        .expect("live");
    let restored = database.restored();
    let mut back = restored.connect();
    for (sql, expected) in [
        (
            "SELECT count(*) FROM community_core.verify_module('forum')",
            "0",
        ),
        ("SELECT count(*) FROM community_core.verify_counters()", "0"),
        (
            "SELECT sum(likes_count) || ' ' || sum(replies_count) FROM forum.community_posts",
            "9 6",
        ),
        ("SELECT rating FROM forum.community_resources", "4.00"),
        (
            "SELECT count(*) FROM forum.search_posts('lighthouses')",
            "3",
        ),
        (
            "SELECT count(*) FROM forum.search_resources('lighthouses')",
            "1",
        ),
    ] {
        assert_eq!(one(&mut back, sql), expected, "{sql}");
    }
    assert_eq!(board(&mut back), "8/2/slow 4/1/fast");
    back.batch_execute(&completed(3, 6)).expect("live on");
    assert_eq!(board(&mut back), "8/3/slow 4/1/fast 6/2/steady");
}
