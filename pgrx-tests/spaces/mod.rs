//! Claims about the spaces module, one file per topic, and the access matrix. What needs two
//! sessions is in `sessions/spaces_*.rs`.

mod access;
mod audit_log;
mod automod;
mod bans;
mod comments;
mod events;
mod feed;
mod indexes;
mod membership;
mod messages;
mod moderation;
mod money;
mod notifications;
mod posts;
mod questions;
mod reports;
mod reputation;
mod retention;
mod tags;
mod webhooks;
mod workshops;

use super::founders::{As, be, outcome, run, run_as, text, text_as};

/// The id of a row, which is written as a whole statement: a query of one row ends before the
/// statement triggers.
pub fn inserted(insert: &str) -> String {
    be(As::Owner);
    text(&format!(
        "WITH new AS ({insert} RETURNING id) SELECT id::text FROM new"
    ))
}

/// A new user with a profile.
pub fn person() -> String {
    let id = super::founders::person();
    run(&format!("INSERT INTO spaces.profiles (id) VALUES ('{id}')"));
    id
}

/// A space of a test's own: `public`, `restricted` or `private`. It has no members yet.
pub fn space(visibility: &str) -> String {
    inserted(&format!(
        "INSERT INTO spaces.spaces (slug, name, visibility)
         VALUES (gen_random_uuid()::text, 'A space', '{visibility}')"
    ))
}

/// Somebody new who is in the space as `owner`, `moderator` or `member`.
pub fn member(space: &str, role: &str) -> String {
    let id = person();
    run(&format!(
        "INSERT INTO spaces.space_members (space_id, profile_id, role) VALUES ('{space}', '{id}', '{role}')"
    ));
    id
}

/// A published post.
pub fn post(space: &str, author: &str) -> String {
    inserted(&format!(
        "INSERT INTO spaces.posts (space_id, author_id, title, body)
         VALUES ('{space}', '{author}', 'A post', 'What it says')"
    ))
}

/// A published question.
pub fn question(space: &str, author: &str) -> String {
    inserted(&format!(
        "INSERT INTO spaces.posts (space_id, author_id, post_type, title, body)
         VALUES ('{space}', '{author}', 'question', 'A question', 'Why?')"
    ))
}

/// A published answer to a question.
pub fn answer(question: &str, author: &str) -> String {
    inserted(&format!(
        "INSERT INTO spaces.answers (question_id, space_id, author_id, body)
         SELECT id, space_id, '{author}', 'Because' FROM spaces.posts WHERE id = '{question}'"
    ))
}

/// A published comment on a post, beginning a thread.
pub fn comment(post: &str, author: &str) -> String {
    inserted(&format!(
        "INSERT INTO spaces.comments (post_id, space_id, author_id, body)
         SELECT id, space_id, '{author}', 'Well said' FROM spaces.posts WHERE id = '{post}'"
    ))
}
