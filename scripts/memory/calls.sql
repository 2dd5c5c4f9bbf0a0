-- How much the memory of one backend grows over many calls of each function of the extension, for
-- scripts/measure-memory. A call that takes longer is made less often: some, few, fewest, rarely.
SET track_functions = 'all';
INSERT INTO memory.checkpoint VALUES (:'note', :'key');

CALL memory.measure('none', 'SELECT length($1::text)', :calls);

CALL memory.measure('identity', 'SELECT community_core.request_user(), community_core.request_claims()', :calls);
CALL memory.measure('identity', 'SELECT community_core.consent_gated(''benchmarks''), community_core.library_version()', :calls);
CALL memory.measure('linkup', 'SELECT community_core.linkup_document_fault(''brief'', ''{"activity_key": "coffee", "time_window": "SAT"}'')', :calls);
CALL memory.measure('settings', 'SELECT community_core.linkup_setting(''minimum_age''), community_core.forum_setting(''new_days''), community_core.spaces_setting(''comment_depth'')', :calls);
CALL memory.measure('spaces', 'SELECT community_core.uuid_v7(), community_core.webhook_signature(''a secret'', $1, ''{"type": "post.created"}'')', :calls);
CALL memory.measure('spaces', 'SELECT set_config(''request.jwt.claims'', jsonb_build_object(''sub'', profile_id)::text, true), community_core.is_active_member(''memory.members'', space_id) FROM memory.members', :calls);
CALL memory.measure('spaces', 'SELECT community_core.looks_like_card_number(''my card is 4111 1111 1111 '' || $1)', :calls);
CALL memory.measure('spaces', 'SELECT community_core.automod_config_fault(''rate_limit'', ''{"count": 5}'')', :calls);
CALL memory.measure('spaces', 'SELECT * FROM community_core.automod_verdict(''{banned_domain}'', ''{"{\"domains\": [\"spam.example\"], \"action\": \"hold\"}"}'', ''{NULL}'', ''post'', ARRAY[''see spam.example '' || $1])', :calls);

CALL memory.measure('pair', 'SELECT community_core.contact_pair(gen_random_uuid(), gen_random_uuid())::text::community_core.contact_pair::uuid[]', :calls);
CALL memory.measure('pair', 'SELECT community_core.pair_low(p), community_core.pair_high(p), community_core.pair_members(p), community_core.contact_pair_of(community_core.pair_members(p)), community_core.contact_pair_hash(p), community_core.contact_pair_hash_extended(p, $1), community_core.contact_pair_send(p) FROM community_core.contact_pair(gen_random_uuid(), gen_random_uuid()) AS p', :calls);
CALL memory.measure('pair', 'SELECT community_core.contact_pair_cmp(p, q), community_core.contact_pair_eq(p, q), community_core.contact_pair_ne(p, q), community_core.contact_pair_lt(p, q), community_core.contact_pair_le(p, q), community_core.contact_pair_gt(p, q), community_core.contact_pair_ge(p, q) FROM community_core.contact_pair(gen_random_uuid(), gen_random_uuid()) AS p, community_core.contact_pair(gen_random_uuid(), gen_random_uuid()) AS q', :calls);
CALL memory.measure('pair', 'SELECT memory.copied($1) -- contact_pair in binary form', :few);
CALL memory.measure('pair', 'INSERT INTO memory.friends SELECT gen_random_uuid(), gen_random_uuid()', :calls);
TRUNCATE memory.friends;
CALL memory.measure('pair', 'INSERT INTO memory.choices VALUES ($1 / 2, 1 + abs($1) % 2, 2 - abs($1) % 2, true) ON CONFLICT DO NOTHING', :calls);
CALL memory.measure('pair', 'SELECT memory.pair_tables($1) -- create_canonical_pair, create_unordered_pair, create_mutual_choice', :fewest);

