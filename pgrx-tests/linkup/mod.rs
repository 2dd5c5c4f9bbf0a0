//! Claims about the linkup module, one file per topic, and the access matrix. What needs two
//! sessions is in `sessions/linkup.rs`.

mod access;
mod admin;
mod billing;
mod contacts;
mod invites;
mod leaving;
mod meetings;
mod messages;
mod profiles;
mod safety;
mod schema;
mod story;
mod users;

use super::request::{As, be, outcome, run, run_as, text, text_as};

/// A user and the account that signs in as that user.
pub struct Member {
    pub id: String,
    pub account: String,
}

impl Member {
    pub fn signed_in(&self) -> As<'_> {
        As::Person(&self.account)
    }
}

/// A region of a test's own.
pub fn region() -> String {
    be(As::Owner);
    text(
        "INSERT INTO linkup.regions (slug, display_name, state, geometry)
         VALUES (gen_random_uuid()::text, 'A town', 'open', '{}') RETURNING id::text",
    )
}

/// A phone number nobody else has.
pub fn phone() -> String {
    text(
        "SELECT '+1' || lpad((('x' || substr(md5(gen_random_uuid()::text), 1, 8))::bit(32)::bigint)::text, 10, '2')",
    )
}

/// Somebody who has registered, and no more.
pub fn registered() -> Member {
    be(As::Owner);
    let phone = phone();
    let id = text(&format!(
        "INSERT INTO linkup.users (phone_e164, phone_hash, first_name, last_name, birthday,
             sms_consent, age_consent, terms_consent, privacy_consent)
         VALUES ('{phone}', linkup.phone_hash('{phone}', 'pepper'), 'Ada', 'L', '1990-01-01',
             true, true, true, true) RETURNING id::text"
    ));
    let account = text("INSERT INTO auth.users DEFAULT VALUES RETURNING id::text");
    run(&format!(
        "INSERT INTO linkup.auth_user_map (auth_user_id, user_id) VALUES ('{account}', '{id}')"
    ));
    Member { id, account }
}

/// Somebody who may take part and initiate in the region.
pub fn member(region: &str) -> Member {
    let member = registered();
    let id = &member.id;
    for state in ["verified", "interviewing", "active"] {
        run(&format!(
            "UPDATE linkup.users SET state = '{state}' WHERE id = '{id}'"
        ));
    }
    run(&format!(
        "INSERT INTO linkup.region_memberships (user_id, region_id, status)
         VALUES ('{id}', '{region}', 'active');
         INSERT INTO linkup.entitlements (user_id, eligible_to_participate, eligible_to_initiate)
         VALUES ('{id}', true, true)"
    ));
    member
}

/// A draft of the member's; min and max as given. It takes place at `event_time`, an SQL expression.
pub fn draft(initiator: &Member, region: &str, sizes: (i32, i32), event_time: &str) -> String {
    be(As::Service);
    let id = text(&format!(
        "SELECT id::text FROM linkup.create_linkup('{}', '{region}',
             '{{\"activity_key\": \"coffee\", \"time_window\": \"SAT_MORNING\",
                \"group_size\": {{\"min\": {}, \"max\": {}}}}}',
             gen_random_uuid()::text, {event_time}, now() + interval '1 hour')",
        initiator.id, sizes.0, sizes.1
    ));
    be(As::Owner);
    id
}

/// Invites a member; the invite's id.
pub fn invite(linkup: &str, member: &Member) -> String {
    text_as(
        As::Service,
        &format!(
            "SELECT id::text FROM linkup.invite_user('{linkup}', '{}', gen_random_uuid()::text)",
            member.id
        ),
    )
}

pub fn broadcast(linkup: &str) {
    run_as(As::Service, &format!("SELECT linkup.broadcast('{linkup}')"));
}

pub fn accept(invite: &str) -> String {
    text_as(
        As::Service,
        &format!("SELECT linkup.accept_invite('{invite}')::text"),
    )
}

pub fn lock(linkup: &str) -> String {
    outcome(
        As::Service,
        &format!("SELECT linkup.lock_linkup('{linkup}', 0)"),
    )
}

/// A locked LinkUp that has taken place an hour ago and that all of them attended.
pub fn meeting(region: &str, members: &[&Member]) -> String {
    let linkup = draft(members[0], region, (2, 6), "now() - interval '1 hour'");
    let invites: Vec<_> = members[1..]
        .iter()
        .map(|member| invite(&linkup, member))
        .collect();
    broadcast(&linkup);
    for invite in &invites {
        assert_eq!(accept(invite), "accepted");
    }
    run_as(
        As::Service,
        &format!("SELECT linkup.lock_linkup('{linkup}', 0)"),
    );
    for member in members {
        run_as(
            member.signed_in(),
            &format!(
                "INSERT INTO linkup.linkup_outcomes (linkup_id, user_id, attendance_response)
                 VALUES ('{linkup}', '{}', 'attended')",
                member.id
            ),
        );
    }
    linkup
}

/// As the chooser: yes or no to the target.
pub fn choose(linkup: &str, chooser: &Member, target: &Member, yes: bool) {
    run_as(
        chooser.signed_in(),
        &format!(
            "INSERT INTO linkup.contact_exchange_choices (linkup_id, chooser_user_id, target_user_id, choice)
             VALUES ('{linkup}', '{}', '{}', {yes})
             ON CONFLICT (linkup_id, chooser_user_id, target_user_id) DO UPDATE SET choice = excluded.choice",
            chooser.id, target.id
        ),
    );
}

pub fn count(sql: &str) -> String {
    text(&format!("SELECT count(*)::text FROM {sql}"))
}

/// The SQLSTATE and the message a statement fails with.
pub fn failure(who: As, sql: &str) -> (String, String) {
    be(As::Owner);
    run(
        "CREATE OR REPLACE FUNCTION pg_temp.failure(sql text) RETURNS text LANGUAGE plpgsql AS $$
         DECLARE message text; state text; hint text;
         BEGIN
             EXECUTE sql;
             RETURN '00000 ';
         EXCEPTION WHEN OTHERS THEN
             GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, state = RETURNED_SQLSTATE,
                                     hint = PG_EXCEPTION_HINT;
             RETURN state || ' ' || message || ' ' || hint;
         END $$",
    );
    let said = text_as(who, &format!("SELECT pg_temp.failure($sql${sql}$sql$)"));
    let (state, message) = said.split_once(' ').expect("a state and a message");
    (state.to_owned(), message.to_owned())
}

pub fn state(linkup: &str) -> String {
    text(&format!(
        "SELECT state::text FROM linkup.linkups WHERE id = '{linkup}'"
    ))
}

pub fn invite_state(invite: &str) -> String {
    text(&format!(
        "SELECT state::text FROM linkup.linkup_invites WHERE id = '{invite}'"
    ))
}

pub fn failed_filters(invite: &str) -> String {
    text(&format!(
        "SELECT explainability #>> '{{filters,failed}}' FROM linkup.linkup_invites WHERE id = '{invite}'"
    ))
}
