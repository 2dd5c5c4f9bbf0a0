-- What people report, and what moderators make of it.

CREATE TABLE reports (
    id               uuid        NOT NULL DEFAULT uuid_v7(),
    space_id         uuid,
    target_type      text        NOT NULL,
    target_id        uuid        NOT NULL,
    reported_id      uuid,
    reporter_id      uuid,
    automatic        boolean     NOT NULL DEFAULT false,
    reason           text        NOT NULL,
    status           text        NOT NULL DEFAULT 'open',
    handled_by       uuid,
    handled_at       timestamptz,
    resolution_notes text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT reports_pkey PRIMARY KEY (id),
    CONSTRAINT reports_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT reports_reported_id_fkey FOREIGN KEY (reported_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT reports_reporter_id_fkey FOREIGN KEY (reporter_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT reports_handled_by_fkey FOREIGN KEY (handled_by) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT reports_target_type_check CHECK (target_type IN ('post', 'answer', 'comment', 'message')),
    CONSTRAINT reports_reason_check CHECK (reason ~ '@visible@' AND char_length(reason) <= 10000),
    CONSTRAINT reports_status_check CHECK (status IN ('open', 'claimed', 'upheld', 'dismissed')),
    CONSTRAINT reports_handled_check CHECK ((status = 'open') = (handled_at IS NULL)),
    CONSTRAINT reports_resolution_notes_check CHECK (char_length(resolution_notes) <= 10000)
);
COMMENT ON TABLE reports IS
    'What somebody, or automod, asks the moderators to look at. Seen by whoever reported it and by the moderators, except one whom it is about.';
COMMENT ON COLUMN reports.space_id IS 'Where it is, set by the database; NULL: a direct message, which is for staff of the site.';
COMMENT ON COLUMN reports.reported_id IS 'Whose it is, set by the database.';
COMMENT ON COLUMN reports.reporter_id IS 'NULL once that person is deleted, and where automod reports.';
COMMENT ON COLUMN reports.automatic IS 'Made by automod, which holds what it is about until the report is resolved.';
COMMENT ON COLUMN reports.status IS 'claimed: a moderator looks at it; upheld: there was something in it; dismissed: there was not.';
CREATE INDEX reports_queue_idx ON reports (space_id, id) WHERE status IN ('open', 'claimed');
CREATE INDEX reports_space_id_idx ON reports (space_id, created_at);
CREATE INDEX reports_target_id_idx ON reports (target_id, target_type);
CREATE INDEX reports_reporter_id_idx ON reports (reporter_id, created_at);
CREATE INDEX reports_reported_id_idx ON reports (reported_id);
CREATE INDEX reports_handled_by_idx ON reports (handled_by) WHERE handled_by IS NOT NULL;
CREATE UNIQUE INDEX reports_once_key ON reports (reporter_id, target_type, target_id)
    WHERE status IN ('open', 'claimed');

CREATE OR REPLACE FUNCTION content_of(target_type text, target_id uuid)
RETURNS TABLE (space_id uuid, author_id uuid, state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.space_id, p.author_id, p.state FROM @schema@.posts p
    WHERE content_of.target_type = 'post' AND p.id = content_of.target_id
    UNION ALL
    SELECT a.space_id, a.author_id, a.state FROM @schema@.answers a
    WHERE content_of.target_type = 'answer' AND a.id = content_of.target_id
    UNION ALL
    SELECT c.space_id, c.author_id, c.state FROM @schema@.comments c
    WHERE content_of.target_type = 'comment' AND c.id = content_of.target_id;
$$;
COMMENT ON FUNCTION content_of(text, uuid) IS
    'Where a post, answer or comment is, whose it is, and its state; no row where there is none. Stable. For the functions of moderation.';

CREATE OR REPLACE FUNCTION complete_report() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT c.space_id, c.author_id INTO NEW.space_id, NEW.reported_id
    FROM @schema@.content_of(NEW.target_type, NEW.target_id) c;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no % %', NEW.target_type, NEW.target_id
            USING ERRCODE = 'foreign_key_violation', HINT = 'Report what can be read.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION complete_report() IS
    'Trigger: a report is about something that is there (23503), in its space and against its author.';
CREATE OR REPLACE TRIGGER reports_complete
    BEFORE INSERT ON reports FOR EACH ROW WHEN (NEW.target_type IN ('post', 'answer', 'comment') AND NOT NEW.automatic)
    EXECUTE FUNCTION complete_report();

CREATE POLICY reports_select_reporter_and_moderators ON reports
    FOR SELECT TO authenticated
    USING (reporter_id = (SELECT auth.uid())
           OR (reported_id IS DISTINCT FROM (SELECT auth.uid())
               AND (space_id = ANY (ARRAY(SELECT moderated_space_ids())) OR (SELECT is_staff()))));
-- What is looked up here is looked up under the reporter's own policies: one reports what one can read.
CREATE POLICY reports_insert_readers ON reports
    FOR INSERT TO authenticated
    WITH CHECK (reporter_id = (SELECT auth.uid()) AND NOT is_banned_in(space_id)
                AND CASE target_type
                    WHEN 'post' THEN EXISTS (SELECT FROM posts p WHERE p.id = target_id)
                    WHEN 'answer' THEN EXISTS (SELECT FROM answers a WHERE a.id = target_id)
                    WHEN 'comment' THEN EXISTS (SELECT FROM comments c WHERE c.id = target_id)
                    -- That of a message is found out where messages are.
                    ELSE true END);
GRANT INSERT (target_type, target_id, reporter_id, reason) ON reports TO authenticated;

CREATE OR REPLACE TRIGGER reports_record_staff_action
    AFTER UPDATE OR DELETE ON reports FOR EACH ROW EXECUTE FUNCTION record_staff_action('report');
CREATE OR REPLACE TRIGGER reports_record_truncate
    AFTER TRUNCATE ON reports FOR EACH STATEMENT EXECUTE FUNCTION record_staff_action('report');

CREATE OR REPLACE FUNCTION lock_report(report_id uuid) RETURNS reports
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_one @schema@.reports;
BEGIN
    SELECT r.* INTO found_one FROM @schema@.reports r WHERE r.id = report_id FOR NO KEY UPDATE;
    IF NOT FOUND OR found_one.reported_id = auth.uid()
       OR NOT (@schema@.is_staff()
               OR coalesce(found_one.space_id IN (SELECT @schema@.moderated_space_ids()), false)) THEN
        RAISE EXCEPTION 'there is no report % for you to handle', report_id
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Reports are handled by moderators of their space, but not by whom they are about.';
    END IF;
    IF found_one.status IN ('upheld', 'dismissed') THEN
        RAISE EXCEPTION 'report % is % already', report_id, found_one.status
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A report is resolved once.';
    END IF;
    RETURN found_one;
END;
$$;
COMMENT ON FUNCTION lock_report(uuid) IS
    'The report, locked until the end of the transaction. Volatile. Errors: 42501 the caller does not moderate there or is whom it is about, 55000 it is resolved. For claim_report and resolve_report.';

CREATE OR REPLACE FUNCTION claim_report(report_id uuid) RETURNS reports
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    claimed @schema@.reports := @schema@.lock_report(report_id);
BEGIN
    IF claimed.status = 'claimed' AND claimed.handled_by IS DISTINCT FROM auth.uid() THEN
        RAISE EXCEPTION 'report % is claimed by %', report_id, claimed.handled_by
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Take another one; any moderator can resolve this one.';
    END IF;
    UPDATE @schema@.reports r SET status = 'claimed', handled_by = auth.uid(), handled_at = pg_catalog.now()
    WHERE r.id = report_id RETURNING r.* INTO claimed;
    RETURN claimed;
END;
$$;
COMMENT ON FUNCTION claim_report(uuid) IS
    'Tells the other moderators that the caller looks at a report. Returns it. Volatile. Errors: 42501 the caller does not moderate there or is whom it is about, 55000 resolved, or claimed by another. Example: SELECT claim_report(id) FROM reports WHERE status = ''open'' ORDER BY id LIMIT 1';
GRANT EXECUTE ON FUNCTION claim_report(uuid) TO authenticated, service_role;