CALL memory.measure('counter', 'INSERT INTO memory.child SELECT 1 + abs($1) % 10', :calls);
TRUNCATE memory.child;
INSERT INTO memory.child SELECT n, n FROM generate_series(1, 10) AS n;
CALL memory.measure('counter', 'UPDATE memory.parent SET id = id WHERE id = 1 + abs($1) % 10', :calls);
CALL memory.measure('counter', 'SELECT community_core.counter_value(''memory.parent'', ''1'', ''children''), community_core.counter_value(''memory.pair_parent'', ''{1,1}''::text[], ''n'')', :few);
CALL memory.measure('counter', 'SELECT * FROM community_core.verify_counters(''memory.parent'')', :fewest);
CALL memory.measure('counter', 'SELECT * FROM community_core.counter_drift()', :fewest);
CALL memory.measure('counter', 'SELECT * FROM community_core.recount_counters(''memory.parent'')', :fewest);
CALL memory.measure('counter', 'SELECT * FROM community_core.fold_counters(''memory.pair_parent'')', :few);
CALL memory.measure('counter', 'SELECT * FROM community_core.counters()', :fewest);
CALL memory.measure('counter', 'SELECT memory.counters($1) -- create_counter, create_sum, create_average, drop_counter', :fewest);
CALL memory.measure('counter', 'SELECT memory.composite_counters($1), memory.composite_counter($1) -- the same for keys of two columns', :fewest);

CALL memory.measure('audit', 'SELECT community_core.jcs(jsonb_build_object(''b'', $1, ''a'', ''[1, 2.50, "x"]''::jsonb))', :calls);
CALL memory.measure('audit', 'SELECT * FROM community_core.verify_audit(''memory.small'')', :some);
CALL memory.measure('audit', 'SELECT community_core.audit_checkpoint(''memory.small'')', :some);
CALL memory.measure('audit', 'SELECT v.* FROM memory.checkpoint, community_core.verify_checkpoint(note, key) AS v', :some);
CALL memory.measure('audit', 'SELECT community_core.export_audit(''memory.small'')', :some);
CALL memory.measure('audit', 'SELECT community_core.verify_inclusion(leaf, leaf_index, tree_size, root, path) FROM community_core.audit_inclusion_proof(''memory.small'', ''7'')', :some);
CALL memory.measure('audit', 'SELECT community_core.verify_consistency(old_size, new_size, old_root, new_root, path) FROM community_core.audit_consistency_proof(''memory.small'', 3)', :some);
CALL memory.measure('audit', 'SELECT memory.refused(''DELETE FROM memory.small''), memory.refused(''DELETE FROM memory.small_seal'')', :some);
CALL memory.measure('audit', 'SELECT * FROM community_core.audit_logs()', :few);
CALL memory.measure('audit', 'SELECT memory.erased($1) -- erase_audit_subject', :few);
CALL memory.measure('audit', 'SELECT memory.logs($1) -- create_audit_log, audit_changes', :fewest);

CALL memory.measure('benchmark', 'SELECT community_core.k_anonymous_count(id, 5), community_core.k_anonymous_avg(id, 1, 5), community_core.k_anonymous_percentile(id, 1, 0.5, 5), community_core.k_anonymous_histogram(id, 1, 0, 10, 5, 5) FROM auth.users', :calls);
CALL memory.measure('benchmark', 'SELECT community_core.k_anonymous_avg(id, 1, 5, now()), community_core.k_anonymous_percentile(id, 1, 0.5, 5, now()), community_core.k_anonymous_histogram(id, 1, 0, 10, 5, 5, now()) FROM auth.users', :calls);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CALL memory.measure('benchmark', 'SELECT community_core.k_anonymous_count(id, 5), community_core.k_anonymous_percentile(id, value, 0.5, 5) FROM memory.people -- in parallel', :fewest);
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
CALL memory.measure('benchmark', 'SELECT * FROM founders.benchmark_stage_aggregates', :some);
CALL memory.measure('benchmark', 'SELECT * FROM memory.scores', :some);
CALL memory.measure('benchmark', 'SELECT * FROM community_core.benchmark_coverage(''memory.scores''), community_core.benchmark_position(''memory.scores'')', :fewest);
CALL memory.measure('benchmark', 'SELECT * FROM community_core.benchmarks()', :few);
CALL memory.measure('benchmark', 'UPDATE founders.investor_readiness_scores SET overall_score = 40 + abs($1) % 50 WHERE user_id = ''00000000-0000-4000-8000-000000000003''', :few);
CALL memory.measure('benchmark', 'UPDATE founders.consent_preferences SET enabled = NOT enabled WHERE category = ''benchmarks'' AND user_id = ''00000000-0000-4000-8000-000000000003''', :few);
CALL memory.measure('benchmark', 'SELECT founders.refresh_benchmark_aggregates(), community_core.refresh_benchmark(''memory.scores'', full => true)', :fewest);
CALL memory.measure('benchmark', 'SELECT memory.benchmarks($1) -- create_benchmark, drop_benchmark', :fewest);

