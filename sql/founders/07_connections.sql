-- Who knows whom, and who wants nothing to do with whom: one row for two people, whoever asked.

CREATE TABLE founder_connections (
    id           uuid        NOT NULL DEFAULT gen_random_uuid(),
    requester_id uuid        NOT NULL,
    recipient_id uuid        NOT NULL,
    status       text        NOT NULL DEFAULT 'pending',
    source       text        NOT NULL DEFAULT 'directory',
    blocked_by   uuid[]      NOT NULL DEFAULT '{}',
    declined_at  timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT founder_connections_pkey PRIMARY KEY (id),
    CONSTRAINT founder_connections_requester_id_recipient_id_key UNIQUE (requester_id, recipient_id),
    CONSTRAINT founder_connections_requester_id_fkey
        FOREIGN KEY (requester_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT founder_connections_recipient_id_fkey
        FOREIGN KEY (recipient_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT founder_connections_status_check
        CHECK (status IN ('pending', 'accepted', 'blocked', 'declined')),
    CONSTRAINT founder_connections_source_check
        CHECK (source IN ('directory', 'cohort', 'fred_suggestion', 'community')),
    CONSTRAINT founder_connections_blocked_by_check
        CHECK ((status = 'blocked') = (cardinality(blocked_by) > 0)
               AND blocked_by <@ ARRAY[requester_id, recipient_id]),
    CONSTRAINT founder_connections_declined_at_check
        CHECK (declined_at IS NULL OR status IN ('declined', 'blocked'))
);
COMMENT ON TABLE founder_connections IS
    'One row for two founders: asked for, accepted, declined or blocked (phase 52). Cancelling is deleting.';
COMMENT ON COLUMN founder_connections.requester_id IS 'Who asked, or blocked first.';
COMMENT ON COLUMN founder_connections.status IS
    'pending, then accepted or declined by the recipient; blocked by either, at any time.';
COMMENT ON COLUMN founder_connections.blocked_by IS
    'Which of the two block the other; both may. Only who blocks can unblock.';
COMMENT ON COLUMN founder_connections.declined_at IS
    'When the recipient declined; a block does not make it undone.';
CREATE INDEX founder_connections_recipient_id_idx ON founder_connections (recipient_id);
SELECT community_core.create_unordered_pair('founder_connections', 'requester_id', 'recipient_id');

CREATE POLICY founder_connections_select_party ON founder_connections
    FOR SELECT TO authenticated
    USING (requester_id = (SELECT auth.uid()) OR recipient_id = (SELECT auth.uid()));
CREATE POLICY founder_connections_insert_requester ON founder_connections
    FOR INSERT TO authenticated WITH CHECK (requester_id = (SELECT auth.uid()));
CREATE POLICY founder_connections_update_party ON founder_connections
    FOR UPDATE TO authenticated
    USING (requester_id = (SELECT auth.uid()) OR recipient_id = (SELECT auth.uid()))
    WITH CHECK (requester_id = (SELECT auth.uid()) OR recipient_id = (SELECT auth.uid()));
-- A block goes only by who made it; nobody ends the other's. Nor does who was declined remove that
-- and ask again.
CREATE POLICY founder_connections_delete_party ON founder_connections
    FOR DELETE TO authenticated
    USING ((requester_id = (SELECT auth.uid()) OR recipient_id = (SELECT auth.uid()))
           AND blocked_by <@ ARRAY[(SELECT auth.uid())]
           AND ((status <> 'declined' AND declined_at IS NULL) OR recipient_id = (SELECT auth.uid())));
GRANT INSERT (requester_id, recipient_id, source), UPDATE (status) ON founder_connections TO authenticated;

-- A message holds this lock shared and a block exclusively, so that no message slips in beside a
-- block. Pairs share 1,024 locks: a bulk load of messages must not fill the lock table.
CREATE OR REPLACE FUNCTION lock_pair(one uuid, other uuid, exclusively boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    family CONSTANT integer := pg_catalog.hashtext($name$@schema@.founder_connections$name$);
    pair   CONSTANT integer := pg_catalog.hashtext(LEAST(one, other)::text || GREATEST(one, other)::text) & 1023;
BEGIN
    IF exclusively THEN
        PERFORM pg_catalog.pg_advisory_xact_lock(family, pair);
    ELSE
        PERFORM pg_catalog.pg_advisory_xact_lock_shared(family, pair);
    END IF;
END;
$$;
COMMENT ON FUNCTION lock_pair(uuid, uuid, boolean) IS
    'Lets messages between two people and a block of one by the other happen one after the other. For triggers.';

CREATE OR REPLACE FUNCTION keep_connection_lifecycle() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    member CONSTANT uuid := auth.uid();
    before CONSTANT text := CASE WHEN TG_OP = 'UPDATE' THEN OLD.status ELSE 'none' END;
    actor  CONSTANT text := CASE member WHEN NEW.requester_id THEN 'requester'
                                        WHEN NEW.recipient_id THEN 'recipient' END;
    allowed boolean;
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.requester_id, OLD.recipient_id) <> (NEW.requester_id, NEW.recipient_id) THEN
        RAISE EXCEPTION 'connection % is between % and %, and stays so', OLD.id, OLD.requester_id, OLD.recipient_id
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Delete it and ask the other person.';
    END IF;
    IF before <> NEW.status OR NEW.status = 'blocked' THEN
        -- Who may take a connection from one status to another. Without a signed-in user the
        -- service acts for both sides.
        SELECT bool_or(member IS NULL OR move.by IS NOT DISTINCT FROM actor) INTO allowed
        FROM (VALUES
            ('none',     'pending',  'requester'),
            ('none',     'blocked',  'requester'),
            ('pending',  'accepted', 'recipient'),
            ('pending',  'declined', 'recipient'),
            ('pending',  'blocked',  'requester'),
            ('pending',  'blocked',  'recipient'),
            ('accepted', 'blocked',  'requester'),
            ('accepted', 'blocked',  'recipient'),
            ('declined', 'blocked',  'requester'),
            ('declined', 'blocked',  'recipient'),
            ('blocked',  'blocked',  'requester'),
            ('blocked',  'blocked',  'recipient'),
            ('blocked',  'declined', 'requester'),
            ('blocked',  'declined', 'recipient')
        ) AS move (from_status, to_status, by)
        WHERE move.from_status = before AND move.to_status = NEW.status
          -- The end of a block leaves a request declined only where it had been.
          AND (before <> 'blocked' OR NEW.status = 'blocked'
               OR (OLD.declined_at IS NOT NULL AND NEW.blocked_by = '{}'));
        IF allowed IS NULL THEN
            RAISE EXCEPTION 'a connection cannot go from % to %', before, NEW.status
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = 'It begins pending; it is then accepted, declined or blocked. To cancel a request or to end a connection, delete it.';
        ELSIF NOT allowed THEN
            RAISE EXCEPTION '% cannot take the connection between % and % from % to %',
                coalesce('its ' || actor, 'a stranger'), NEW.requester_id, NEW.recipient_id, before, NEW.status
                USING ERRCODE = 'insufficient_privilege',
                      HINT = 'The requester asks, the recipient accepts or declines, either blocks.';
        END IF;
    END IF;
    IF 'declined' IN (before, NEW.status) THEN
        NEW.declined_at := coalesce(OLD.declined_at, pg_catalog.now());
    END IF;
    IF NEW.status = 'blocked' THEN
        PERFORM @schema@.lock_pair(NEW.requester_id, NEW.recipient_id, true);
        IF member IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.blocked_by = OLD.blocked_by)
           AND member <> ALL (NEW.blocked_by) THEN
            NEW.blocked_by := NEW.blocked_by || member;
        END IF;
    END IF;
    IF NEW.source = 'fred_suggestion'
       AND (TG_OP = 'INSERT' OR OLD.source <> NEW.source
            OR (NEW.status = 'accepted' AND OLD.status <> 'accepted'))
       AND NOT (@schema@.has_consent(NEW.requester_id, 'investor_intros')
                AND @schema@.has_consent(NEW.recipient_id, 'investor_intros')) THEN
        RAISE EXCEPTION 'no suggested connection between % and %: not both consent to introductions',
            NEW.requester_id, NEW.recipient_id
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Both need consent of category investor_intros.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION keep_connection_lifecycle() IS
    'Trigger: a connection moves only along its lifecycle (55000), moved by who may move it (42501), and a suggested one needs the consent of both (42501).';
CREATE OR REPLACE TRIGGER founder_connections_keep_lifecycle
    BEFORE INSERT OR UPDATE ON founder_connections
    FOR EACH ROW EXECUTE FUNCTION keep_connection_lifecycle();

CREATE OR REPLACE FUNCTION request_connection(other uuid, source text DEFAULT 'directory')
RETURNS founder_connections
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    member     CONSTANT uuid := auth.uid();
    connection @schema@.founder_connections;
BEGIN
    IF member IS NULL THEN
        RAISE EXCEPTION 'nobody is signed in' USING ERRCODE = 'insufficient_privilege',
            HINT = 'Ask for a connection as the person who wants it.';
    END IF;
    LOOP
        BEGIN
            -- One statement: two people who ask each other at the same moment meet in one row.
            INSERT INTO @schema@.founder_connections AS c (requester_id, recipient_id, source)
            VALUES (member, request_connection.other, request_connection.source)
            ON CONFLICT (LEAST(requester_id, recipient_id), GREATEST(requester_id, recipient_id)) DO UPDATE
            SET status = CASE WHEN c.status = 'pending' AND c.recipient_id = excluded.requester_id
                              THEN 'accepted' ELSE c.status END
            WHERE c.status <> 'blocked'
            RETURNING c.* INTO connection;
            EXIT;
        EXCEPTION WHEN unique_violation THEN
            -- ON CONFLICT minds the index it names. The same request, sent twice at once, can meet
            -- the other key first; then the row is there, and the next round finds it.
        END;
    END LOOP;
    IF connection.id IS NULL THEN
        RAISE EXCEPTION 'no connection with %: one of you has blocked the other', other
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Who blocked can take it back with unblock_member.';
    ELSIF connection.status = 'declined' THEN
        RAISE EXCEPTION 'no connection with %: an earlier request was declined', other
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Whoever declined it can delete it; then a new one can be made.';
    END IF;
    RETURN connection;
END;
$$;
COMMENT ON FUNCTION request_connection(uuid, text) IS
    'Asks another person for a connection; if they asked already, this accepts. Asking twice changes nothing. other: whom; source: directory, cohort, fred_suggestion or community. Returns the row. Volatile. Errors: 23514 oneself, 42501 not signed in, blocked or no consent, 55000 declined before. Example: SELECT status FROM request_connection(''0199a7c2-0000-7000-8000-000000000002'')';
GRANT EXECUTE ON FUNCTION request_connection(uuid, text) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION block_member(other uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    member CONSTANT uuid := auth.uid();
BEGIN
    IF member IS NULL THEN
        RAISE EXCEPTION 'nobody is signed in' USING ERRCODE = 'insufficient_privilege',
            HINT = 'Block as the person who wants it.';
    END IF;
    LOOP
        BEGIN
            INSERT INTO @schema@.founder_connections AS c (requester_id, recipient_id, status)
            VALUES (member, block_member.other, 'blocked')
            ON CONFLICT (LEAST(requester_id, recipient_id), GREATEST(requester_id, recipient_id))
            DO UPDATE SET status = 'blocked';
            RETURN;
        EXCEPTION WHEN unique_violation THEN
            -- As in request_connection.
        END;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION block_member(uuid) IS
    'Blocks another person: no connection and no message between the two, until who blocked takes it back. Blocking twice changes nothing. Volatile. Errors: 23514 oneself, 42501 not signed in. Example: SELECT block_member(''0199a7c2-0000-7000-8000-000000000002'')';
GRANT EXECUTE ON FUNCTION block_member(uuid) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION unblock_member(other uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    member CONSTANT uuid := auth.uid();
BEGIN
    UPDATE @schema@.founder_connections c SET blocked_by = pg_catalog.array_remove(c.blocked_by, member)
    WHERE LEAST(c.requester_id, c.recipient_id) = LEAST(member, other)
      AND GREATEST(c.requester_id, c.recipient_id) = GREATEST(member, other)
      AND member = ANY (c.blocked_by) AND pg_catalog.cardinality(c.blocked_by) = 2;
    IF FOUND THEN
        RETURN true;
    END IF;
    UPDATE @schema@.founder_connections c SET blocked_by = '{}', status = 'declined'
    WHERE LEAST(c.requester_id, c.recipient_id) = LEAST(member, other)
      AND GREATEST(c.requester_id, c.recipient_id) = GREATEST(member, other)
      AND c.blocked_by = ARRAY[member] AND c.declined_at IS NOT NULL;
    IF FOUND THEN
        RETURN true;
    END IF;
    DELETE FROM @schema@.founder_connections c
    WHERE LEAST(c.requester_id, c.recipient_id) = LEAST(member, other)
      AND GREATEST(c.requester_id, c.recipient_id) = GREATEST(member, other)
      AND c.blocked_by = ARRAY[member];
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION unblock_member(uuid) IS
    'Takes one''s own block of another person back; the other''s block stays, and without one the two are strangers again, or the request is declined again if it was. Returns whether there was one. Volatile. Example: SELECT unblock_member(''0199a7c2-0000-7000-8000-000000000002'')';
GRANT EXECUTE ON FUNCTION unblock_member(uuid) TO authenticated, service_role;
