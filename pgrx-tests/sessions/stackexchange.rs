//! Claims about the loader in `examples/stackexchange`, which is built and run as a user would.

use super::cluster::{Cluster, Database, shared_data};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

fn loader() -> &'static Path {
    static LOADER: OnceLock<PathBuf> = OnceLock::new();
    LOADER.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = root.join("target/examples");
        // The flags that pgrx builds the extension with are not this program's.
        let status = Command::new("cargo")
            .args([
                "build",
                "--quiet",
                "--release",
                "--locked",
                "--manifest-path",
            ])
            .arg(root.join("examples/stackexchange/Cargo.toml"))
            .env("CARGO_TARGET_DIR", &target)
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .status()
            .expect("run cargo");
        assert!(status.success(), "the loader builds");
        target.join("release/stackexchange")
    })
}

fn load(folder: &Path, database: &Database) -> (bool, String) {
    let connection = format!(
        "host={} user=postgres dbname={}",
        database.cluster.directory.display(),
        database.name
    );
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(loader())
        .arg(folder)
        .arg(connection)
        .output()
        .expect("run the loader");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    (status.success(), said)
}

/// A small site: a departed author, a wiki page, a down-vote, a vote and a comment on what is not
/// loaded, characters that COPY would trip over.
fn small_site(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let moment = "2020-01-02T03:04:05.678";
    let write = |file: &str, root: &str, rows: &[String]| {
        let text = format!(
            "<?xml version=\"1.0\"?>\n<{root}>\n{}\n</{root}>\n",
            rows.join("\n")
        );
        std::fs::write(folder.join(file), text).expect("write a file");
    };
    let user = |id: i64, name: &str| {
        format!(
            "  <row Id=\"{id}\" DisplayName=\"{name}\" CreationDate=\"{moment}\" AboutMe=\"\" />"
        )
    };
    write(
        "Users.xml",
        "users",
        &[user(-1, "Community"), user(7, "Zo&#235; &quot;\\N&quot;")],
    );
    let post = |id: i64, kind: i64, owner: &str, comments: i64| {
        format!(
            "  <row Id=\"{id}\" PostTypeId=\"{kind}\" CreationDate=\"{moment}\" Body=\"a\\tb&#xA;\\.&#xA;c\" {owner} CommentCount=\"{comments}\" />"
        )
    };
    write(
        "Posts.xml",
        "posts",
        &[
            post(1, 1, "OwnerUserId=\"7\" Title=\"How?\"", 1),
            post(2, 2, "ParentId=\"1\"", 0),
            post(3, 5, "OwnerUserId=\"-1\"", 0),
        ],
    );
    let comment = |id: i64, post: i64| {
        format!("  <row Id=\"{id}\" PostId=\"{post}\" Text=\"so\" CreationDate=\"{moment}\" />")
    };
    write("Comments.xml", "comments", &[comment(1, 1), comment(2, 3)]);
    let vote = |id: i64, post: i64, kind: i64| {
        format!(
            "  <row Id=\"{id}\" PostId=\"{post}\" VoteTypeId=\"{kind}\" CreationDate=\"{moment}\" />"
        )
    };
    write(
        "Votes.xml",
        "votes",
        &[vote(1, 1, 2), vote(2, 1, 2), vote(3, 2, 3), vote(4, 3, 2)],
    );
    folder
}

#[test]
fn a_public_dump_loads_and_no_counter_differs_from_its_own() {
    let Some(folder) = shared_data("stackexchange-conlang-meta") else {
        return;
    };
    let database = Database::with_modules(Cluster::shared(), "founders");
    let (loaded, said) = load(&folder, &database);
    assert!(loaded, "{said}");
    assert!(
        said.contains("0 differences between the counters of 169 posts"),
        "{said}"
    );
    let wrong: i64 = database
        .connect()
        .query_one("SELECT count(*) FROM community_core.verify_counters()", &[])
        .expect("verify")
        .get(0);
    assert_eq!(wrong, 0);
    let (again, said) = load(&folder, &database);
    assert!(!again && said.contains("give a fresh database"), "{said}");
}

#[test]
fn a_public_dump_loads_into_a_space_and_no_answer_comment_or_score_differs_from_its_own() {
    let Some(folder) = shared_data("stackexchange-conlang-meta") else {
        return;
    };
    let database = Database::with_modules(Cluster::shared(), "founders,spaces");
    let (loaded, said) = load(&folder, &database);
    assert!(loaded, "{said}");
    for module in ["founders", "spaces"] {
        let line = format!(
            "0 differences between the counters of 169 posts and the dump's own, in {module}"
        );
        assert!(said.contains(&line), "{said}");
    }
    let mut client = database.connect();
    let figures = "SELECT (SELECT count(*) FROM community_core.verify_counters()),
                          (SELECT count(*) FROM spaces.answers WHERE is_accepted),
                          (SELECT count(*) FROM spaces.reputation_events WHERE event_type = 'badge'),
                          (SELECT count(*) FROM spaces.votes)";
    let row = client.query_one(figures, &[]).expect("figures");
    let figures: Vec<i64> = (0..4).map(|column| row.get(column)).collect();
    assert_eq!(figures, [0, 11, 612, 1065]);
}