CALL memory.measure('retention', 'SELECT community_core.has_retention_policy(''memory.visit'', ''delete_made_at'')', :some);
CALL memory.measure('retention', 'SELECT * FROM community_core.retention_policies()', :few);
CALL memory.measure('retention', 'SELECT * FROM community_core.retention_due()', :few);
CALL memory.measure('retention', 'WITH old AS (INSERT INTO memory.visit SELECT $1, ''2020-01-01'' RETURNING id) SELECT community_core.apply_retention_batch(''memory.visit'', ''delete_made_at'', 10, now(), gen_random_uuid()) FROM old', :few);
CALL memory.measure('retention', 'SELECT community_core.record_retention_failure(''memory.visit'', ''delete_made_at'', now(), gen_random_uuid(), ''disk full'')', :few);
CALL memory.measure('retention', 'TRUNCATE memory.emptied', :few);
CALL memory.measure('retention', 'SELECT memory.policies($1) -- create_retention_policy, drop_retention_policy', :fewest);
CALL memory.measure('retention', 'CALL community_core.apply_retention()', :rarely);

CALL memory.measure('module', 'UPDATE founders.profiles SET industry = ''fintech'' WHERE id = ''00000000-0000-4000-8000-000000000003'' -- updated_at', :some);
CALL memory.measure('module', 'SELECT * FROM community_core.modules()', :few);
CALL memory.measure('module', 'SELECT community_core.install_chosen_modules()', :few);
CALL memory.measure('module', 'SELECT * FROM community_core.verify_module()', :fewest);
CALL memory.measure('status', 'SELECT * FROM community_core.status_queues()', :some);
CALL memory.measure('status', 'SELECT * FROM community_core.status()', :fewest);
CALL memory.measure('status', 'SELECT community_core.metrics()', :fewest);
CALL memory.measure('module', 'SELECT memory.install($1) -- install_module, remove_module', :rarely);
CALL memory.measure('module', 'SELECT * FROM community_core.migrate_modules()', :rarely);
CALL memory.measure('module', 'SELECT community_core.upgrade_modules()', :rarely);

-- Last, as status() would verify what they leave each time.
CALL memory.measure('audit', 'UPDATE memory.changing SET n = $1', :calls);
CALL memory.measure('audit', 'INSERT INTO memory.log SELECT $1, 1, ''00000000-0000-4000-8000-000000000001'', ''{"a": 1.50}''', :calls);
CALL memory.measure('audit', 'INSERT INTO memory.clicks SELECT $1, ''home''', :calls);
CALL memory.measure('audit', 'SELECT community_core.seal_audit(''memory.clicks'')', :few);

SELECT pg_stat_force_next_flush();
\o
\pset border 1
\pset footer off
SELECT engine, left(call, 70) AS call, calls, microseconds AS "µs a call", resident_kb AS "resident kB more", contexts_kb AS "contexts kB more",
       foreign_keys_kb AS "of that foreign keys"
FROM memory.measured ORDER BY ordinal;
