-- One million consenting people, five million scores, 160 cells.
CREATE TABLE size AS SELECT :people::integer AS people;
CREATE SCHEMA auth;
CREATE TABLE auth.users (id uuid PRIMARY KEY);
CREATE TABLE profiles (id uuid PRIMARY KEY REFERENCES auth.users ON DELETE CASCADE, stage text, note text);
CREATE TABLE consent_preferences (
    user_id uuid REFERENCES auth.users ON DELETE CASCADE, category text NOT NULL,
    enabled boolean NOT NULL DEFAULT false, UNIQUE (user_id, category));
CREATE TABLE investor_readiness_scores (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid REFERENCES auth.users ON DELETE CASCADE,
    overall_score integer, created_at timestamptz NOT NULL DEFAULT now());

INSERT INTO auth.users SELECT md5(n::text)::uuid FROM generate_series(1, :people) AS n;
INSERT INTO profiles SELECT md5(n::text)::uuid, 'stage ' || n % 160 FROM generate_series(1, :people) AS n;
INSERT INTO consent_preferences SELECT md5(n::text)::uuid, 'benchmarks', true FROM generate_series(1, :people) AS n;
SELECT setseed(0.5);
INSERT INTO investor_readiness_scores (user_id, overall_score, created_at)
    SELECT md5((1 + n % :people)::text)::uuid, (random() * 100)::integer, now() - (random() * 1000) * interval '1 day'
    FROM generate_series(1, 5 * :people) AS n;
CREATE INDEX ON investor_readiness_scores (user_id, created_at DESC);
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

-- Milliseconds of a statement, the best of several times; `prepare` runs before each, unmeasured.
CREATE FUNCTION best(statement text, times integer, prepare text DEFAULT 'SELECT') RETURNS double precision
LANGUAGE plpgsql AS $$
DECLARE best double precision := 'Infinity'; started timestamptz;
BEGIN
    FOR i IN 1 .. times LOOP
        EXECUTE prepare;
        started := clock_timestamp();
        EXECUTE statement;
        best := least(best, extract(epoch FROM clock_timestamp() - started) * 1000);
    END LOOP;
    RETURN best;
END $$;

CREATE FUNCTION make() RETURNS void LANGUAGE sql AS $$
    SELECT community_core.create_benchmark('irs_by_stage',
        'SELECT p.id AS subject, s.overall_score AS value, s.created_at AS observed_at, p.stage
         FROM public.profiles p JOIN public.investor_readiness_scores s ON s.user_id = p.id',
        dimensions => '{stage}', consent_category => 'benchmarks', consent => 'public.consent_preferences',
        watch => '{"public.profiles": "id", "public.investor_readiness_scores": "user_id"}',
        minimum => 0, maximum => 100, totals => false)
$$;

CREATE TABLE result (position integer, work text, ours double precision, plain double precision, ratio double precision, must text, reached boolean);

SELECT best('REFRESH MATERIALIZED VIEW CONCURRENTLY benchmark_stage_aggregates', 3) AS document \gset
SELECT best('SELECT community_core.refresh_benchmark(''irs_by_stage'')', 3,
            $$DO 'BEGIN IF to_regclass(''irs_by_stage'') IS NOT NULL THEN PERFORM community_core.drop_benchmark(''irs_by_stage''); END IF; PERFORM make(); END'$$) AS build \gset
INSERT INTO result VALUES (2, 'first build', :build, :document, :build / :document, '<= 1.5 times', :build <= 1.5 * :document);
VACUUM ANALYZE irs_by_stage_contributions, irs_by_stage_cells, irs_by_stage_histogram;

SELECT best('SELECT community_core.refresh_benchmark(''irs_by_stage'')', 7, $$
    INSERT INTO investor_readiness_scores (user_id, overall_score)
    SELECT md5((1 + (random() * ((SELECT people FROM size) - 1))::integer)::text)::uuid, (random() * 100)::integer FROM generate_series(1, 1000)
$$) AS fold \gset
INSERT INTO result VALUES (1, 'refresh after 1,000 changes', :fold, :document, :document / :fold, '>= 100 times faster', :document >= 100 * :fold);

SELECT best('SELECT * FROM irs_by_stage', 20) AS reading, best('SELECT * FROM benchmark_stage_aggregates', 20) AS plain \gset
INSERT INTO result VALUES (4, 'reading all cells', :reading, :plain, :reading / :plain, '<= 5 ms', :reading <= 5);

-- Scores written one statement at a time.
CREATE PROCEDURE write_scores() LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1 .. 20000 LOOP
        INSERT INTO investor_readiness_scores (user_id, overall_score) VALUES (md5(n::text)::uuid, 50);
    END LOOP;
END $$;
SELECT best('CALL write_scores()', 1) AS warm \gset
SELECT least(best('CALL write_scores()', 1, 'ALTER TABLE investor_readiness_scores DISABLE TRIGGER benchmark_irs_by_stage_changed')) AS without_1,
       best('CALL write_scores()', 1, 'ALTER TABLE investor_readiness_scores ENABLE TRIGGER benchmark_irs_by_stage_changed') AS with_1,
       best('CALL write_scores()', 1, 'ALTER TABLE investor_readiness_scores DISABLE TRIGGER benchmark_irs_by_stage_changed') AS without_2,
       best('CALL write_scores()', 1, 'ALTER TABLE investor_readiness_scores ENABLE TRIGGER benchmark_irs_by_stage_changed') AS with_2,
       best('CALL write_scores()', 1, 'ALTER TABLE investor_readiness_scores DISABLE TRIGGER benchmark_irs_by_stage_changed') AS without_3,
       best('CALL write_scores()', 1, 'ALTER TABLE investor_readiness_scores ENABLE TRIGGER benchmark_irs_by_stage_changed') AS with_3 \gset
SELECT least(:with_1, :with_2, :with_3) AS queued, least(:without_1, :without_2, :without_3) AS unqueued \gset
INSERT INTO result VALUES (3, '20,000 score inserts with the queue', :queued, :unqueued, :queued / :unqueued, '<= 1.15 times', :queued <= 1.15 * :unqueued);

CREATE TABLE observed AS
    SELECT md5(n::text)::uuid AS person, (random() * 100)::numeric(5,2) AS value FROM generate_series(1, :people) AS n ORDER BY random();
VACUUM ANALYZE observed;
SELECT best('SELECT avg(value), count(DISTINCT person) FROM observed', 3) AS plain,
       best('SELECT community_core.k_anonymous_avg(person, value, 5) FROM observed', 3) AS ours \gset
INSERT INTO result VALUES (5, 'k_anonymous_avg over all people', :ours, :plain, :ours / :plain, '<= 0.5 times', :ours <= 0.5 * :plain);

\pset border 2
SELECT work, round(ours::numeric, 1) AS "ours, ms", round(plain::numeric, 1) AS "plain, ms",
       round(ratio::numeric, 2) AS ratio, must AS "must reach", CASE WHEN reached THEN 'yes' ELSE 'NO' END AS reached
FROM result ORDER BY position;
