-- A procedure, because only a procedure can commit between batches.
CREATE PROCEDURE apply_retention(
    batch int DEFAULT 10000, now timestamptz DEFAULT now(), INOUT counts jsonb DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
    run     CONSTANT uuid := pg_catalog.gen_random_uuid();
    policy  record;
    touched bigint;
    kept    bigint;
    passed  bigint;
    total   bigint;
    failure text;
BEGIN
    counts := '{}';
    FOR policy IN SELECT * FROM community_core.retention_policies() LOOP
        total := 0;
        passed := NULL;
        failure := NULL;
        LOOP
            BEGIN
                SELECT b.touched, b.kept INTO touched, kept
                FROM community_core.apply_retention_step(policy.target, policy.policy, batch, now, run, passed) AS b;
            EXCEPTION WHEN OTHERS THEN
                touched := 0;
                kept := 0;
                failure := SQLERRM;
            END;
            IF failure IS NOT NULL THEN
                -- One policy that fails does not keep the others from being kept.
                RAISE WARNING 'retention policy % of % failed: %', policy.policy, policy.table_name, failure;
                BEGIN
                    PERFORM community_core.record_retention_failure(policy.target, policy.policy, now, run, failure);
                EXCEPTION WHEN OTHERS THEN
                    RAISE WARNING 'that could not be recorded: %', SQLERRM;
                END;
            END IF;
            COMMIT;
            EXIT WHEN touched = 0 AND kept = 0;
            total := total + touched;
            RAISE NOTICE 'retention policy % of %: % rows', policy.policy, policy.table_name, total;
            -- Rows that stay are the oldest still and would fill every batch: once there are some they are
            -- tried once more, counted, and passed over, so that what is due after them leaves.
            IF passed IS NOT NULL THEN
                passed := passed + kept;
            ELSIF kept > 0 THEN
                passed := 0;
            END IF;
        END LOOP;
        IF passed > 0 THEN
            RAISE WARNING 'retention policy % of %: % rows that are due stayed', policy.policy, policy.table_name, passed
                USING HINT = 'A BEFORE trigger of the table keeps them: change it, or the condition of the policy.';
        END IF;
        counts := counts || pg_catalog.jsonb_build_object(
            policy.table_name || ' ' || policy.policy,
            CASE WHEN failure IS NULL THEN pg_catalog.to_jsonb(total) ELSE pg_catalog.to_jsonb(failure) END);
    END LOOP;
END;
$$;

COMMENT ON PROCEDURE apply_retention(int, timestamptz, jsonb) IS
'Applies the policies of the caller''s tables, a batch of rows per transaction, with a NOTICE and an entry in the policy''s log for each, and a WARNING where rows stayed that a trigger of the table keeps; what a crash interrupts, the next call finishes. batch: rows per transaction; now: the time to go by. Returns in counts the rows of each policy, or why it failed. Errors: 2D000 inside a transaction block. Example: CALL community_core.apply_retention()';
COMMENT ON FUNCTION create_retention_policy(regclass, text, interval, text, jsonb, regclass, text, text) IS
'Lets rows of a table leave, or lose what they say, once they are old enough. target: of the caller''s; age_column: timestamptz, timestamp (as UTC) or date; keep: how long; action: delete, null (columns: a list), anonymize (columns: column to expression), summarize (columns: column of summary to expression); condition: SQL; log: an audit log in the schema of the table. Returns the policy''s name, <action>_<age_column>; again: changes it. Volatile. Errors: 22004, 22023, 42501, 42703, 42809, 55000. Example: SELECT community_core.create_retention_policy(''sms_messages'', ''created_at'', ''90 days'', ''null'', ''["body_ciphertext", "body_iv", "body_tag"]'')';
COMMENT ON FUNCTION drop_retention_policy(regclass, text) IS
'Takes a policy away; its log stays. target: a table of the caller''s. Returns whether there was one. Volatile. Errors: 22004, 42501. Example: SELECT community_core.drop_retention_policy(''linkup.magic_links'', ''delete_expires_at'')';
COMMENT ON FUNCTION has_retention_policy(regclass, text) IS
'Whether a table has a policy of that name. NULL gives NULL. Stable. Example: SELECT community_core.has_retention_policy(''linkup.magic_links'', ''delete_expires_at'')';
COMMENT ON FUNCTION retention_policies() IS
'Every retention policy of the caller''s tables, read from the triggers themselves. Stable. Example: SELECT * FROM community_core.retention_policies()';
COMMENT ON FUNCTION retention_due(timestamptz) IS
'What would leave if the policies of the caller''s tables were applied at now: one row per policy. Stable. Example: SELECT * FROM community_core.retention_due()';
COMMENT ON FUNCTION apply_retention_batch(regclass, text, int, timestamptz, uuid) IS
'One batch of one policy, and its entry in the log, in the caller''s transaction. Returns how many rows it touched; how many stayed that a trigger keeps is in the entry. Volatile. Errors: 22004, 22023, 42501, 42704, 55000. Example: SELECT community_core.apply_retention_batch(''linkup.magic_links'', ''delete_expires_at'', 1000, now(), gen_random_uuid())';
COMMENT ON FUNCTION apply_retention_step(regclass, text, int, timestamptz, uuid, bigint) IS
'As apply_retention_batch, for apply_retention. passed: over how many of the oldest rows to pass because they stayed, or NULL as long as none has. Returns how many rows it touched, and how many stayed though it was their time. Volatile. Errors: 22004, 22023, 42501, 42704, 55000. Example: SELECT touched, kept FROM community_core.apply_retention_step(''linkup.magic_links'', ''delete_expires_at'', 1000, now(), gen_random_uuid(), NULL)';
COMMENT ON FUNCTION record_retention_failure(regclass, text, timestamptz, uuid, text) IS
'The entry in the log of a policy that failed. For apply_retention. Volatile. Errors: 22004, 42501, 42704. Example: SELECT community_core.record_retention_failure(''linkup.magic_links'', ''delete_expires_at'', now(), gen_random_uuid(), ''disk full'')';
COMMENT ON FUNCTION retention_policy() IS
'The trigger that a retention policy is: its arguments say what the policy is. It fires before TRUNCATE and does nothing.';
