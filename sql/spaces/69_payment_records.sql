-- What keeps records of payments safe over the years: new keys, what staff did, and when they leave.

CREATE TABLE key_rotations (
    table_name   text        NOT NULL,
    key_version  int         NOT NULL,
    resume_token uuid,
    rows         bigint      NOT NULL DEFAULT 0,
    started_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    CONSTRAINT key_rotations_pkey PRIMARY KEY (table_name, key_version),
    CONSTRAINT key_rotations_table_name_check CHECK (table_name IN ('payment_methods', 'payout_accounts')),
    CONSTRAINT key_rotations_key_version_check CHECK (key_version > 1),
    CONSTRAINT key_rotations_rows_check CHECK (rows >= 0)
);
COMMENT ON TABLE key_rotations IS
    'How far the encryption of a table under a new key is: by rotate_keys and store_rotated. The keys are never in the database.';
COMMENT ON COLUMN key_rotations.resume_token IS 'The id after which the next chunk begins; NULL: at the beginning.';
COMMENT ON COLUMN key_rotations.rows IS 'How many were encrypted anew.';
COMMENT ON COLUMN key_rotations.finished_at IS 'When no row under an older key was left.';

CREATE OR REPLACE FUNCTION rotate_keys(table_name text, new_version int, how_many int DEFAULT 500)
RETURNS TABLE (id uuid, key_version int, pii_ciphertext bytea, pii_iv bytea, pii_tag bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    chunk CONSTANT text := pg_catalog.format(
        'SELECT t.id, t.key_version, t.pii_ciphertext, t.pii_iv, t.pii_tag FROM %s.%I t
         WHERE t.pii_ciphertext IS NOT NULL AND t.key_version < $1 AND ($2 IS NULL OR t.id > $2)
         ORDER BY t.id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED', '@schema@', rotate_keys.table_name);
    token uuid;
    last  uuid;
    more  boolean;
BEGIN
    INSERT INTO @schema@.key_rotations AS k (table_name, key_version)
    VALUES (rotate_keys.table_name, rotate_keys.new_version) ON CONFLICT ON CONSTRAINT key_rotations_pkey DO NOTHING;
    SELECT k.resume_token INTO token FROM @schema@.key_rotations k
    WHERE k.table_name = rotate_keys.table_name AND k.key_version = rotate_keys.new_version FOR NO KEY UPDATE;
    LOOP
        FOR id, key_version, pii_ciphertext, pii_iv, pii_tag IN EXECUTE chunk USING new_version, token, how_many LOOP
            last := rotate_keys.id;
            RETURN NEXT;
        END LOOP;
        -- At the end once more from the beginning, for what a worker that died has left behind.
        EXIT WHEN last IS NOT NULL OR token IS NULL;
        token := NULL;
    END LOOP;
    EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM %s.%I t WHERE t.pii_ciphertext IS NOT NULL AND t.key_version < $1)',
                              '@schema@', rotate_keys.table_name) INTO more USING new_version;
    UPDATE @schema@.key_rotations k
    SET resume_token = last, finished_at = CASE WHEN NOT more THEN coalesce(k.finished_at, now()) END
    WHERE k.table_name = rotate_keys.table_name AND k.key_version = rotate_keys.new_version;
END;
$$;
COMMENT ON FUNCTION rotate_keys(text, int, int) IS
    'Hands a worker at most how_many rows that are encrypted under a key older than new_version, to be encrypted anew and given to store_rotated. Where it goes on is in key_rotations, so several workers get different rows, and one that stops is followed by any other; no row means that nothing is left but what another transaction holds. table_name: payment_methods or payout_accounts. Volatile. Errors: 23514 another table, or new_version below 2. Example: SELECT id, key_version, pii_ciphertext, pii_iv, pii_tag FROM rotate_keys(''payment_methods'', 2, 500)';

