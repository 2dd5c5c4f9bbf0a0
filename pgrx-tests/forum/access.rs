//! access.txt is the truth about who may do what; this runs it.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;

    const MATRIX: &str = include_str!("access.txt");
    const TOPIC: &str = "acce55";
    const ASKING: [&str; 6] = ["guest", "nameless", "owner", "stranger", "staff", "service"];

    /// What a word in braces stands for: rows of the owner's, and the people.
    const NAMES: [&str; 29] = [
        "owner",
        "stranger",
        "staff",
        "unknown",
        "post",
        "deleted_post",
        "unliked_post",
        "deleted_unliked_post",
        "like",
        "deleted_like",
        "reply",
        "deleted_reply",
        "reply_to_deleted",
        "goal",
        "other_goal",
        "new_goal",
        "entry",
        "completed",
        "resource",
        "members_only",
        "draft",
        "future",
        "deleted_resource",
        "download",
        "guest_download",
        "rating",
        "rating_of_deleted",
        "course",
        "action",
    ];

    fn fill(sql: &str, asking: &str) -> String {
        let number = |name: &str| NAMES.iter().position(|known| *known == name);
        let me = match asking {
            "stranger" | "staff" => asking,
            _ => "owner",
        };
        let other = if me == "stranger" {
            "owner"
        } else {
            "stranger"
        };
        let mut filled = String::new();
        for part in sql
            .replace("{me}", &format!("{{{me}}}"))
            .replace("{other}", &format!("{{{other}}}"))
            .split('{')
        {
            match part.split_once('}') {
                Some((name, tail)) => {
                    let place =
                        number(name).unwrap_or_else(|| panic!("{name} is no name of the matrix"));
                    filled.push_str(&format!("'{}'{tail}", uuid(TOPIC, place + 1)));
                }
                None => filled.push_str(part),
            }
        }
        filled
    }

    fn ask(asking: &str) {
        let person = |name: &str| {
            uuid(
                TOPIC,
                NAMES
                    .iter()
                    .position(|known| *known == name)
                    .expect("a person")
                    + 1,
            )
        };
        match asking {
            "guest" => as_guest(),
            "nameless" => ask_as("authenticated", r#"{"role":"authenticated"}"#),
            "staff" => as_staff(&person("staff")),
            "service" => ask_as("service_role", r#"{"role":"service_role"}"#),
            someone => as_person(&person(someone)),
        }
    }

    fn rows_of_the_owner() {
        people(TOPIC, 3);
        run(&fill(
            "INSERT INTO forum.track_goals (id) VALUES ({goal}), ({other_goal}), ({new_goal});
             INSERT INTO forum.courses (id) VALUES ({course});
             INSERT INTO forum.user_actions (id, user_id, goal_id) VALUES ({action}, {owner}, {goal});
             INSERT INTO forum.community_posts (id, author_id, content, deleted_at) VALUES
                 ({post}, {owner}, 'a lighthouse', NULL), ({unliked_post}, {owner}, 'x', NULL),
                 ({deleted_post}, {owner}, 'lighthouses', now()),
                 ({deleted_unliked_post}, {owner}, 'x', now());
             INSERT INTO forum.community_post_likes (id, post_id, user_id) VALUES
                 ({like}, {post}, {owner}), ({deleted_like}, {deleted_post}, {owner});
             INSERT INTO forum.community_post_replies (id, post_id, author_id, content, deleted_at) VALUES
                 ({reply}, {post}, {owner}, 'x', NULL), ({deleted_reply}, {post}, {owner}, 'x', now()),
                 ({reply_to_deleted}, {deleted_post}, {owner}, 'x', NULL);
             INSERT INTO forum.user_goal_history (id, user_id, goal_id, status, completed_at) VALUES
                 ({entry}, {owner}, {goal}, 'active', NULL),
                 ({completed}, {owner}, {other_goal}, 'completed', now());
             INSERT INTO forum.community_resources
                 (id, title, description, type, category, format, file_url, access, published_at, deleted_at)
             SELECT id, 'lighthouse', 'd', 'guide', 'business', 'PDF', 'https://example.org/f', access,
                    published_at, deleted_at
             FROM (VALUES ({resource}::uuid, 'free', now(), NULL::timestamptz),
                          ({members_only}, 'member-only', now(), NULL), ({draft}, 'free', NULL, NULL),
                          ({future}, 'free', now() + interval '1 day', NULL),
                          ({deleted_resource}, 'free', now(), now()))
                  AS r (id, access, published_at, deleted_at);
             INSERT INTO forum.resource_downloads (id, resource_id, user_id, email) VALUES
                 ({download}, {resource}, {owner}, NULL),
                 ({guest_download}, {resource}, NULL, 'guest@example.org');
             INSERT INTO forum.resource_ratings (id, resource_id, user_id, rating) VALUES
                 ({rating}, {resource}, {owner}, 4), ({rating_of_deleted}, {deleted_resource}, {owner}, 4)",
            "owner",
        ));
    }

    /// Table, statement and expected outcomes of each line.
    fn lines() -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
        let mut table = "";
        let mut lines = Vec::new();
        for line in MATRIX
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            if let Some((name, _)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                table = name;
                continue;
            }
            let (statement, outcomes) =
                line.split_once("=>").expect("a statement and its outcomes");
            lines.push((
                table,
                statement.trim(),
                outcomes.split_whitespace().collect(),
            ));
        }
        lines
    }

    #[pg_test]
    fn everybody_in_the_forum_may_do_what_the_matrix_says_and_nothing_else() {
        rows_of_the_owner();
        let mut wrong = Vec::new();
        for (_, statement, expected) in lines() {
            assert_eq!(expected.len(), ASKING.len(), "{statement}");
            for (asking, expected) in ASKING.iter().zip(expected) {
                ask(asking);
                let found = outcome(&fill(statement, asking));
                if found != expected {
                    wrong.push(format!("{asking}: {statement}: {found}, not {expected}"));
                }
            }
        }
        as_owner();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[pg_test]
    fn every_table_and_every_way_to_touch_it_is_in_the_forums_matrix() {
        let tables = list(
            "SELECT relname FROM pg_class WHERE relnamespace = 'forum'::regnamespace
             AND relkind IN ('r', 'v', 'm', 'p')
             AND NOT (relkind = 'r' AND NOT has_table_privilege('service_role', oid, 'SELECT'))",
        );
        for table in tables.split(' ') {
            for verb in ["SELECT", "INSERT", "UPDATE", "DELETE"] {
                let found = lines().iter().any(|(of, statement, _)| {
                    *of == table
                        && statement.starts_with(verb)
                        && statement.contains(&format!("forum.{table}"))
                });
                assert!(found, "{verb} of {table}");
            }
        }
    }

    #[pg_test]
    fn only_the_functions_meant_for_them_are_open_to_app_roles() {
        let open = |role: &str| {
            list(&format!(
                "SELECT proname FROM pg_proc WHERE pronamespace = 'forum'::regnamespace
                 AND has_function_privilege('{role}', oid, 'EXECUTE') ORDER BY proname"
            ))
        };
        assert_eq!(
            open("anon"),
            "download_resource is_member is_staff search_resources"
        );
        let signed_in = "complete_goal download_resource feed is_member is_staff pause_goal pin_post \
             restore_post restore_reply restore_resource resume_goal search_posts search_resources \
             soft_delete_post soft_delete_reply soft_delete_resource start_goal";
        assert_eq!(open("authenticated"), signed_in);
        assert_eq!(
            open("service_role"),
            signed_in.replace("restore_post", "refresh_resource_flags restore_post")
        );
    }
}
