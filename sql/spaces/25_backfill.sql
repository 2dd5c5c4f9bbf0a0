-- Reputation for what was there before it was kept: votes and acceptances that were loaded without their
-- triggers.

CREATE OR REPLACE FUNCTION backfill_reputation(resume text DEFAULT NULL, batch integer DEFAULT 1000) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    phase CONSTANT text := coalesce(split_part(resume, ' ', 1), 'votes');
    after CONSTANT text := coalesce(nullif(split_part(resume, ' ', 2), ''), '00000000-0000-0000-0000-000000000000');
    last  uuid;
BEGIN
    IF batch IS NULL OR batch < 1 OR phase NOT IN ('votes', 'answers') OR resume !~ '^[a-z]+( [0-9a-f-]{36})?$' THEN
        RAISE EXCEPTION 'cannot resume at % with a batch of %', coalesce(resume, 'the beginning'), coalesce(batch::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give NULL, or what the last call returned, and a batch of at least 1.';
    ELSIF phase = 'votes' THEN
        WITH due AS MATERIALIZED (
            SELECT v.id, @schema@.voted_author(v.post_id, v.answer_id) AS author
            FROM @schema@.votes v WHERE v.points IS NULL AND v.id > after::uuid
            ORDER BY v.id LIMIT batch FOR NO KEY UPDATE),
        credited AS (
            UPDATE @schema@.votes v SET points = CASE WHEN d.author IS NULL THEN 0 ELSE @schema@.vote_points(v.value) END
            FROM due d WHERE v.id = d.id
            RETURNING v.id, d.author, v.space_id, v.value, v.points, v.created_at),
        done AS MATERIALIZED (
            SELECT c.id, @schema@.credit(c.author, c.space_id, CASE c.value WHEN 1 THEN 'up_vote' ELSE 'down_vote' END,
                                         c.points, jsonb_build_object('vote_id', c.id), c.created_at)
            FROM credited c)
        SELECT d.id INTO last FROM done d ORDER BY d.id DESC LIMIT 1;
        RETURN CASE WHEN last IS NULL THEN 'answers' ELSE 'votes ' || last END;
    END IF;
    WITH due AS MATERIALIZED (
        SELECT a.id, a.author_id, a.space_id,
               CASE WHEN a.author_id IS DISTINCT FROM (SELECT p.author_id FROM @schema@.posts p WHERE p.id = a.question_id)
                    THEN community_core.spaces_setting('accepted_answer_points') ELSE 0 END AS points
        FROM @schema@.answers a WHERE a.is_accepted AND a.accepted_points IS NULL AND a.id > after::uuid
        ORDER BY a.id LIMIT batch FOR NO KEY UPDATE),
    credited AS (
        UPDATE @schema@.answers a SET accepted_points = d.points FROM due d WHERE a.id = d.id
        RETURNING a.id, a.author_id, a.space_id, a.accepted_points, a.created_at),
    done AS MATERIALIZED (
        SELECT c.id, @schema@.credit(c.author_id, c.space_id, 'answer_accepted', c.accepted_points,
                                     jsonb_build_object('answer_id', c.id), c.created_at)
        FROM credited c)
    SELECT d.id INTO last FROM done d ORDER BY d.id DESC LIMIT 1;
    RETURN 'answers ' || last;
END;
$$;
COMMENT ON FUNCTION backfill_reputation(text, integer) IS
    'Gives reputation for at most batch votes, then acceptances, that have given none yet. resume: NULL to begin, then what the last call returned; NULL is returned at the end. What is done is done once, whatever is interrupted or begun again. Volatile. Errors: 22023. Example: SELECT backfill_reputation(NULL, 1000)';
GRANT EXECUTE ON FUNCTION backfill_reputation(text, integer) TO service_role;