CREATE OR REPLACE FUNCTION store_rotated(
    table_name text, new_version int, ids uuid[], old_ivs bytea[], ciphertexts bytea[], ivs bytea[], tags bytea[])
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    stored bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM @schema@.key_rotations k
                   WHERE k.table_name = store_rotated.table_name AND k.key_version = new_version) THEN
        RAISE EXCEPTION '% is not being encrypted under key %', store_rotated.table_name, new_version
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Give back what rotate_keys has handed out.';
    ELSIF EXISTS (SELECT FROM unnest(ids, old_ivs, ciphertexts, ivs, tags) AS r (id, old_iv, ciphertext, iv, tag)
                  WHERE pg_catalog.num_nulls(r.id, r.old_iv, r.ciphertext, r.iv, r.tag) > 0 OR r.iv = r.old_iv) THEN
        RAISE EXCEPTION 'a row of % is given back incomplete or under its old initialization vector', store_rotated.table_name
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give for each id the old vector, and a new ciphertext, vector and tag.';
    END IF;
    -- The old vector is what the row was read with: one that was written since then is not overwritten.
    EXECUTE pg_catalog.format(
        'UPDATE %s.%I t SET key_version = $1, pii_ciphertext = r.ciphertext, pii_iv = r.iv, pii_tag = r.tag
         FROM unnest($2, $3, $4, $5, $6) AS r (id, old_iv, ciphertext, iv, tag)
         WHERE t.id = r.id AND t.pii_iv = r.old_iv AND t.key_version < $1', '@schema@', store_rotated.table_name)
    USING new_version, ids, old_ivs, ciphertexts, ivs, tags;
    GET DIAGNOSTICS stored = ROW_COUNT;
    UPDATE @schema@.key_rotations k SET rows = k.rows + stored
    WHERE k.table_name = store_rotated.table_name AND k.key_version = new_version;
    RETURN stored;
END;
$$;
COMMENT ON FUNCTION store_rotated(text, int, uuid[], bytea[], bytea[], bytea[], bytea[]) IS
    'Takes rows back that rotate_keys has handed out and that are encrypted under the key new_version now. ids, old_ivs: as they were handed out; ciphertexts, ivs, tags: what they are now, in the same order. A row that was written since then is left alone. Returns how many were stored. Volatile. Errors: 22023 incomplete, 55000 rotate_keys has not begun. Example: SELECT store_rotated(''payment_methods'', 2, ''{018f0000-0000-7000-8000-000000000001}'', ''{"\\x01"}'', ''{"\\x0a"}'', ''{"\\x02"}'', ''{"\\x0b"}'')';

CREATE OR REPLACE FUNCTION key_versions(at timestamptz DEFAULT now())
RETURNS TABLE (table_name text, key_version int, rows bigint, oldest timestamptz, due boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.table_name, e.key_version, pg_catalog.count(*), pg_catalog.min(e.encrypted_at),
           pg_catalog.min(e.encrypted_at) <= at - '1 year'::interval
    FROM (SELECT 'payment_methods' AS table_name, m.key_version, m.encrypted_at FROM @schema@.payment_methods m
          WHERE m.pii_ciphertext IS NOT NULL
          UNION ALL
          SELECT 'payout_accounts', a.key_version, a.encrypted_at FROM @schema@.payout_accounts a
          WHERE a.pii_ciphertext IS NOT NULL) AS e
    GROUP BY e.table_name, e.key_version ORDER BY e.table_name, e.key_version;
$$;
COMMENT ON FUNCTION key_versions(timestamptz) IS
    'How many rows of which table are encrypted under which key, since when the oldest of them, and whether a new key is due, which is after a year. at: the time to go by. Stable. Example: SELECT table_name, key_version FROM key_versions() WHERE due';
GRANT EXECUTE ON FUNCTION rotate_keys(text, int, int), key_versions(timestamptz),
    store_rotated(text, int, uuid[], bytea[], bytea[], bytea[], bytea[]) TO service_role;

-- What staff does with money. What is personal, or opens an account, is not written down.
CREATE OR REPLACE TRIGGER payout_accounts_record_staff_action
    AFTER INSERT OR UPDATE OR DELETE ON payout_accounts FOR EACH ROW EXECUTE FUNCTION record_staff_action(
        'payout_account', 'external_account_id', 'kyc_metadata', 'pii_ciphertext', 'pii_iv', 'pii_tag', 'key_version', 'encrypted_at');
CREATE OR REPLACE TRIGGER payout_jobs_record_entry
    AFTER INSERT OR DELETE ON payout_jobs FOR EACH ROW EXECUTE FUNCTION record_staff_action('payout');
-- A worker's claims are no staff actions.
CREATE OR REPLACE TRIGGER payout_jobs_record_end
    AFTER UPDATE OF status ON payout_jobs FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND (OLD.status = 'dead' OR NEW.status IN ('paid', 'dead')))
    EXECUTE FUNCTION record_staff_action('payout');
CREATE OR REPLACE TRIGGER donations_record_refund
    AFTER INSERT ON donations FOR EACH ROW WHEN (NEW.refund_of IS NOT NULL) EXECUTE FUNCTION record_staff_action('refund');
CREATE OR REPLACE TRIGGER bounties_record_dispute
    AFTER UPDATE OF dispute_status ON bounties FOR EACH ROW WHEN (OLD.dispute_status <> NEW.dispute_status)
    EXECUTE FUNCTION record_staff_action('bounty');

-- What was paid is kept for seven years, a donation as long as its refunds.
SELECT community_core.create_retention_policy('donations', 'settled_at', '7 years', 'delete',
    condition => 'id NOT IN (SELECT r.refund_of FROM @schema@.donations r WHERE r.refund_of IS NOT NULL)')
WHERE NOT community_core.has_retention_policy('donations', 'delete_settled_at');
SELECT community_core.create_retention_policy('payout_jobs', 'processed_at', '7 years', 'delete')
WHERE NOT community_core.has_retention_policy('payout_jobs', 'delete_processed_at');
SELECT community_core.create_retention_policy('bounties', 'closed_at', '7 years', 'delete')
WHERE NOT community_core.has_retention_policy('bounties', 'delete_closed_at');
