-- The queue of payouts: each once, in the order of its account, by workers that may die.

CREATE OR REPLACE FUNCTION enqueue_payout(
    idempotency_key text, payout_account_id uuid, amount numeric, currency text, scheduled_for timestamptz DEFAULT NULL)
RETURNS payout_jobs
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    job @schema@.payout_jobs;
BEGIN
    INSERT INTO @schema@.payout_jobs AS j (idempotency_key, payout_account_id, amount, currency, scheduled_for)
    VALUES (enqueue_payout.idempotency_key, enqueue_payout.payout_account_id, enqueue_payout.amount,
            enqueue_payout.currency, coalesce(enqueue_payout.scheduled_for, now()))
    ON CONFLICT (idempotency_key) DO NOTHING RETURNING j.* INTO job;
    IF FOUND THEN
        RETURN job;
    END IF;
    SELECT j.* INTO job FROM @schema@.payout_jobs j WHERE j.idempotency_key = enqueue_payout.idempotency_key;
    IF (job.payout_account_id, job.amount, job.currency) IS DISTINCT FROM
           (enqueue_payout.payout_account_id, enqueue_payout.amount, enqueue_payout.currency)
       OR job.scheduled_for <> enqueue_payout.scheduled_for THEN
        RAISE EXCEPTION 'payout % is there already with another content', enqueue_payout.idempotency_key
            USING ERRCODE = 'unique_violation', HINT = 'A retry is for the same account, amount and currency.';
    END IF;
    RETURN job;
END;
$$;
COMMENT ON FUNCTION enqueue_payout(text, uuid, numeric, text, timestamptz) IS
    'Queues a payout once per idempotency key and returns its job, on a retry the same one. amount: more than 0, with the decimals of its currency; scheduled_for: not to be paid before, NULL is now. Volatile. Errors: 23503 no such account, 23505 that key came with another content, 23514 not an amount. Example: SELECT id FROM enqueue_payout(''bounty:7'', ''018f0000-0000-7000-8000-000000000001'', 50, ''EUR'')';

CREATE OR REPLACE FUNCTION claim_payout_jobs(how_many int, at timestamptz DEFAULT now())
RETURNS SETOF payout_jobs
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    limit_of CONSTANT int := community_core.spaces_setting('payout_attempts');
    lease    CONSTANT interval := pg_catalog.make_interval(secs => community_core.spaces_setting('payout_lease'));
    account  uuid;
    job      @schema@.payout_jobs;
BEGIN
    -- A worker died with the last attempt.
    UPDATE @schema@.payout_jobs j
    SET status = 'dead', processed_at = at, last_error = coalesce(j.last_error, 'no worker came back with an answer')
    WHERE j.id IN (
        SELECT d.id FROM @schema@.payout_jobs d
        WHERE d.status = 'processing' AND d.available_at <= at AND d.attempts - d.earlier_attempts >= limit_of
        FOR UPDATE SKIP LOCKED);
    FOR account IN
        SELECT a.id FROM @schema@.payout_accounts a
        CROSS JOIN LATERAL (
            SELECT o.scheduled_for, o.available_at FROM @schema@.payout_jobs o
            WHERE o.payout_account_id = a.id AND o.status IN ('queued', 'processing')
            ORDER BY o.status = 'queued', o.scheduled_for, o.id LIMIT 1) AS head
        WHERE a.kyc_status = 'verified' AND a.status = 'active'
          AND head.scheduled_for <= at AND head.available_at <= at
        ORDER BY head.scheduled_for, a.id LIMIT how_many
        FOR NO KEY UPDATE OF a SKIP LOCKED
    LOOP
        -- Looked at again: since this statement began, another worker may have had the account.
        SELECT o.* INTO job FROM @schema@.payout_jobs o
        WHERE o.payout_account_id = account AND o.status IN ('queued', 'processing')
        ORDER BY o.status = 'queued', o.scheduled_for, o.id LIMIT 1;
        IF FOUND AND job.scheduled_for <= at AND job.available_at <= at THEN
            UPDATE @schema@.payout_jobs j
            SET status = 'processing', attempts = j.attempts + 1, available_at = at + lease
            WHERE j.id = job.id RETURNING j.* INTO job;
            RETURN NEXT job;
        END IF;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION claim_payout_jobs(int, timestamptz) IS
    'Gives a worker at most how_many jobs that no other worker has: of each verified and active account its oldest, and none while one of the account is under way or waits to be tried again. A job not finished within setting community_core.spaces_payout_lease (seconds) can be claimed again; after community_core.spaces_payout_attempts it is dead. Pay with its idempotency_key as the provider''s. at: the time to go by. Volatile. Example: SELECT id, attempts FROM claim_payout_jobs(10)';

CREATE OR REPLACE FUNCTION finish_payout_job(
    job_id uuid, attempt int, external_id text DEFAULT NULL, failure text DEFAULT NULL, at timestamptz DEFAULT now())
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    limit_of CONSTANT int := community_core.spaces_setting('payout_attempts');
BEGIN
    IF pg_catalog.num_nonnulls(external_id, failure) <> 1 THEN
        RAISE EXCEPTION 'payout % ends with an external_id or with a failure', job_id
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give exactly one of the two.';
    END IF;
    -- The attempt is the claim: a worker taken for dead no longer holds it.
    UPDATE @schema@.payout_jobs j
    SET status = CASE WHEN failure IS NULL THEN 'paid' WHEN j.attempts - j.earlier_attempts >= limit_of THEN 'dead' ELSE 'queued' END,
        external_id = finish_payout_job.external_id, last_error = coalesce(failure, j.last_error),
        processed_at = CASE WHEN failure IS NULL OR j.attempts - j.earlier_attempts >= limit_of THEN at END,
        available_at = at + pg_catalog.make_interval(
            secs => community_core.spaces_setting('payout_backoff') * pg_catalog.power(2, LEAST(j.attempts - j.earlier_attempts, 16) - 1))
    WHERE j.id = job_id AND j.status = 'processing' AND j.attempts = attempt;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION finish_payout_job(uuid, int, text, text, timestamptz) IS
    'Ends a claim: paid, with the provider''s external_id, or failed with the reason, to be tried again after setting community_core.spaces_payout_backoff seconds, doubled with each attempt. attempt: as claim_payout_jobs gave it. Returns false where the claim has passed to another worker. Volatile. Errors: 22023, 23505 another payout has that external_id. Example: SELECT finish_payout_job(id, attempts, external_id => ''po_1'') FROM claim_payout_jobs(1)';

CREATE OR REPLACE FUNCTION retry_payout_job(job_id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.payout_jobs j
    SET status = 'queued', earlier_attempts = j.attempts, processed_at = NULL, available_at = '-infinity'
    WHERE j.id = job_id AND j.status = 'dead';
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION retry_payout_job(uuid) IS
    'Queues a dead payout again, with as many attempts as at first and the same idempotency key. Returns false where it is not dead. Volatile. Example: SELECT retry_payout_job(id) FROM payout_jobs WHERE status = ''dead''';
GRANT EXECUTE ON FUNCTION enqueue_payout(text, uuid, numeric, text, timestamptz), claim_payout_jobs(int, timestamptz),
    finish_payout_job(uuid, int, text, text, timestamptz), retry_payout_job(uuid) TO service_role;
