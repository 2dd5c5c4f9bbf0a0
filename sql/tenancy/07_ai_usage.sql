-- What AI costs an organization, and how much it may.

CREATE TABLE ai_usage_months (
    id              uuid          NOT NULL DEFAULT gen_random_uuid(),
    organization_id uuid          NOT NULL,
    month           date          NOT NULL,
    cost_usd        numeric(14,4) NOT NULL DEFAULT 0,
    CONSTRAINT ai_usage_months_pkey PRIMARY KEY (id),
    CONSTRAINT ai_usage_months_organization_id_month_key UNIQUE (organization_id, month),
    CONSTRAINT ai_usage_months_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE
);
COMMENT ON TABLE ai_usage_months IS
    'What AI cost each organization in each calendar month. Kept by the database, as the sum of ai_usage_log.';
COMMENT ON COLUMN ai_usage_months.month IS 'The first day of the month.';
COMMENT ON COLUMN ai_usage_months.cost_usd IS 'In US dollars. Kept by the counter engine.';
CREATE POLICY ai_usage_months_select_people ON ai_usage_months
    FOR SELECT TO authenticated USING (organization_id = (SELECT current_organization_id()));

CREATE TABLE ai_usage_log (
    id              uuid          NOT NULL DEFAULT gen_random_uuid(),
    user_id         uuid          NOT NULL,
    organization_id uuid          NOT NULL,
    query_id        uuid          NOT NULL,
    input_tokens    integer       NOT NULL DEFAULT 0,
    output_tokens   integer       NOT NULL DEFAULT 0,
    cost_usd        numeric(10,4) NOT NULL DEFAULT 0,
    model           text          NOT NULL,
    date            date          NOT NULL,
    month_id        uuid          NOT NULL,
    created_at      timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT ai_usage_log_pkey PRIMARY KEY (id),
    CONSTRAINT ai_usage_log_organization_id_query_id_key UNIQUE (organization_id, query_id),
    CONSTRAINT ai_usage_log_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT ai_usage_log_month_id_fkey
        FOREIGN KEY (month_id) REFERENCES ai_usage_months (id) ON DELETE CASCADE,
    CONSTRAINT ai_usage_log_tokens_check CHECK (input_tokens >= 0 AND output_tokens >= 0),
    CONSTRAINT ai_usage_log_cost_usd_check CHECK (cost_usd >= 0)
);
COMMENT ON TABLE ai_usage_log IS
    'One row per AI query of an organization. Written by the service role, best through record_ai_usage; read by the organization''s people.';
COMMENT ON COLUMN ai_usage_log.user_id IS
    'Who asked. Refers to nothing: what it cost stays when the person leaves.';
COMMENT ON COLUMN ai_usage_log.query_id IS 'The application''s name for the query; recorded once in an organization.';
COMMENT ON COLUMN ai_usage_log.date IS 'The day of the query in UTC.';
COMMENT ON COLUMN ai_usage_log.month_id IS
    'The month whose budget it is counted against. Set by a trigger, whatever is given.';
CREATE INDEX idx_ai_usage_org_id ON ai_usage_log (organization_id, created_at DESC);
CREATE INDEX idx_ai_usage_date ON ai_usage_log (organization_id, date DESC);
CREATE INDEX ai_usage_log_month_id_idx ON ai_usage_log (month_id);
CREATE POLICY ai_usage_log_select_people ON ai_usage_log
    FOR SELECT TO authenticated USING (organization_id = (SELECT current_organization_id()));

CREATE OR REPLACE FUNCTION open_ai_usage_month() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first_day date := NEW.date - (extract(day FROM NEW.date)::integer - 1);
BEGIN
    INSERT INTO @schema@.ai_usage_months (organization_id, month)
    VALUES (NEW.organization_id, first_day)
    ON CONFLICT (organization_id, month) DO NOTHING;
    SELECT m.id INTO NEW.month_id FROM @schema@.ai_usage_months m
    WHERE m.organization_id = NEW.organization_id AND m.month = first_day;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION open_ai_usage_month() IS
    'Trigger function of ai_usage_log: makes the row of ai_usage_months that the query is summed into, and points at it.';
CREATE OR REPLACE TRIGGER ai_usage_log_open_month
    BEFORE INSERT OR UPDATE OF organization_id, date, month_id ON ai_usage_log
    FOR EACH ROW EXECUTE FUNCTION open_ai_usage_month();

SELECT community_core.create_sum('@schema@.ai_usage_log', 'month_id', 'cost_usd',
                                 '@schema@.ai_usage_months', 'cost_usd');

