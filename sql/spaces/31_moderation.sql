-- What sanctions do to content, and how a report ends.

CREATE OR REPLACE FUNCTION lock_content(target_type text, target_id uuid)
RETURNS TABLE (space_id uuid, author_id uuid, state text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF target_type NOT IN ('post', 'answer', 'comment') THEN
        RAISE EXCEPTION 'there is no content of type "%"', target_type
            USING ERRCODE = 'invalid_parameter_value', HINT = 'The types are post, answer and comment.';
    END IF;
    RETURN QUERY EXECUTE pg_catalog.format(
        'SELECT t.space_id, t.author_id, t.state FROM @schema@.%I t WHERE t.id = $1 FOR NO KEY UPDATE',
        target_type || 's')
        USING target_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no % %', target_type, target_id
            USING ERRCODE = 'undefined_object', HINT = 'It may have been deleted.';
    END IF;
END;
$$;
COMMENT ON FUNCTION lock_content(text, uuid) IS
    'Where a post, answer or comment is, whose, and its state, locked until the end of the transaction. Volatile. Errors: 22023 another type, 42704 there is none. For the functions of moderation.';

CREATE OR REPLACE FUNCTION set_content_state(
    target_type text, target_id uuid, state text, hidden_until timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE pg_catalog.format(
        'UPDATE @schema@.%I t SET state = $2, hidden_until = $3
         WHERE t.id = $1 AND t.state <> ''deleted'' AND (t.state, t.hidden_until) IS DISTINCT FROM ($2, $3)',
        target_type || 's')
        USING target_id, state, hidden_until;
END;
$$;
COMMENT ON FUNCTION set_content_state(text, uuid, text, timestamptz) IS
    'Gives content a state, unless its author deleted it. Volatile. For the functions of moderation, which have locked it.';

CREATE OR REPLACE FUNCTION follow_content_sanction() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    content record;
    holds   record;
BEGIN
    SELECT * INTO content FROM @schema@.lock_content(NEW.target_type, NEW.target_id);
    IF TG_OP = 'INSERT' AND (content.space_id <> NEW.space_id OR content.author_id IS DISTINCT FROM NEW.profile_id) THEN
        RAISE EXCEPTION '% % is not of % in space %', NEW.target_type, NEW.target_id, NEW.profile_id, NEW.space_id
            USING ERRCODE = 'foreign_key_violation', HINT = 'A sanction of content is against its author, in its space.';
    END IF;
    SELECT pg_catalog.bool_or(s.type = 'removal') AS removed, pg_catalog.count(*) AS sanctions,
           CASE WHEN pg_catalog.count(*) = pg_catalog.count(s.expires_at) THEN pg_catalog.max(s.expires_at) END AS until
    INTO holds
    FROM @schema@.active_sanctions s WHERE s.target_type = NEW.target_type AND s.target_id = NEW.target_id;
    IF holds.sanctions > 0 THEN
        PERFORM @schema@.set_content_state(NEW.target_type, NEW.target_id,
            CASE WHEN holds.removed THEN 'removed' ELSE 'quarantined' END, holds.until);
    ELSIF content.state IN ('quarantined', 'removed') THEN
        PERFORM @schema@.set_content_state(NEW.target_type, NEW.target_id, 'published');
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION follow_content_sanction() IS
    'Trigger: content is removed or quarantined while a sanction on it holds, and published again once none does. Errors: 23503 a sanction that is not against the author of the content in its space.';
CREATE OR REPLACE TRIGGER sanctions_follow_content
    AFTER INSERT OR UPDATE OF status, expires_at ON sanctions FOR EACH ROW
    WHEN (NEW.target_id IS NOT NULL) EXECUTE FUNCTION follow_content_sanction();

CREATE OR REPLACE FUNCTION sanction_content(
    target_type text, target_id uuid, type text, reason text, expires_at timestamptz DEFAULT NULL)
RETURNS sanctions
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    content record;
    imposed @schema@.sanctions;
BEGIN
    SELECT * INTO content FROM @schema@.lock_content(sanction_content.target_type, sanction_content.target_id);
    -- To who may not read its space, what is there is as what is not.
    IF content.space_id NOT IN (SELECT @schema@.readable_space_ids() UNION ALL SELECT @schema@.moderated_space_ids()) THEN
        RAISE EXCEPTION 'there is no % %', sanction_content.target_type, sanction_content.target_id
            USING ERRCODE = 'undefined_object', HINT = 'It may have been deleted.';
    END IF;
    PERFORM @schema@.require_authority(content.space_id, content.author_id);
    IF content.state = 'deleted' THEN
        RAISE EXCEPTION '% % was deleted by its author', sanction_content.target_type, sanction_content.target_id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Nobody reads it any more.';
    END IF;
    INSERT INTO @schema@.sanctions AS s
        (space_id, profile_id, type, reason, target_type, target_id, expires_at, created_by)
    VALUES (content.space_id, content.author_id, sanction_content.type, sanction_content.reason,
            sanction_content.target_type, sanction_content.target_id, sanction_content.expires_at, auth.uid())
    RETURNING s.* INTO imposed;
    RETURN imposed;
END;
$$;
COMMENT ON FUNCTION sanction_content(text, uuid, text, text, timestamptz) IS
    'Takes a post, answer or comment out of sight, by moderators of its space. type: removal or quarantine; reason: its author reads it; expires_at: when it is seen again, NULL for never. Returns the sanction. Volatile. Errors: 42501 not allowed, one''s own, or an owner''s; 42704 there is none; 22023 another target_type; 23514 another type, a blank reason, or an end that has passed; 55000 its author deleted it. Example: SELECT id FROM sanction_content(''post'', ''20000000-0000-4000-8000-000000000001'', ''quarantine'', ''Under review'', now() + interval ''2 days'')';
GRANT EXECUTE ON FUNCTION sanction_content(text, uuid, text, text, timestamptz) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION resolve_report(report_id uuid, resolution text, notes text DEFAULT NULL) RETURNS reports
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    resolved @schema@.reports := @schema@.lock_report(report_id);
    held     boolean;
BEGIN
    IF resolution NOT IN ('upheld', 'dismissed') OR resolution IS NULL THEN
        RAISE EXCEPTION 'a report cannot be resolved as "%"', resolution
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Resolve it as upheld or dismissed.';
    END IF;
    UPDATE @schema@.reports r
    SET status = resolution, handled_by = auth.uid(), handled_at = pg_catalog.now(), resolution_notes = notes
    WHERE r.id = report_id RETURNING r.* INTO resolved;
    -- What was held for review is decided with the report that automod made.
    IF resolved.automatic THEN
        SELECT c.state = 'held' INTO held FROM @schema@.content_of(resolved.target_type, resolved.target_id) c;
        IF held AND resolution = 'dismissed' THEN
            PERFORM FROM @schema@.lock_content(resolved.target_type, resolved.target_id);
            PERFORM @schema@.set_content_state(resolved.target_type, resolved.target_id, 'published');
        ELSIF held THEN
            PERFORM @schema@.sanction_content(resolved.target_type, resolved.target_id, 'removal',
                                              coalesce(nullif(pg_catalog.btrim(notes), ''), resolved.reason));
        END IF;
    END IF;
    RETURN resolved;
END;
$$;
COMMENT ON FUNCTION resolve_report(uuid, text, text) IS
    'Ends a report, as a moderator whom it is not about. resolution: upheld or dismissed; notes: the reporter reads them. Of what automod held for review, dismissed publishes and upheld removes it; for anything else sanction_content and sanction are the means. Returns the report. Volatile. Errors: 22023 another resolution, 42501, 55000 it is resolved. Example: SELECT resolve_report(id, ''dismissed'') FROM reports WHERE status = ''open'' ORDER BY id LIMIT 1';
GRANT EXECUTE ON FUNCTION resolve_report(uuid, text, text) TO authenticated, service_role;
