-- Each aggregate comes twice: with and without the time that says which value of a person is the
-- latest. Without it the largest counts, so that the result never depends on the order of rows.

-- What it costs to combine two states depends on how many people are in them, which the planner does
-- not ask. Half a million cost as much as this many of the simplest operators: without being told,
-- the planner would have workers send everybody they met, in less rows than that is worth.
CREATE FUNCTION k_anonymous_combine(internal, internal) RETURNS internal
    LANGUAGE c IMMUTABLE PARALLEL SAFE COST 2000000 AS 'MODULE_PATHNAME', 'k_anonymous_combine';
CREATE FUNCTION k_anonymous_serialize(internal) RETURNS bytea
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'k_anonymous_serialize';
CREATE FUNCTION k_anonymous_deserialize(bytea, internal) RETURNS internal
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'k_anonymous_deserialize';
CREATE FUNCTION k_anonymous_count_result(internal) RETURNS bigint
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'k_anonymous_count_result';
CREATE FUNCTION k_anonymous_count_step(internal, uuid, integer) RETURNS internal
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'k_anonymous_count_step';
CREATE AGGREGATE k_anonymous_count(subject uuid, k integer) (
    SFUNC = k_anonymous_count_step, STYPE = internal, SSPACE = 64,
    FINALFUNC = k_anonymous_count_result, COMBINEFUNC = k_anonymous_combine,
    SERIALFUNC = k_anonymous_serialize, DESERIALFUNC = k_anonymous_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE k_anonymous_count(uuid, integer) IS
    'How many different people there are. subject: the person; k: the fewest people to speak of, at least community_core.min_k. NULL below k people. Rows without a subject are not counted. Immutable, parallel safe. Errors: 22023 for a k below community_core.min_k, 22004 for a NULL k. Example: SELECT stage, community_core.k_anonymous_count(id, 5) FROM profiles GROUP BY stage.';
CREATE FUNCTION k_anonymous_avg_result(internal) RETURNS numeric
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'k_anonymous_avg_result';
CREATE FUNCTION k_anonymous_avg_step(internal, uuid, numeric, integer) RETURNS internal
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'k_anonymous_avg_step';
CREATE AGGREGATE k_anonymous_avg(subject uuid, value numeric, k integer) (
    SFUNC = k_anonymous_avg_step, STYPE = internal, SSPACE = 64,
    FINALFUNC = k_anonymous_avg_result, COMBINEFUNC = k_anonymous_combine,
    SERIALFUNC = k_anonymous_serialize, DESERIALFUNC = k_anonymous_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE k_anonymous_avg(uuid, numeric, integer) IS
    'The average of one value per person: the one with the latest observed_at where that is given, else the largest. subject: the person; value: numeric of at most 30 digits before and 30 after the point; k: the fewest people to speak of, at least community_core.min_k. NULL below k people with a value. Equal to avg() over those values. Immutable, parallel safe. Errors: 22023 for a k below community_core.min_k, 22004 for a NULL k, 22003 for NaN, infinity and values that are too long. Example: SELECT community_core.k_anonymous_avg(user_id, score, 5, created_at) FROM scores.';
CREATE FUNCTION k_anonymous_avg_step(internal, uuid, numeric, integer, timestamptz) RETURNS internal
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'k_anonymous_avg_step';
CREATE AGGREGATE k_anonymous_avg(subject uuid, value numeric, k integer, observed_at timestamptz) (
    SFUNC = k_anonymous_avg_step, STYPE = internal, SSPACE = 64,
    FINALFUNC = k_anonymous_avg_result, COMBINEFUNC = k_anonymous_combine,
    SERIALFUNC = k_anonymous_serialize, DESERIALFUNC = k_anonymous_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE k_anonymous_avg(uuid, numeric, integer, timestamptz) IS
    'The average of one value per person: the one with the latest observed_at where that is given, else the largest. subject: the person; value: numeric of at most 30 digits before and 30 after the point; k: the fewest people to speak of, at least community_core.min_k. NULL below k people with a value. Equal to avg() over those values. Immutable, parallel safe. Errors: 22023 for a k below community_core.min_k, 22004 for a NULL k, 22003 for NaN, infinity and values that are too long. Example: SELECT community_core.k_anonymous_avg(user_id, score, 5, created_at) FROM scores.';
CREATE FUNCTION k_anonymous_percentile_result(internal) RETURNS numeric
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'k_anonymous_percentile_result';
CREATE FUNCTION k_anonymous_percentile_step(internal, uuid, numeric, double precision, integer) RETURNS internal
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'k_anonymous_percentile_step';
CREATE AGGREGATE k_anonymous_percentile(subject uuid, value numeric, fraction double precision, k integer) (
    SFUNC = k_anonymous_percentile_step, STYPE = internal, SSPACE = 64,
    FINALFUNC = k_anonymous_percentile_result, COMBINEFUNC = k_anonymous_combine,
    SERIALFUNC = k_anonymous_serialize, DESERIALFUNC = k_anonymous_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE k_anonymous_percentile(uuid, numeric, double precision, integer) IS
    'The mean of the k values around a percentile of one value per person, so that it is nobody''s own. fraction: 0 to 1, the same in every row; the rest as in k_anonymous_avg. NULL below k people with a value, and for all but the median where fewer than k people lie on one side: min(fraction, 1 - fraction) * people < k. Immutable, parallel safe. Errors as k_anonymous_avg, and 22023 for a fraction out of range. Example: SELECT community_core.k_anonymous_percentile(user_id, score, 0.5, 5) FROM scores.';
CREATE FUNCTION k_anonymous_percentile_step(internal, uuid, numeric, double precision, integer, timestamptz) RETURNS internal
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'k_anonymous_percentile_step';
CREATE AGGREGATE k_anonymous_percentile(subject uuid, value numeric, fraction double precision, k integer, observed_at timestamptz) (
    SFUNC = k_anonymous_percentile_step, STYPE = internal, SSPACE = 64,
    FINALFUNC = k_anonymous_percentile_result, COMBINEFUNC = k_anonymous_combine,
    SERIALFUNC = k_anonymous_serialize, DESERIALFUNC = k_anonymous_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE k_anonymous_percentile(uuid, numeric, double precision, integer, timestamptz) IS
    'The mean of the k values around a percentile of one value per person, so that it is nobody''s own. fraction: 0 to 1, the same in every row; the rest as in k_anonymous_avg. NULL below k people with a value, and for all but the median where fewer than k people lie on one side: min(fraction, 1 - fraction) * people < k. Immutable, parallel safe. Errors as k_anonymous_avg, and 22023 for a fraction out of range. Example: SELECT community_core.k_anonymous_percentile(user_id, score, 0.5, 5) FROM scores.';
CREATE FUNCTION k_anonymous_histogram_result(internal) RETURNS bigint[]
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'k_anonymous_histogram_result';
CREATE FUNCTION k_anonymous_histogram_step(internal, uuid, numeric, numeric, numeric, integer, integer) RETURNS internal
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'k_anonymous_histogram_step';
CREATE AGGREGATE k_anonymous_histogram(subject uuid, value numeric, lower numeric, upper numeric, buckets integer, k integer) (
    SFUNC = k_anonymous_histogram_step, STYPE = internal, SSPACE = 64,
    FINALFUNC = k_anonymous_histogram_result, COMBINEFUNC = k_anonymous_combine,
    SERIALFUNC = k_anonymous_serialize, DESERIALFUNC = k_anonymous_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE k_anonymous_histogram(uuid, numeric, numeric, numeric, integer, integer) IS
    'How many people have a value in each of the buckets of equal width between lower and upper, as an array. lower, upper, buckets (1 to 1000) are the same in every row; the rest as in k_anonymous_avg. NULL below k people; a bucket of fewer than k people is NULL, and where it is the only one, so is the smallest other one, because the total may be known. Values outside are not counted. Immutable, parallel safe. Errors as k_anonymous_avg. Example: SELECT community_core.k_anonymous_histogram(user_id, score, 0, 100, 10, 5) FROM scores.';
CREATE FUNCTION k_anonymous_histogram_step(internal, uuid, numeric, numeric, numeric, integer, integer, timestamptz) RETURNS internal
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'k_anonymous_histogram_step';
CREATE AGGREGATE k_anonymous_histogram(subject uuid, value numeric, lower numeric, upper numeric, buckets integer, k integer, observed_at timestamptz) (
    SFUNC = k_anonymous_histogram_step, STYPE = internal, SSPACE = 64,
    FINALFUNC = k_anonymous_histogram_result, COMBINEFUNC = k_anonymous_combine,
    SERIALFUNC = k_anonymous_serialize, DESERIALFUNC = k_anonymous_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE k_anonymous_histogram(uuid, numeric, numeric, numeric, integer, integer, timestamptz) IS
    'How many people have a value in each of the buckets of equal width between lower and upper, as an array. lower, upper, buckets (1 to 1000) are the same in every row; the rest as in k_anonymous_avg. NULL below k people; a bucket of fewer than k people is NULL, and where it is the only one, so is the smallest other one, because the total may be known. Values outside are not counted. Immutable, parallel safe. Errors as k_anonymous_avg. Example: SELECT community_core.k_anonymous_histogram(user_id, score, 0, 100, 10, 5) FROM scores.';
