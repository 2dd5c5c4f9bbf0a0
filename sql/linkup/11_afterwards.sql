-- After the meeting: who was there, how it was, and who wants to stay in touch with whom.

CREATE TABLE linkup_outcomes (
    id                  uuid        NOT NULL DEFAULT gen_random_uuid(),
    linkup_id           uuid        NOT NULL,
    user_id             uuid        NOT NULL,
    attendance_response text,
    do_again            boolean,
    feedback            text,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT linkup_outcomes_pkey PRIMARY KEY (id),
    CONSTRAINT linkup_outcomes_once UNIQUE (linkup_id, user_id),
    CONSTRAINT linkup_outcomes_linkup_id_fkey FOREIGN KEY (linkup_id) REFERENCES linkups (id) ON DELETE CASCADE,
    CONSTRAINT linkup_outcomes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT linkup_outcomes_attendance_response_check
        CHECK (attendance_response IN ('attended', 'no_show', 'unsure'))
);
COMMENT ON TABLE linkup_outcomes IS 'What each participant says afterwards. Nobody else of the group sees it.';
CREATE INDEX linkup_outcomes_linkup_idx ON linkup_outcomes (linkup_id);
CREATE INDEX linkup_outcomes_user_id_idx ON linkup_outcomes (user_id);
CREATE POLICY linkup_outcomes_select_own ON linkup_outcomes
    FOR SELECT TO authenticated USING (user_id = (SELECT @schema@.current_user_id()));
CREATE POLICY linkup_outcomes_insert_own ON linkup_outcomes
    FOR INSERT TO authenticated WITH CHECK (user_id = (SELECT @schema@.current_user_id()));
CREATE POLICY linkup_outcomes_update_own ON linkup_outcomes
    FOR UPDATE TO authenticated
    USING (user_id = (SELECT @schema@.current_user_id()))
    WITH CHECK (user_id = (SELECT @schema@.current_user_id()));
-- The key columns too: a client's upsert sets every column it sends.
GRANT INSERT (linkup_id, user_id, attendance_response, do_again, feedback),
      UPDATE (linkup_id, user_id, attendance_response, do_again, feedback) ON linkup_outcomes TO authenticated;

CREATE OR REPLACE FUNCTION admit_outcome() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Row security judges after this trigger, whose answer would tell a stranger who was there.
    PERFORM @schema@.require_self(NEW.user_id);
    IF NOT EXISTS (
        SELECT FROM @schema@.linkup_participants p JOIN @schema@.linkups l ON l.id = p.linkup_id
        WHERE p.linkup_id = NEW.linkup_id AND p.user_id = NEW.user_id AND p.status <> 'canceled'
          AND l.state IN ('locked', 'completed') AND l.event_time <= now()) THEN
        RAISE EXCEPTION 'user % was not in LinkUp %, or it has not taken place yet', NEW.user_id, NEW.linkup_id
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Participants say how it was, after its event_time.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION admit_outcome() IS
    'Trigger: outcomes come from participants, after the event (55000).';
CREATE OR REPLACE TRIGGER linkup_outcomes_admit BEFORE INSERT OR UPDATE ON linkup_outcomes
    FOR EACH ROW EXECUTE FUNCTION admit_outcome();

CREATE OR REPLACE FUNCTION mark_attendance() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.linkup_participants p SET status = NEW.attendance_response
    WHERE p.linkup_id = NEW.linkup_id AND p.user_id = NEW.user_id AND p.status <> NEW.attendance_response;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION mark_attendance() IS 'Trigger: a participant''s own answer sets attended or no_show; unsure leaves it open.';
CREATE OR REPLACE TRIGGER linkup_outcomes_mark_attendance AFTER INSERT OR UPDATE ON linkup_outcomes
    FOR EACH ROW WHEN (NEW.attendance_response IN ('attended', 'no_show')) EXECUTE FUNCTION mark_attendance();

