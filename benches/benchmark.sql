-- One million consenting people, five million scores, 160 cells.
CREATE TABLE size AS SELECT :people::integer AS people;
CREATE SCHEMA auth;
CREATE TABLE auth.users (id uuid PRIMARY KEY);
CREATE TABLE profiles (id uuid PRIMARY KEY, stage text, note text);
CREATE TABLE consent_preferences (
    user_id uuid, category text NOT NULL, enabled boolean NOT NULL DEFAULT false, UNIQUE (user_id, category));
CREATE TABLE investor_readiness_scores (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid,
    overall_score integer, created_at timestamptz NOT NULL DEFAULT now());

INSERT INTO auth.users SELECT md5(n::text)::uuid FROM generate_series(1, :people) AS n;
INSERT INTO profiles SELECT md5(n::text)::uuid, 'stage ' || n % 160 FROM generate_series(1, :people) AS n;
INSERT INTO consent_preferences SELECT md5(n::text)::uuid, 'benchmarks', true FROM generate_series(1, :people) AS n;
SELECT setseed(0.5);
INSERT INTO investor_readiness_scores (user_id, overall_score, created_at)
    SELECT md5((1 + n % :people)::text)::uuid, (random() * 100)::integer, now() - (random() * 1000) * interval '1 day'
    FROM generate_series(1, 5 * :people) AS n;
CREATE INDEX ON investor_readiness_scores (user_id, created_at DESC);
ALTER TABLE profiles ADD FOREIGN KEY (id) REFERENCES auth.users ON DELETE CASCADE;
ALTER TABLE consent_preferences ADD FOREIGN KEY (user_id) REFERENCES auth.users ON DELETE CASCADE;
ALTER TABLE investor_readiness_scores ADD FOREIGN KEY (user_id) REFERENCES auth.users ON DELETE CASCADE;
VACUUM ANALYZE;

-- The document's own view.
CREATE MATERIALIZED VIEW benchmark_stage_aggregates AS
SELECT p.stage, COUNT(*) AS founder_count, AVG(irs.overall_score)::numeric(5,2) AS avg_irs_score,
       PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY irs.overall_score) AS median_irs_score
FROM profiles p
INNER JOIN consent_preferences cp ON cp.user_id = p.id AND cp.category = 'benchmarks' AND cp.enabled = true
LEFT JOIN LATERAL (
    SELECT overall_score FROM investor_readiness_scores WHERE user_id = p.id ORDER BY created_at DESC LIMIT 1
) irs ON true
WHERE p.stage IS NOT NULL
GROUP BY p.stage
HAVING COUNT(*) >= 5;
CREATE UNIQUE INDEX ON benchmark_stage_aggregates (stage);

-- Milliseconds of each statement measured, `side` being ours or the plain one beside it.
CREATE TABLE sample (work text, side text, ms double precision, number integer GENERATED ALWAYS AS IDENTITY);
CREATE PROCEDURE measure(work text, side text, statement text) LANGUAGE plpgsql AS $$
DECLARE started timestamptz := clock_timestamp();
BEGIN
    EXECUTE statement;
    INSERT INTO sample VALUES (work, side, extract(epoch FROM clock_timestamp() - started) * 1000);
END $$;

CREATE FUNCTION make() RETURNS void LANGUAGE sql AS $$
    SELECT community_core.create_benchmark('irs_by_stage',
        'SELECT p.id AS subject, s.overall_score AS value, s.created_at AS observed_at, p.stage
         FROM public.profiles p JOIN public.investor_readiness_scores s ON s.user_id = p.id',
        dimensions => '{stage}', consent_category => 'benchmarks', consent => 'public.consent_preferences',
        watch => '{"public.profiles": "id", "public.investor_readiness_scores": "user_id"}',
        minimum => 0, maximum => 100, totals => false)
$$;

-- Scores that change between two refreshes.
CREATE PROCEDURE change_scores(how_many integer) LANGUAGE sql AS $$
    INSERT INTO investor_readiness_scores (user_id, overall_score)
    SELECT md5((1 + (random() * ((SELECT people FROM size) - 1))::integer)::text)::uuid, (random() * 100)::integer
    FROM generate_series(1, how_many)
$$;

SELECT $$CALL measure('document', 'plain', 'REFRESH MATERIALIZED VIEW CONCURRENTLY benchmark_stage_aggregates')$$,
       CASE WHEN round > 1 THEN $$SELECT community_core.drop_benchmark('irs_by_stage')$$ END,
       'SELECT make()',
       $$CALL measure('build', 'ours', 'SELECT community_core.refresh_benchmark(''irs_by_stage'')')$$
FROM generate_series(1, :rounds) AS round \gexec
VACUUM ANALYZE irs_by_stage_contributions, irs_by_stage_cells, irs_by_stage_histogram;

SELECT 'CALL change_scores(1000)',
       $$CALL measure('refresh', 'ours', 'SELECT community_core.refresh_benchmark(''irs_by_stage'')')$$
FROM generate_series(1, :rounds) \gexec

SELECT $$CALL measure('reading', 'ours', 'SELECT * FROM irs_by_stage')$$,
       $$CALL measure('reading', 'plain', 'SELECT * FROM benchmark_stage_aggregates')$$
FROM generate_series(0, 4 * :rounds) \gexec

-- Scores written one statement at a time.
CREATE PROCEDURE write_scores() LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1 .. 20000 LOOP
        INSERT INTO investor_readiness_scores (user_id, overall_score) VALUES (md5(n::text)::uuid, 50);
    END LOOP;
END $$;
CALL write_scores();
SELECT format('ALTER TABLE investor_readiness_scores %s TRIGGER benchmark_irs_by_stage_changed', change),
       format($$CALL measure('insert', %L, 'CALL write_scores()')$$, side)
FROM generate_series(1, 2 * :rounds), (VALUES ('DISABLE', 'plain'), ('ENABLE', 'ours')) AS v (change, side) \gexec

CREATE TABLE observed AS
    SELECT md5(n::text)::uuid AS person, (random() * 100)::numeric(5,2) AS value FROM generate_series(1, :people) AS n ORDER BY random();
VACUUM ANALYZE observed;
SELECT $$CALL measure('average', 'plain', 'SELECT avg(value), count(DISTINCT person) FROM observed')$$,
       $$CALL measure('average', 'ours', 'SELECT community_core.k_anonymous_avg(person, value, 5) FROM observed')$$
FROM generate_series(1, :rounds) \gexec
