-- Votes on posts and answers: the one table here that the document does not name. A score is the sum of
-- votes, and a person has one.

CREATE TABLE votes (
    id         uuid        NOT NULL DEFAULT uuid_v7(),
    space_id   uuid        NOT NULL,
    post_id    uuid,
    answer_id  uuid,
    profile_id uuid,
    value      smallint    NOT NULL,
    points     integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT votes_pkey PRIMARY KEY (id),
    CONSTRAINT votes_post_id_space_id_fkey FOREIGN KEY (post_id, space_id)
        REFERENCES posts (id, space_id) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT votes_answer_id_space_id_fkey FOREIGN KEY (answer_id, space_id)
        REFERENCES answers (id, space_id) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT votes_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT votes_post_id_profile_id_key UNIQUE (post_id, profile_id),
    CONSTRAINT votes_answer_id_profile_id_key UNIQUE (answer_id, profile_id),
    CONSTRAINT votes_target_check CHECK (num_nonnulls(post_id, answer_id) = 1),
    CONSTRAINT votes_value_check CHECK (value IN (-1, 1))
);
COMMENT ON TABLE votes IS
    'Who voted a post or an answer up or down, once each; read by the voter. To change one''s mind one takes the vote back and votes again.';
COMMENT ON COLUMN votes.space_id IS 'The target''s; left out, set by the database.';
COMMENT ON COLUMN votes.profile_id IS 'Who voted; NULL for votes that were imported without their voters, and once the person is deleted.';
COMMENT ON COLUMN votes.points IS
    'The reputation that it gave the author, and that taking it back takes; NULL: none was given yet.';
CREATE INDEX votes_post_id_space_id_idx ON votes (post_id, space_id) WHERE post_id IS NOT NULL;
CREATE INDEX votes_answer_id_space_id_idx ON votes (answer_id, space_id) WHERE answer_id IS NOT NULL;
CREATE INDEX votes_profile_id_idx ON votes (profile_id);
CREATE INDEX votes_not_credited_idx ON votes (id) WHERE points IS NULL;

CREATE POLICY votes_select_own ON votes
    FOR SELECT TO authenticated USING (profile_id = (SELECT auth.uid()));
CREATE POLICY votes_insert_own ON votes
    FOR INSERT TO authenticated
    WITH CHECK (profile_id = (SELECT auth.uid()) AND space_id = ANY (ARRAY(SELECT writable_space_ids()))
                AND (value = 1 OR space_id = ANY (ARRAY(SELECT privileged_space_ids('vote_down'))))
                AND (EXISTS (SELECT FROM posts p WHERE p.id = post_id AND p.state = 'published')
                     OR EXISTS (SELECT FROM answers a WHERE a.id = answer_id AND a.state = 'published')));
CREATE POLICY votes_delete_own ON votes
    FOR DELETE TO authenticated
    USING (profile_id = (SELECT auth.uid()) AND space_id = ANY (ARRAY(SELECT writable_space_ids())));
GRANT INSERT (space_id, post_id, answer_id, profile_id, value) ON votes TO authenticated;

SELECT community_core.create_sum('votes', 'post_id', 'value', 'posts', 'score');
SELECT community_core.create_sum('votes', 'answer_id', 'value', 'answers', 'score');

CREATE OR REPLACE FUNCTION voted_author(post_id uuid, answer_id uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.author_id FROM @schema@.posts p WHERE p.id = voted_author.post_id
    UNION ALL
    SELECT a.author_id FROM @schema@.answers a WHERE a.id = voted_author.answer_id;
$$;
COMMENT ON FUNCTION voted_author(uuid, uuid) IS
    'Whom a vote on this post or answer is for; for other functions. Stable. Example: SELECT voted_author(''0199a7c2-0000-7000-8000-000000000001'', NULL)';

CREATE OR REPLACE FUNCTION prepare_vote() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    author CONSTANT uuid := @schema@.voted_author(NEW.post_id, NEW.answer_id);
BEGIN
    IF author = NEW.profile_id THEN
        RAISE EXCEPTION 'person % cannot vote on something of their own', NEW.profile_id
            USING ERRCODE = 'check_violation', HINT = 'Votes are for what others wrote.';
    END IF;
    NEW.space_id := coalesce(NEW.space_id,
        (SELECT p.space_id FROM @schema@.posts p WHERE p.id = NEW.post_id),
        (SELECT a.space_id FROM @schema@.answers a WHERE a.id = NEW.answer_id));
    NEW.points := CASE WHEN author IS NULL THEN 0 ELSE @schema@.vote_points(NEW.value) END;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION prepare_vote() IS 'Trigger: a vote lies in its target''s space, is not on something of one''s own, and notes what it is worth.';

CREATE OR REPLACE FUNCTION vote_points(value smallint) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN CASE value WHEN 1 THEN community_core.spaces_setting('up_vote_points')
                      ELSE -community_core.spaces_setting('down_vote_points') END;
END;
$$;
COMMENT ON FUNCTION vote_points(smallint) IS
    'The reputation a vote gives or takes: the settings community_core.spaces_up_vote_points and community_core.spaces_down_vote_points. Stable. Example: SELECT vote_points(1::smallint)';
CREATE OR REPLACE TRIGGER votes_prepare
    BEFORE INSERT ON votes FOR EACH ROW EXECUTE FUNCTION prepare_vote();

CREATE OR REPLACE FUNCTION credit_vote() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM @schema@.credit(@schema@.voted_author(NEW.post_id, NEW.answer_id), NEW.space_id,
                                CASE NEW.value WHEN 1 THEN 'up_vote' ELSE 'down_vote' END, NEW.points,
                                jsonb_build_object('vote_id', NEW.id), NEW.created_at);
    ELSE
        -- Where the target itself is gone, its author keeps what it earned.
        PERFORM @schema@.credit(@schema@.voted_author(OLD.post_id, OLD.answer_id), OLD.space_id,
                                'vote_withdrawn', -OLD.points, jsonb_build_object('vote_id', OLD.id));
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION credit_vote() IS 'Trigger: a vote gives its target''s author reputation, and takes it along when it is taken back.';
CREATE OR REPLACE TRIGGER votes_credit
    AFTER INSERT OR DELETE ON votes FOR EACH ROW EXECUTE FUNCTION credit_vote();

CREATE OR REPLACE FUNCTION refuse_change_of_vote() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'vote % cannot be changed', OLD.id USING ERRCODE = 'insufficient_privilege',
        HINT = 'Delete it and vote again.';
END;
$$;
COMMENT ON FUNCTION refuse_change_of_vote() IS 'Trigger: a vote stays what it is until it is taken back.';
CREATE OR REPLACE TRIGGER votes_refuse_change
    BEFORE UPDATE OF value, post_id, answer_id ON votes FOR EACH ROW
    WHEN ((OLD.value, OLD.post_id, OLD.answer_id) IS DISTINCT FROM (NEW.value, NEW.post_id, NEW.answer_id))
    EXECUTE FUNCTION refuse_change_of_vote();
