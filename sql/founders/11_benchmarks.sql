-- How ready founders of a stage or an industry are, told only about enough of them who consent and
-- have a score. A withdrawn consent leaves in the same transaction, which a materialized view could
-- not do: the benchmark engine keeps the figures, and the document's two names are views over them.
-- One benchmark for both, because they are about the same people: the only founder in climate could
-- be computed from what is said about a stage and about its other industries.

SELECT community_core.create_benchmark(
    'irs_by_group',
    $$SELECT p.id AS subject, s.overall_score AS value, s.created_at AS observed_at, p.stage, p.industry
      FROM profiles p JOIN investor_readiness_scores s ON s.user_id = p.id$$,
    dimensions => '{stage,industry}',
    consent_category => 'benchmarks',
    consent => 'consent_preferences',
    watch => '{"profiles": "id", "investor_readiness_scores": "user_id"}',
    minimum => 0, maximum => 100,
    levels => '{stage,industry}');

CREATE OR REPLACE VIEW benchmark_stage_aggregates WITH (security_barrier, security_invoker) AS
SELECT stage, contributors AS founder_count, average::numeric(5,2) AS avg_irs_score,
       median AS median_irs_score
FROM irs_by_group
WHERE stage IS NOT NULL;
COMMENT ON VIEW benchmark_stage_aggregates IS
    'Investor readiness by stage, about at least five consenting founders with a score. founder_count is rounded down to a multiple of five.';
CREATE OR REPLACE VIEW benchmark_industry_aggregates WITH (security_barrier, security_invoker) AS
SELECT industry, contributors AS founder_count, average::numeric(5,2) AS avg_irs_score,
       median AS median_irs_score
FROM irs_by_group
WHERE industry IS NOT NULL;
COMMENT ON VIEW benchmark_industry_aggregates IS
    'Investor readiness by industry, about at least five consenting founders with a score. founder_count is rounded down to a multiple of five.';
GRANT SELECT ON irs_by_group, benchmark_stage_aggregates, benchmark_industry_aggregates
    TO authenticated, service_role;

CREATE OR REPLACE FUNCTION refresh_benchmark_aggregates() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM community_core.refresh_benchmark($name$@schema@.irs_by_group$name$);
END;
$$;
COMMENT ON FUNCTION refresh_benchmark_aggregates() IS
    'Brings both views up to date with new scores and consents. Withdrawals do not wait for it. Volatile. Example: SELECT refresh_benchmark_aggregates()';
GRANT EXECUTE ON FUNCTION refresh_benchmark_aggregates() TO service_role;
