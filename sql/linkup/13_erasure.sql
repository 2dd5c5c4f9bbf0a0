-- What is only for a while: links into the dashboard, the bodies of messages, and people who leave.

CREATE TABLE magic_links (
    id          uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id     uuid        NOT NULL,
    token_hash  text        NOT NULL,
    purpose     text        NOT NULL,
    linkup_id   uuid,
    expires_at  timestamptz NOT NULL,
    consumed_at timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT magic_links_pkey PRIMARY KEY (id),
    CONSTRAINT magic_links_token_uniq UNIQUE (token_hash),
    CONSTRAINT magic_links_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT magic_links_linkup_id_fkey FOREIGN KEY (linkup_id) REFERENCES linkups (id) ON DELETE CASCADE,
    CONSTRAINT magic_links_token_hash_check CHECK (token_hash ~ '^[0-9a-f]{64}$')
);
COMMENT ON TABLE magic_links IS 'Links that sign in once. Only the hash of the token is kept.';
CREATE INDEX magic_links_user_idx ON magic_links (user_id);
CREATE INDEX magic_links_expires_idx ON magic_links (expires_at);
CREATE INDEX magic_links_linkup_id_idx ON magic_links (linkup_id);

CREATE OR REPLACE FUNCTION consume_magic_link(token_hash text, purpose text)
RETURNS TABLE (user_id uuid, linkup_id uuid)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE @schema@.magic_links m SET consumed_at = now()
    FROM @schema@.users u
    WHERE m.token_hash = consume_magic_link.token_hash AND m.purpose = consume_magic_link.purpose
      AND m.consumed_at IS NULL AND m.expires_at > now()
      AND u.id = m.user_id AND u.state NOT IN ('suspended', 'deleted')
    RETURNING m.user_id, m.linkup_id
$$;
COMMENT ON FUNCTION consume_magic_link(text, text) IS
    'Uses a link up, once: the row says whose it was and what it opens; no row where it is unknown, used, expired, for another purpose, or its user suspended or deleted. token_hash: 64 hex digits. Volatile. Example: SELECT user_id FROM consume_magic_link(encode(sha256(''token''), ''hex''), ''dashboard'')';
GRANT EXECUTE ON FUNCTION consume_magic_link(text, text) TO service_role;

-- What leaves by itself. A policy that stands is left as the database's owner set it.
SELECT community_core.create_retention_policy('sms_messages', 'created_at', '90 days', 'null',
    '["body_ciphertext", "body_iv", "body_tag"]')
WHERE NOT community_core.has_retention_policy('sms_messages', 'null_created_at');
SELECT community_core.create_retention_policy('sms_outbound_jobs', 'created_at', '90 days', 'null',
    '["body_ciphertext", "body_iv", "body_tag"]', condition => 'status <> ''pending''')
WHERE NOT community_core.has_retention_policy('sms_outbound_jobs', 'null_created_at');
SELECT community_core.create_retention_policy('otp_sessions', 'expires_at', '30 days', 'delete')
WHERE NOT community_core.has_retention_policy('otp_sessions', 'delete_expires_at');
SELECT community_core.create_retention_policy('magic_links', 'expires_at', '30 days', 'delete')
WHERE NOT community_core.has_retention_policy('magic_links', 'delete_expires_at');