-- The month's row is locked while its sum changes, so the last of a budget is spent once.
CREATE OR REPLACE FUNCTION keep_ai_budget() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    budget numeric := (SELECT o.ai_monthly_budget_usd FROM @schema@.organizations o
                       WHERE o.id = NEW.organization_id);
BEGIN
    IF NEW.cost_usd > budget THEN
        RAISE EXCEPTION 'the AI budget of organization "%" for % is spent: % USD more would make % of %',
            NEW.organization_id, to_char(NEW.month, 'YYYY-MM'), NEW.cost_usd - OLD.cost_usd,
            NEW.cost_usd, budget
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ai_usage_months_keep_budget',
                  HINT = 'Wait for the next month, or raise organizations.ai_monthly_budget_usd.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION keep_ai_budget() IS
    'Trigger function of ai_usage_months: refuses (23514) what goes beyond the organization''s monthly budget.';
CREATE OR REPLACE TRIGGER ai_usage_months_keep_budget
    BEFORE UPDATE OF cost_usd ON ai_usage_months FOR EACH ROW
    WHEN (NEW.cost_usd > OLD.cost_usd) EXECUTE FUNCTION keep_ai_budget();

CREATE OR REPLACE FUNCTION record_ai_usage(
    organization_id uuid, user_id uuid, query_id uuid, model text,
    input_tokens integer, output_tokens integer, cost_usd numeric,
    date date DEFAULT (now() AT TIME ZONE 'UTC')::date
) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    usage @schema@.ai_usage_log;
BEGIN
    INSERT INTO @schema@.ai_usage_log AS l
        (organization_id, user_id, query_id, model, input_tokens, output_tokens, cost_usd, date)
    SELECT p.organization_id, p.id, record_ai_usage.query_id, record_ai_usage.model,
           record_ai_usage.input_tokens, record_ai_usage.output_tokens, record_ai_usage.cost_usd,
           record_ai_usage.date
    FROM @schema@.profiles p
    WHERE p.id = record_ai_usage.user_id AND p.organization_id = record_ai_usage.organization_id
    ON CONFLICT (organization_id, query_id) DO NOTHING
    RETURNING l.* INTO usage;
    IF usage.id IS NOT NULL THEN
        RETURN usage.id;
    END IF;
    SELECT * INTO usage FROM @schema@.ai_usage_log l
    WHERE l.organization_id = record_ai_usage.organization_id
      AND l.query_id = record_ai_usage.query_id;
    IF usage.id IS NULL THEN
        RAISE EXCEPTION 'user "%" is not in organization "%"',
            record_ai_usage.user_id, record_ai_usage.organization_id
            USING ERRCODE = 'foreign_key_violation', HINT = 'Look at profiles.organization_id.';
    END IF;
    IF (usage.user_id, usage.model, usage.input_tokens, usage.output_tokens, usage.cost_usd)
       IS DISTINCT FROM
       (record_ai_usage.user_id, record_ai_usage.model, record_ai_usage.input_tokens,
        record_ai_usage.output_tokens, record_ai_usage.cost_usd::numeric(10,4)) THEN
        RAISE EXCEPTION 'query "%" is recorded already, with other values', record_ai_usage.query_id
            USING ERRCODE = 'unique_violation',
                  HINT = 'Give each query an id of its own; correct a recorded one with UPDATE.';
    END IF;
    RETURN usage.id;
END
$$;
COMMENT ON FUNCTION record_ai_usage(uuid, uuid, uuid, text, integer, integer, numeric, date) IS
    'Records what an AI query cost, in US dollars, on a day in UTC (default today), once: called again with the same values it returns the same row. Returns the row''s id. Service role only. 23503 the user is not in the organization, 23505 the query is recorded with other values, 23514 beyond the monthly budget or below zero. Example: SELECT record_ai_usage(organization_id => ''00000000-0000-4000-8000-000000000001'', user_id => ''00000000-0000-4000-8000-000000000002'', query_id => gen_random_uuid(), model => ''large'', input_tokens => 900, output_tokens => 100, cost_usd => 0.0123)';
GRANT EXECUTE ON FUNCTION
    record_ai_usage(uuid, uuid, uuid, text, integer, integer, numeric, date) TO service_role;

CREATE OR REPLACE VIEW ai_usage_by_day WITH (security_invoker = true) AS
    SELECT organization_id, date, model, count(*) AS queries,
           sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
           sum(cost_usd) AS cost_usd
    FROM ai_usage_log GROUP BY organization_id, date, model;
COMMENT ON VIEW ai_usage_by_day IS
    'AI queries, tokens and cost of each organization, by day and model, as far as the reader may see them.';
GRANT SELECT ON ai_usage_by_day TO authenticated, service_role;