CREATE TABLE contact_exchange_choices (
    id              uuid        NOT NULL DEFAULT gen_random_uuid(),
    linkup_id       uuid        NOT NULL,
    chooser_user_id uuid        NOT NULL,
    target_user_id  uuid        NOT NULL,
    choice          boolean     NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT contact_exchange_choices_pkey PRIMARY KEY (id),
    CONSTRAINT contact_choice_once UNIQUE (linkup_id, chooser_user_id, target_user_id),
    CONSTRAINT contact_exchange_choices_linkup_id_fkey
        FOREIGN KEY (linkup_id) REFERENCES linkups (id) ON DELETE CASCADE,
    CONSTRAINT contact_exchange_choices_chooser_user_id_fkey
        FOREIGN KEY (chooser_user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT contact_exchange_choices_target_user_id_fkey
        FOREIGN KEY (target_user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT contact_exchange_choices_self_check CHECK (chooser_user_id <> target_user_id)
);
COMMENT ON TABLE contact_exchange_choices IS
    'Whether each attendee wants to stay in touch with each other. Only the chooser sees a choice.';
CREATE INDEX contact_choices_chooser_idx ON contact_exchange_choices (chooser_user_id);
CREATE INDEX contact_exchange_choices_target_user_id_idx ON contact_exchange_choices (target_user_id);
CREATE POLICY contact_exchange_choices_select_own ON contact_exchange_choices
    FOR SELECT TO authenticated USING (chooser_user_id = (SELECT @schema@.current_user_id()));
CREATE POLICY contact_exchange_choices_insert_own ON contact_exchange_choices
    FOR INSERT TO authenticated WITH CHECK (chooser_user_id = (SELECT @schema@.current_user_id()));
CREATE POLICY contact_exchange_choices_update_own ON contact_exchange_choices
    FOR UPDATE TO authenticated
    USING (chooser_user_id = (SELECT @schema@.current_user_id()))
    WITH CHECK (chooser_user_id = (SELECT @schema@.current_user_id()));
GRANT INSERT (linkup_id, chooser_user_id, target_user_id, choice),
      UPDATE (linkup_id, chooser_user_id, target_user_id, choice) ON contact_exchange_choices TO authenticated;

CREATE OR REPLACE FUNCTION admit_contact_choice() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.require_self(NEW.chooser_user_id);
    IF TG_OP = 'UPDATE' AND (OLD.linkup_id, OLD.chooser_user_id, OLD.target_user_id)
                            <> (NEW.linkup_id, NEW.chooser_user_id, NEW.target_user_id) THEN
        RAISE EXCEPTION 'choice % is about user %, and stays so', OLD.id, OLD.target_user_id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Make another choice for another person.';
    END IF;
    -- Whoever said yes can say no, also once the other is no longer among the attendees.
    IF NOT NEW.choice AND EXISTS (
        SELECT FROM @schema@.contact_exchange_choices c
        WHERE c.linkup_id = NEW.linkup_id AND c.chooser_user_id = NEW.chooser_user_id
          AND c.target_user_id = NEW.target_user_id) THEN
        RETURN NEW;
    END IF;
    -- What a block writes: see announce_block. Before the row of the pair, as everywhere.
    PERFORM FROM @schema@.users u WHERE u.id IN (NEW.chooser_user_id, NEW.target_user_id) ORDER BY u.id FOR SHARE;
    -- The same words whatever is missing, and none about blocks.
    IF (SELECT pg_catalog.count(*) FROM @schema@.linkup_participants p JOIN @schema@.linkups l ON l.id = p.linkup_id
        WHERE p.linkup_id = NEW.linkup_id AND p.user_id IN (NEW.chooser_user_id, NEW.target_user_id)
          AND p.status = 'attended' AND l.state IN ('locked', 'completed') AND l.event_time <= now()) <> 2 THEN
        RAISE EXCEPTION 'users % and % did not both attend LinkUp %', NEW.chooser_user_id, NEW.target_user_id, NEW.linkup_id
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Attendees choose about one another, after the event.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION admit_contact_choice() IS
    'Trigger: choices are made among attendees, about one another (55000), and a yes can always be taken back.';
CREATE OR REPLACE TRIGGER contact_exchange_choices_admit BEFORE INSERT OR UPDATE ON contact_exchange_choices
    FOR EACH ROW EXECUTE FUNCTION admit_contact_choice();

CREATE TABLE contact_exchanges (
    id          uuid        NOT NULL DEFAULT gen_random_uuid(),
    linkup_id   uuid        NOT NULL,
    user_a_id   uuid        NOT NULL,
    user_b_id   uuid        NOT NULL,
    revealed_at timestamptz NOT NULL DEFAULT now(),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT contact_exchanges_pkey PRIMARY KEY (id),
    CONSTRAINT contact_exchange_pair_once UNIQUE (linkup_id, user_a_id, user_b_id),
    CONSTRAINT contact_exchanges_linkup_id_fkey FOREIGN KEY (linkup_id) REFERENCES linkups (id) ON DELETE CASCADE,
    CONSTRAINT contact_exchanges_user_a_id_fkey FOREIGN KEY (user_a_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT contact_exchanges_user_b_id_fkey FOREIGN KEY (user_b_id) REFERENCES users (id) ON DELETE CASCADE
);
COMMENT ON TABLE contact_exchanges IS 'Who may reach whom: one row, in canonical order, when both said yes and not before.';
CREATE INDEX contact_exchanges_user_a_id_idx ON contact_exchanges (user_a_id);
CREATE INDEX contact_exchanges_user_b_id_idx ON contact_exchanges (user_b_id);
CREATE POLICY contact_exchanges_select_party ON contact_exchanges
    FOR SELECT TO authenticated
    USING (user_a_id = (SELECT @schema@.current_user_id()) OR user_b_id = (SELECT @schema@.current_user_id()));
CREATE OR REPLACE TRIGGER contact_exchanges_by_function BEFORE INSERT OR UPDATE ON contact_exchanges
    FOR EACH ROW EXECUTE FUNCTION keep_to_functions('a contact exchange', 'nothing: two mutual choices make it');

CREATE OR REPLACE FUNCTION withhold_blocked_exchange() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- No error: it would tell who is blocked.
    IF @schema@.is_blocked(NEW.user_a_id, NEW.user_b_id) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION withhold_blocked_exchange() IS
    'Trigger: where one of the two blocks the other, two yeses make no exchange, and nobody is told.';
CREATE OR REPLACE TRIGGER contact_exchanges_withhold_blocked BEFORE INSERT ON contact_exchanges
    FOR EACH ROW EXECUTE FUNCTION withhold_blocked_exchange();

SELECT community_core.create_canonical_pair('contact_exchanges', 'user_a_id', 'user_b_id');
SELECT community_core.create_mutual_choice(
    choices => 'contact_exchange_choices', scope => '{linkup_id}', chooser => 'chooser_user_id',
    target => 'target_user_id', choice => 'choice', matches => 'contact_exchanges');
