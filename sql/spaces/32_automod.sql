-- Rules that look at what is written before it is: they refuse it, or hold it for the moderators.

CREATE TABLE automod_rules (
    id         uuid        NOT NULL DEFAULT gen_random_uuid(),
    space_id   uuid        NOT NULL,
    rule_type  text        NOT NULL,
    config     jsonb       NOT NULL DEFAULT '{}',
    enabled    boolean     NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT automod_rules_pkey PRIMARY KEY (id),
    CONSTRAINT automod_rules_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT automod_rules_rule_type_check
        CHECK (rule_type IN ('rate_limit', 'first_post', 'banned_domain', 'trust_score')),
    CONSTRAINT automod_rules_config_check CHECK (jsonb_typeof(config) = 'object')
);
COMMENT ON TABLE automod_rules IS
    'What a space does not let pass, or not without a look at it, when ordinary members write. For its moderators; a rule that is not enabled does nothing.';
COMMENT ON COLUMN automod_rules.rule_type IS
    'rate_limit: more than count within seconds; first_post: before count are published; banned_domain: a link to one of domains; trust_score: reputation below minimum.';
COMMENT ON COLUMN automod_rules.config IS
    'The fields of the type, and for each action (refuse or hold), message (what the author reads) and content (a list of post, answer, comment).';
CREATE INDEX automod_rules_space_id_idx ON automod_rules (space_id);
CREATE INDEX automod_rules_config_idx ON automod_rules USING gin (config);

