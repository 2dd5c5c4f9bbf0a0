-- LinkUps: a small group that one person calls together, who is asked, and who is in.

CREATE TABLE linkups (
    id                        uuid         NOT NULL DEFAULT gen_random_uuid(),
    initiator_user_id         uuid         NOT NULL,
    region_id                 uuid         NOT NULL,
    state                     linkup_state NOT NULL DEFAULT 'draft',
    brief                     jsonb        NOT NULL,
    acceptance_window_ends_at timestamptz,
    event_time                timestamptz,
    venue                     jsonb,
    min_size                  int          NOT NULL DEFAULT 2,
    max_size                  int          NOT NULL DEFAULT 6,
    lock_version              int          NOT NULL DEFAULT 0,
    locked_at                 timestamptz,
    canceled_reason           text,
    correlation_id            uuid,
    linkup_create_key         text         NOT NULL,
    created_at                timestamptz  NOT NULL DEFAULT now(),
    updated_at                timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT linkups_pkey PRIMARY KEY (id),
    CONSTRAINT linkups_create_key_uniq UNIQUE (initiator_user_id, linkup_create_key),
    CONSTRAINT linkups_initiator_user_id_fkey FOREIGN KEY (initiator_user_id) REFERENCES users (id) ON DELETE RESTRICT,
    CONSTRAINT linkups_region_id_fkey FOREIGN KEY (region_id) REFERENCES regions (id) ON DELETE RESTRICT,
    CONSTRAINT linkups_size_check CHECK (2 <= min_size AND min_size <= max_size),
    CONSTRAINT linkups_locked_at_check CHECK ((state IN ('locked', 'completed')) <= (locked_at IS NOT NULL)),
    CONSTRAINT linkups_window_check CHECK ((state = 'broadcasting') <= (acceptance_window_ends_at IS NOT NULL))
);
COMMENT ON TABLE linkups IS 'A meeting of a small group, from the draft to its end; moved by functions alone.';
COMMENT ON COLUMN linkups.lock_version IS 'Counts the locks: lock_linkup is told the one that its caller has seen.';
COMMENT ON COLUMN linkups.brief IS 'What is planned; see valid_brief.';
CREATE INDEX linkups_region_state_idx ON linkups (region_id, state);
CREATE INDEX linkups_initiator_idx ON linkups (initiator_user_id);
CREATE INDEX linkups_window_idx ON linkups (acceptance_window_ends_at);
CREATE INDEX linkups_state_window_idx ON linkups (state, acceptance_window_ends_at);