#[test]
fn a_small_site_becomes_a_space_with_its_votes_acceptance_and_order_of_comments() {
    let folder = small_site("small-space");
    let edit = |file: &str, from: &str, to: &str| {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).expect("read");
        assert!(text.contains(from), "{file} has {from}");
        std::fs::write(&path, text.replace(from, to)).expect("write");
    };
    edit(
        "Posts.xml",
        "Title=\"How?\"",
        "Title=\"How?\" AnswerCount=\"1\" AcceptedAnswerId=\"2\" Tags=\"&lt;a&gt;&lt;B&gt;\" Score=\"2\" ClosedDate=\"2020-02-01T00:00:00.000\"",
    );
    edit("Posts.xml", "ParentId=\"1\"", "ParentId=\"1\" Score=\"-1\"");
    let database = Database::with_modules(Cluster::shared(), "spaces");
    let (loaded, said) = load(&folder, &database);
    assert!(
        loaded && said.contains("0 differences between the counters of 2 posts"),
        "{said}"
    );
    let question = "SELECT concat_ws(' ', p.score, p.comment_count, q.answer_count, q.closed_at IS NOT NULL,
                           a.score, a.is_accepted, (SELECT string_agg(t.name, ',' ORDER BY t.name) FROM spaces.tags t))
                    FROM spaces.posts p JOIN spaces.questions q ON q.post_id = p.id
                    JOIN spaces.answers a ON a.id = q.accepted_answer_id";
    let row = database
        .connect()
        .query_one(question, &[])
        .expect("the question");
    assert_eq!(row.get::<_, String>(0), "2 1 1 t -1 t a,b");
    std::fs::remove_dir_all(folder).expect("clean up");
}

#[test]
fn a_score_that_differs_from_the_dumps_own_is_reported_in_spaces() {
    let folder = small_site("boasting-space");
    let database = Database::with_modules(Cluster::shared(), "spaces");
    let (agreed, said) = load(&folder, &database);
    assert!(!agreed && said.contains("2 differences"), "{said}");
    std::fs::remove_dir_all(folder).expect("clean up");
}

#[test]
fn a_small_site_loads_and_says_what_it_skipped_and_why() {
    let folder = small_site("small-site");
    let database = Database::with_modules(Cluster::shared(), "founders");
    let (loaded, said) = load(&folder, &database);
    assert!(loaded, "{said}");
    for line in [
        "1 skipped. Posts.xml: PostTypeId 5 is neither question nor answer",
        "1 skipped. Comments.xml: the post was not loaded",
        "1 skipped. Votes.xml: VoteTypeId 3 is no up-vote",
        "1 skipped. Votes.xml: the post was not loaded",
        "0 differences between the counters of 2 posts",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    let mut client = database.connect();
    let row = client
        .query_one(
            "SELECT content, reaction_count, comment_count FROM founders.social_feed_posts
             WHERE title = 'How?'",
            &[],
        )
        .expect("the question");
    assert_eq!(row.get::<_, String>(0), "a\\tb\n\\.\nc");
    assert_eq!((row.get::<_, i32>(1), row.get::<_, i32>(2)), (2, 1));
    let name =
        "SELECT count(*) FROM founders.community_profiles WHERE display_name = 'Zoë \"\\N\"'";
    assert_eq!(
        client
            .query_one(name, &[])
            .expect("a profile")
            .get::<_, i64>(0),
        1
    );
    std::fs::remove_dir_all(folder).expect("clean up");
}

#[test]
fn a_counter_that_differs_from_the_dumps_own_is_reported() {
    let folder = small_site("boasting-site");
    let posts = folder.join("Posts.xml");
    let text = std::fs::read_to_string(&posts).expect("read");
    std::fs::write(
        &posts,
        text.replace("CommentCount=\"1\"", "CommentCount=\"9\""),
    )
    .expect("write");
    let database = Database::with_modules(Cluster::shared(), "founders");
    let (agreed, said) = load(&folder, &database);
    assert!(!agreed && said.contains("1 differences"), "{said}");
    std::fs::remove_dir_all(folder).expect("clean up");
}

#[test]
fn a_malformed_file_is_named_with_its_line_and_nothing_is_loaded() {
    let database = Database::with_modules(Cluster::shared(), "founders");
    let folder = small_site("malformed-site");
    let votes = folder.join("Votes.xml");
    let good = std::fs::read_to_string(&votes).expect("read");
    for (broken, complaint) in [
        (good.replace("</votes>", ""), "Votes.xml, line"),
        (
            good.replacen("PostId=\"1\"", "PostId=\"one\"", 1),
            "Votes.xml, line 3",
        ),
        (good.replacen("VoteTypeId", "Kind", 1), "Votes.xml, line 3"),
        (
            good.replacen("<row", "<row Id=\"1\"", 1),
            "Votes.xml, line 3",
        ),
        (
            good.replacen("2020-01-02T", "yesterday ", 1),
            "Votes.xml, line 3",
        ),
        ("no markup at all".to_owned(), "Votes.xml, line 1"),
    ] {
        std::fs::write(&votes, &broken).expect("write");
        let (loaded, said) = load(&folder, &database);
        assert!(
            !loaded && said.contains(complaint),
            "{complaint}\n{broken}\n{said}"
        );
        assert!(said.contains("nothing was loaded"), "{said}");
    }
    let people: i64 = database
        .connect()
        .query_one("SELECT count(*) FROM auth.users", &[])
        .expect("count")
        .get(0);
    assert_eq!(people, 0);
    std::fs::remove_file(&votes).expect("remove");
    let (loaded, said) = load(&folder, &database);
    assert!(!loaded && said.contains("Votes.xml"), "{said}");
    std::fs::remove_dir_all(folder).expect("clean up");
}