CREATE POLICY automod_rules_select_moderators ON automod_rules
    FOR SELECT TO authenticated USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY automod_rules_insert_moderators ON automod_rules
    FOR INSERT TO authenticated WITH CHECK (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY automod_rules_update_moderators ON automod_rules
    FOR UPDATE TO authenticated USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())))
    WITH CHECK (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY automod_rules_delete_moderators ON automod_rules
    FOR DELETE TO authenticated USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
GRANT INSERT (space_id, rule_type, config, enabled), UPDATE (rule_type, config, enabled)
    ON automod_rules TO authenticated;
CREATE OR REPLACE TRIGGER automod_rules_record_staff_action
    AFTER INSERT OR UPDATE OR DELETE ON automod_rules FOR EACH ROW EXECUTE FUNCTION record_staff_action('automod_rule');
CREATE OR REPLACE TRIGGER automod_rules_record_truncate
    AFTER TRUNCATE ON automod_rules FOR EACH STATEMENT EXECUTE FUNCTION record_staff_action('automod_rule');

CREATE OR REPLACE FUNCTION check_automod_config() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    fault CONSTANT text := community_core.automod_config_fault(NEW.rule_type, NEW.config::text);
BEGIN
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'the config of a % rule is wrong at %', NEW.rule_type, fault
            USING ERRCODE = 'check_violation',
                  HINT = 'Example: {"domains": ["spam.example"], "action": "hold", "content": ["comment"]}.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION check_automod_config() IS 'Trigger: refuses (23514) a config that its rule type does not have, and says where it departs from it.';
CREATE OR REPLACE TRIGGER automod_rules_check_config
    BEFORE INSERT OR UPDATE OF rule_type, config ON automod_rules FOR EACH ROW EXECUTE FUNCTION check_automod_config();

-- What a rule goes by. Asked for each enabled rule of the space; nothing is counted further than the
-- rule asks.
CREATE OR REPLACE FUNCTION automod_fact(rule_type text, config jsonb, author_id uuid, space_id uuid) RETURNS float8
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    author CONSTANT uuid := automod_fact.author_id;
    place  CONSTANT uuid := automod_fact.space_id;
    kinds  CONSTANT jsonb := coalesce(config -> 'content', '["post", "answer", "comment"]');
    most   CONSTANT int := coalesce((config ->> 'count')::int, 1);
    since  timestamptz;
    fact   float8;
BEGIN
    IF rule_type = 'rate_limit' THEN
        since := pg_catalog.now() - pg_catalog.make_interval(secs => (config ->> 'seconds')::float8);
        SELECT pg_catalog.count(*) INTO fact FROM (
            SELECT FROM @schema@.posts p
            WHERE p.author_id = author AND p.space_id = place AND p.created_at > since AND kinds ? 'post'
            UNION ALL
            SELECT FROM @schema@.answers a
            WHERE a.author_id = author AND a.space_id = place AND a.created_at > since AND kinds ? 'answer'
            UNION ALL
            SELECT FROM @schema@.comments c
            WHERE c.author_id = author AND c.space_id = place AND c.created_at > since AND kinds ? 'comment'
            LIMIT most) AS written;
    ELSIF rule_type = 'first_post' THEN
        SELECT pg_catalog.count(*) INTO fact FROM (
            SELECT FROM @schema@.posts p WHERE p.author_id = author AND p.space_id = place AND p.state = 'published'
            UNION ALL
            SELECT FROM @schema@.answers a WHERE a.author_id = author AND a.space_id = place AND a.state = 'published'
            UNION ALL
            SELECT FROM @schema@.comments c WHERE c.author_id = author AND c.space_id = place AND c.state = 'published'
            LIMIT most) AS published;
    ELSIF rule_type = 'trust_score' THEN
        -- In whole points, as privileges count.
        SELECT pg_catalog.round(g.decayed_points * @schema@.decay_factor(pg_catalog.now() - g.last_decay_at)) INTO fact
        FROM @schema@.reputation_aggregates g WHERE g.profile_id = author AND g.space_id = place;
    END IF;
    RETURN fact;
END;
$$;
COMMENT ON FUNCTION automod_fact(text, jsonb, uuid, uuid) IS
    'What an automod rule goes by: how much the author has written within the rule''s time, how much of it is published (both counted up to the rule''s number), or the author''s reputation in the space; NULL for a banned_domain. Stable. For automod.';

-- A rate limit is exact because each author's insert writes the author's membership first: another one
-- waits, and then counts this one, or under REPEATABLE READ is to be tried again (40001).
CREATE OR REPLACE FUNCTION screen_content() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    writer  CONSTANT uuid := CASE TG_OP WHEN 'INSERT' THEN NEW.author_id ELSE coalesce(auth.uid(), NEW.author_id) END;
    limited boolean;
    texts   text[];
    verdict record;
BEGIN
    SELECT pg_catalog.bool_or(r.rule_type = 'rate_limit') INTO limited
    FROM @schema@.automod_rules r WHERE r.space_id = NEW.space_id AND r.enabled;
    IF limited IS NULL OR EXISTS (SELECT FROM @schema@.space_members m
                                  WHERE m.space_id = NEW.space_id AND m.profile_id = writer AND m.role <> 'member') THEN
        RETURN NEW;
    END IF;
    IF limited AND TG_OP = 'INSERT' THEN
        UPDATE @schema@.space_members m SET last_active_at = pg_catalog.now()
        WHERE m.space_id = NEW.space_id AND m.profile_id = writer;
    END IF;
    IF TG_ARGV[0] = 'post' THEN
        texts := ARRAY[NEW.title, NEW.body, NEW.content::text];
    ELSE
        texts := ARRAY[NEW.body];
    END IF;
    SELECT v.action, v.message, rules.ids[v.place] AS rule_id, rules.types[v.place] AS rule_type INTO verdict
    FROM (SELECT pg_catalog.array_agg(r.id ORDER BY r.created_at, r.id) AS ids,
                 pg_catalog.array_agg(r.rule_type ORDER BY r.created_at, r.id) AS types,
                 pg_catalog.array_agg(r.config::text ORDER BY r.created_at, r.id) AS configs,
                 pg_catalog.array_agg(@schema@.automod_fact(r.rule_type, r.config, writer, NEW.space_id)
                                      ORDER BY r.created_at, r.id) AS facts
          FROM @schema@.automod_rules r
          -- What stands may be edited by whoever may write no more.
          WHERE r.space_id = NEW.space_id AND r.enabled
            AND (TG_OP = 'INSERT' OR r.rule_type = 'banned_domain')) AS rules,
         LATERAL community_core.automod_verdict(rules.types, rules.configs, rules.facts, TG_ARGV[0], texts) v;
    IF verdict.action = 'refuse' THEN
        RAISE EXCEPTION '%', verdict.message
            USING ERRCODE = 'check_violation',
                  HINT = pg_catalog.format('Rule %s (%s) of space %s.', verdict.rule_id, verdict.rule_type, NEW.space_id);
    ELSIF verdict.action = 'hold' AND NEW.state = 'published' THEN
        NEW.state := 'held';
        INSERT INTO @schema@.reports (space_id, target_type, target_id, reported_id, reason, automatic)
        VALUES (NEW.space_id, TG_ARGV[0], NEW.id, NEW.author_id,
                pg_catalog.format('Rule %s (%s): %s', verdict.rule_id, verdict.rule_type, verdict.message), true);
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION screen_content() IS
    'Trigger: what an ordinary member writes goes by the enabled automod_rules of its space; one that is broken refuses it with its message (23514), or holds it and reports it. Argument: post, answer or comment.';
CREATE OR REPLACE TRIGGER posts_screen
    BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION screen_content('post');
CREATE OR REPLACE TRIGGER posts_screen_again
    BEFORE UPDATE OF title, body, content ON posts FOR EACH ROW
    WHEN ((OLD.title, OLD.body, OLD.content) IS DISTINCT FROM (NEW.title, NEW.body, NEW.content))
    EXECUTE FUNCTION screen_content('post');
CREATE OR REPLACE TRIGGER answers_screen
    BEFORE INSERT ON answers FOR EACH ROW EXECUTE FUNCTION screen_content('answer');
CREATE OR REPLACE TRIGGER answers_screen_again
    BEFORE UPDATE OF body ON answers FOR EACH ROW WHEN (OLD.body <> NEW.body)
    EXECUTE FUNCTION screen_content('answer');
CREATE OR REPLACE TRIGGER comments_screen
    BEFORE INSERT ON comments FOR EACH ROW EXECUTE FUNCTION screen_content('comment');
CREATE OR REPLACE TRIGGER comments_screen_again
    BEFORE UPDATE OF body ON comments FOR EACH ROW WHEN (OLD.body <> NEW.body)
    EXECUTE FUNCTION screen_content('comment');