CREATE TABLE linkup_invites (
    id                   uuid         NOT NULL DEFAULT gen_random_uuid(),
    linkup_id            uuid         NOT NULL,
    invited_user_id      uuid         NOT NULL,
    state                invite_state NOT NULL DEFAULT 'pending',
    offered_options      jsonb,
    selected_option      text,
    sent_at              timestamptz,
    responded_at         timestamptz,
    expires_at           timestamptz,
    closed_at            timestamptz,
    response_message_sid text,
    idempotency_key      text         NOT NULL,
    explainability       jsonb        NOT NULL DEFAULT '{}',
    created_at           timestamptz  NOT NULL DEFAULT now(),
    updated_at           timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT linkup_invites_pkey PRIMARY KEY (id),
    CONSTRAINT linkup_invites_once UNIQUE (linkup_id, invited_user_id),
    CONSTRAINT linkup_invites_idem_uniq UNIQUE (idempotency_key),
    CONSTRAINT linkup_invites_linkup_id_fkey FOREIGN KEY (linkup_id) REFERENCES linkups (id) ON DELETE CASCADE,
    CONSTRAINT linkup_invites_invited_user_id_fkey FOREIGN KEY (invited_user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT linkup_invites_explainability_check CHECK (jsonb_typeof(explainability) = 'object')
);
COMMENT ON TABLE linkup_invites IS 'Who is asked, once per LinkUp, and the answer.';
COMMENT ON COLUMN linkup_invites.explainability IS
    'Why this person: scores, reasons, and the filters passed and failed. For the service alone: a failed filter may tell of a block.';
CREATE INDEX linkup_invites_user_state_idx ON linkup_invites (invited_user_id, state);
CREATE INDEX linkup_invites_linkup_idx ON linkup_invites (linkup_id);
CREATE INDEX invites_linkup_state_idx ON linkup_invites (linkup_id, state);
CREATE INDEX linkup_invites_pending_expires_idx ON linkup_invites (expires_at) WHERE state = 'pending';

CREATE TABLE linkup_participants (
    id         uuid        NOT NULL DEFAULT gen_random_uuid(),
    linkup_id  uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    role       text        NOT NULL,
    status     text        NOT NULL DEFAULT 'confirmed',
    joined_at  timestamptz NOT NULL DEFAULT now(),
    left_at    timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT linkup_participants_pkey PRIMARY KEY (id),
    CONSTRAINT linkup_participants_once UNIQUE (linkup_id, user_id),
    CONSTRAINT linkup_participants_linkup_id_fkey FOREIGN KEY (linkup_id) REFERENCES linkups (id) ON DELETE CASCADE,
    CONSTRAINT linkup_participants_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT linkup_participants_role_check CHECK (role IN ('initiator', 'participant')),
    CONSTRAINT linkup_participants_status_check CHECK (status IN ('confirmed', 'canceled', 'no_show', 'attended'))
);
COMMENT ON TABLE linkup_participants IS 'Who is in, from the lock on.';
CREATE INDEX linkup_participants_linkup_idx ON linkup_participants (linkup_id);
CREATE INDEX linkup_participants_user_idx ON linkup_participants (user_id);
CREATE INDEX participants_linkup_status_idx ON linkup_participants (linkup_id, status);

CREATE TABLE linkup_reminders (
    id              uuid        NOT NULL DEFAULT gen_random_uuid(),
    linkup_id       uuid        NOT NULL,
    reminder_type   text        NOT NULL,
    scheduled_for   timestamptz NOT NULL,
    sent_at         timestamptz,
    status          text        NOT NULL DEFAULT 'pending',
    idempotency_key text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT linkup_reminders_pkey PRIMARY KEY (id),
    CONSTRAINT linkup_reminders_idem_uniq UNIQUE (idempotency_key),
    CONSTRAINT linkup_reminders_linkup_id_fkey FOREIGN KEY (linkup_id) REFERENCES linkups (id) ON DELETE CASCADE,
    CONSTRAINT linkup_reminders_status_check CHECK (status IN ('pending', 'sent', 'failed')),
    CONSTRAINT linkup_reminders_sent_at_check CHECK ((status = 'sent') = (sent_at IS NOT NULL))
);
COMMENT ON TABLE linkup_reminders IS 'What is to be said to the group and when, each once.';
CREATE INDEX linkup_reminders_sched_idx ON linkup_reminders (scheduled_for);
CREATE INDEX linkup_reminders_linkup_id_idx ON linkup_reminders (linkup_id);

-- Whose LinkUp it is: definer functions, because a policy that reads another table with policies
-- that read back would recurse.
CREATE OR REPLACE FUNCTION my_linkup_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH me (id) AS MATERIALIZED (SELECT @schema@.current_user_id())
    SELECT l.id FROM @schema@.linkups l JOIN me ON l.initiator_user_id = me.id
    UNION SELECT p.linkup_id FROM @schema@.linkup_participants p JOIN me ON p.user_id = me.id
    UNION SELECT i.linkup_id FROM @schema@.linkup_invites i JOIN me ON i.invited_user_id = me.id
          WHERE i.sent_at IS NOT NULL AND i.state IN ('pending', 'accepted')
$$;
COMMENT ON FUNCTION my_linkup_ids() IS
    'The LinkUps that the signed-in user initiated, takes part in, or holds an open or accepted invite to. Stable. For policies.';
CREATE OR REPLACE FUNCTION my_shared_linkup_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.linkup_id FROM @schema@.linkup_participants p WHERE p.user_id = @schema@.current_user_id()
$$;
COMMENT ON FUNCTION my_shared_linkup_ids() IS 'The LinkUps that the signed-in user is a participant of. Stable. For policies.';
CREATE OR REPLACE FUNCTION my_fellow_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT p.user_id
    FROM @schema@.linkup_participants mine
    JOIN @schema@.linkup_participants p ON p.linkup_id = mine.linkup_id
    JOIN @schema@.users u ON u.id = p.user_id
    WHERE mine.user_id = @schema@.current_user_id() AND u.deleted_at IS NULL
$$;
COMMENT ON FUNCTION my_fellow_ids() IS
    'Everybody who is not deleted in the LinkUps of the signed-in user, who is one of them. Stable. For policies.';
GRANT EXECUTE ON FUNCTION my_linkup_ids(), my_shared_linkup_ids(), my_fellow_ids() TO authenticated, service_role;

CREATE POLICY linkups_select_member ON linkups
    FOR SELECT TO authenticated USING (id = ANY (ARRAY(SELECT @schema@.my_linkup_ids())));
CREATE POLICY linkup_participants_select_member ON linkup_participants
    FOR SELECT TO authenticated
    USING (linkup_id = ANY (ARRAY(SELECT @schema@.my_shared_linkup_ids()))
           AND user_id = ANY (ARRAY(SELECT @schema@.my_fellow_ids())));
-- What was never sent does not exist for the person it was meant for.
CREATE POLICY linkup_invites_select_invited ON linkup_invites
    FOR SELECT TO authenticated
    USING (invited_user_id = (SELECT @schema@.current_user_id()) AND sent_at IS NOT NULL);
GRANT SELECT (id, linkup_id, invited_user_id, state, offered_options, selected_option, sent_at, responded_at,
              expires_at, closed_at, created_at, updated_at) ON linkup_invites TO authenticated;

CREATE OR REPLACE TRIGGER linkups_check_brief BEFORE INSERT OR UPDATE OF brief ON linkups
    FOR EACH ROW EXECUTE FUNCTION check_document('brief');
CREATE OR REPLACE TRIGGER linkups_by_function BEFORE UPDATE OF state, lock_version, locked_at ON linkups
    FOR EACH ROW WHEN ((OLD.state, OLD.lock_version, OLD.locked_at)
                       IS DISTINCT FROM (NEW.state, NEW.lock_version, NEW.locked_at))
    EXECUTE FUNCTION keep_to_functions('the state', 'broadcast, lock_linkup, cancel, complete or expire_due');
CREATE OR REPLACE TRIGGER linkups_keep_state BEFORE INSERT OR UPDATE OF state ON linkups
    FOR EACH ROW EXECUTE FUNCTION keep_state();
CREATE OR REPLACE TRIGGER linkups_record_creation AFTER INSERT ON linkups
    FOR EACH ROW EXECUTE FUNCTION record_move();
CREATE OR REPLACE TRIGGER linkups_record_move AFTER UPDATE OF state ON linkups
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION record_move();

CREATE OR REPLACE TRIGGER linkup_invites_by_function BEFORE UPDATE OF state, linkup_id, invited_user_id ON linkup_invites
    FOR EACH ROW WHEN ((OLD.state, OLD.linkup_id, OLD.invited_user_id)
                       IS DISTINCT FROM (NEW.state, NEW.linkup_id, NEW.invited_user_id))
    EXECUTE FUNCTION keep_to_functions('the state', 'accept_invite or decline_invite');
CREATE OR REPLACE TRIGGER linkup_invites_keep_state BEFORE INSERT OR UPDATE OF state ON linkup_invites
    FOR EACH ROW EXECUTE FUNCTION keep_state();
CREATE OR REPLACE TRIGGER linkup_invites_record_creation AFTER INSERT ON linkup_invites
    FOR EACH ROW EXECUTE FUNCTION record_move();
CREATE OR REPLACE TRIGGER linkup_invites_record_move AFTER UPDATE OF state ON linkup_invites
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION record_move();

CREATE OR REPLACE TRIGGER linkup_participants_by_function
    BEFORE INSERT OR UPDATE OF linkup_id, user_id, role ON linkup_participants
    FOR EACH ROW EXECUTE FUNCTION keep_to_functions('membership', 'lock_linkup');