CREATE OR REPLACE FUNCTION erase_user(user_id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    person @schema@.users;
    gone   CONSTANT text := 'deleted:' || erase_user.user_id;
    open_linkup uuid;
    known_hash  text;
BEGIN
    -- The LinkUps first, as everywhere: what is being locked or answered waits, and then sees that
    -- the person is gone.
    PERFORM FROM @schema@.linkups l
    WHERE l.state IN ('draft', 'broadcasting', 'locked')
      AND (l.initiator_user_id = erase_user.user_id
           OR EXISTS (SELECT FROM @schema@.linkup_invites i
                      WHERE i.linkup_id = l.id AND i.invited_user_id = erase_user.user_id)
           OR EXISTS (SELECT FROM @schema@.linkup_participants p
                      WHERE p.linkup_id = l.id AND p.user_id = erase_user.user_id))
    ORDER BY l.id FOR NO KEY UPDATE;
    SELECT u.* INTO person FROM @schema@.users u WHERE u.id = erase_user.user_id FOR NO KEY UPDATE;
    IF NOT FOUND OR person.state = 'deleted' THEN
        RETURN false;
    END IF;
    -- Other people are not left waiting.
    FOR open_linkup IN
        SELECT l.id FROM @schema@.linkups l
        WHERE l.initiator_user_id = person.id AND l.state IN ('draft', 'broadcasting', 'locked')
          AND (l.state <> 'locked' OR l.event_time IS NULL OR l.event_time > now())
        ORDER BY l.id
    LOOP
        UPDATE @schema@.linkups l SET state = 'canceled', canceled_reason = 'the initiator left' WHERE l.id = open_linkup;
        PERFORM @schema@.close_linkup(open_linkup, 'closed');
    END LOOP;
    UPDATE @schema@.linkup_invites i SET state = 'closed', closed_at = now()
    FROM @schema@.linkups l
    WHERE l.id = i.linkup_id AND i.invited_user_id = person.id
      AND (i.state = 'pending' OR (i.state = 'accepted' AND l.state = 'broadcasting'));
    UPDATE @schema@.linkup_invites i SET explainability = '{}', offered_options = NULL, selected_option = NULL
    WHERE i.invited_user_id = person.id;
    UPDATE @schema@.linkup_participants p SET status = 'canceled', left_at = now()
    WHERE p.user_id = person.id AND p.status = 'confirmed';

    -- What is about the person alone goes.
    DELETE FROM @schema@.auth_user_map m WHERE m.user_id = person.id;
    DELETE FROM @schema@.otp_sessions o WHERE o.user_id = person.id;
    DELETE FROM @schema@.magic_links m WHERE m.user_id = person.id;
    DELETE FROM @schema@.conversation_sessions c WHERE c.user_id = person.id;
    -- The choices first: a match that is being made is waited for, and then found.
    DELETE FROM @schema@.contact_exchange_choices c WHERE person.id IN (c.chooser_user_id, c.target_user_id);
    DELETE FROM @schema@.contact_exchanges e WHERE person.id IN (e.user_a_id, e.user_b_id);
    DELETE FROM @schema@.user_blocks b WHERE person.id IN (b.blocker_user_id, b.blocked_user_id);
    UPDATE @schema@.linkup_outcomes o SET feedback = NULL WHERE o.user_id = person.id AND o.feedback IS NOT NULL;
    UPDATE @schema@.profiles p
    SET state = 'empty', fingerprint = '{}', activity_patterns = '[]', boundaries = '{}', preferences = '{}',
        active_intent = NULL, last_interview_step = NULL
    WHERE p.user_id = person.id;
    DELETE FROM @schema@.profile_events e WHERE e.user_id = person.id;
    UPDATE @schema@.message_events e SET payload = '{}' WHERE e.user_id = person.id;
    UPDATE @schema@.sms_messages m
    SET body_ciphertext = NULL, body_iv = NULL, body_tag = NULL,
        from_e164 = CASE m.from_e164 WHEN person.phone_e164 THEN gone ELSE m.from_e164 END,
        to_e164 = CASE m.to_e164 WHEN person.phone_e164 THEN gone ELSE m.to_e164 END
    WHERE m.user_id = person.id OR person.phone_e164 IN (m.from_e164, m.to_e164);
    UPDATE @schema@.sms_outbound_jobs j
    SET body_ciphertext = NULL, body_iv = NULL, body_tag = NULL, to_e164 = gone,
        status = CASE j.status WHEN 'pending' THEN 'failed' ELSE j.status END,
        last_error = CASE j.status WHEN 'pending' THEN 'the user left' ELSE j.last_error END
    WHERE j.user_id = person.id OR j.to_e164 = person.phone_e164;
    UPDATE @schema@.entitlements e SET eligible_to_participate = false, eligible_to_initiate = false
    WHERE e.user_id = person.id;
    UPDATE @schema@.region_memberships m SET released_at = GREATEST(now(), m.joined_at)
    WHERE m.user_id = person.id AND m.released_at IS NULL;

    -- What safety and accounting need stays: strikes, holds, incidents, reports, billing, and for
    -- somebody who has been held or struck the hash of the phone, so that they do not come back as new.
    IF EXISTS (SELECT FROM @schema@.user_strikes s WHERE s.user_id = person.id)
       OR EXISTS (SELECT FROM @schema@.safety_holds h WHERE h.user_id = person.id AND h.state <> 'none')
       OR EXISTS (SELECT FROM @schema@.safety_incidents i WHERE i.user_id = person.id AND i.status <> 'resolved') THEN
        known_hash := person.phone_hash;
    ELSE
        UPDATE @schema@.safety_reports r SET reporter_phone_hash = NULL
        WHERE r.reporter_phone_hash IS NOT NULL AND (r.reporter_user_id = person.id OR r.reporter_phone_hash = person.phone_hash);
        UPDATE @schema@.safety_incidents i SET reporter_phone_hash = NULL
        WHERE i.reporter_phone_hash IS NOT NULL AND (i.reporter_user_id = person.id OR i.reporter_phone_hash = person.phone_hash);
    END IF;
    UPDATE @schema@.users u
    SET state = 'deleted', first_name = 'Deleted', last_name = 'User', birthday = '1900-01-01', email = NULL,
        phone_e164 = gone, region_id = NULL,
        phone_hash = coalesce(known_hash,
            pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(gone, 'UTF8')), 'hex'))
    WHERE u.id = person.id;
    PERFORM community_core.erase_audit_subject(person.id);
    PERFORM @schema@.log_admin_action('delete_user', 'users', person.id);
    RETURN true;
END;
$$;
COMMENT ON FUNCTION erase_user(uuid) IS
    'Soft-deletes a user and erases what may go. Returns false where there is no such user any more. Volatile. For delete_user.';

CREATE OR REPLACE FUNCTION delete_user(user_id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.require_self(user_id);
    RETURN @schema@.erase_user(user_id);
END;
$$;
COMMENT ON FUNCTION delete_user(uuid) IS
    'Soft-deletes a user, as that user or as the service: what is about the person alone is erased, also from the audit logs; open LinkUps of the person''s are canceled; what safety and accounting need stays without a name. Returns false where there is no such user any more. Volatile. Errors: 42501. Example: SELECT delete_user(id) FROM users LIMIT 1';
GRANT EXECUTE ON FUNCTION delete_user(uuid) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION delete_user_of_account() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.erase_user(m.user_id) FROM @schema@.auth_user_map m WHERE m.auth_user_id = OLD.id;
    RETURN OLD;
END;
$$;
COMMENT ON FUNCTION delete_user_of_account() IS 'Trigger on auth.users: with an account goes the user it signs in.';
CREATE OR REPLACE TRIGGER "@schema:raw@_delete_user_of_account"
    BEFORE DELETE ON auth.users
    FOR EACH ROW EXECUTE FUNCTION delete_user_of_account();
