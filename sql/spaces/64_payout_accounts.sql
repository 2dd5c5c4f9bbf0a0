-- Who can be paid, and what is to be paid to them.

CREATE TABLE payout_accounts (
    id                  uuid        NOT NULL DEFAULT gen_random_uuid(),
    profile_id          uuid,
    provider            text        NOT NULL,
    external_account_id text        NOT NULL,
    status              text        NOT NULL DEFAULT 'active',
    kyc_status          text        NOT NULL DEFAULT 'pending',
    kyc_metadata        jsonb       NOT NULL DEFAULT '{}',
    pii_ciphertext      bytea,
    pii_iv              bytea,
    pii_tag             bytea,
    key_version         int         NOT NULL DEFAULT 1,
    encrypted_at        timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT payout_accounts_pkey PRIMARY KEY (id),
    CONSTRAINT payout_accounts_provider_external_account_id_key UNIQUE (provider, external_account_id),
    CONSTRAINT payout_accounts_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT payout_accounts_provider_check CHECK (provider ~ '^[a-z][a-z0-9_]{0,62}$'),
    CONSTRAINT payout_accounts_external_account_id_check CHECK (external_account_id ~ '^\S{1,255}$'),
    CONSTRAINT payout_accounts_status_check CHECK (status IN ('active', 'disabled', 'closed')),
    CONSTRAINT payout_accounts_kyc_status_check CHECK (kyc_status IN ('pending', 'verified', 'rejected')),
    CONSTRAINT payout_accounts_kyc_metadata_check CHECK (jsonb_typeof(kyc_metadata) = 'object'),
    CONSTRAINT payout_accounts_pii_check CHECK (num_nulls(pii_ciphertext, pii_iv, pii_tag, encrypted_at) IN (0, 4)),
    CONSTRAINT payout_accounts_key_version_check CHECK (key_version > 0),
    -- Nobody is left who could be paid, nor anything that is personal.
    CONSTRAINT payout_accounts_profile_id_check CHECK (
        profile_id IS NOT NULL OR (status = 'closed' AND kyc_metadata = '{}' AND pii_ciphertext IS NULL))
);
COMMENT ON TABLE payout_accounts IS
    'Where a person is paid. Nothing is paid before kyc_status is verified. What the person had to prove is in pii_ciphertext; the keys are never in the database. Written by the server.';
COMMENT ON COLUMN payout_accounts.profile_id IS
    'Whose; NULL once that person is deleted, with which the account is closed and what is personal in it goes.';
COMMENT ON COLUMN payout_accounts.kyc_metadata IS 'What the provider says of the check: references and dates, nothing personal. Not read by app roles.';
COMMENT ON COLUMN payout_accounts.pii_ciphertext IS
    'What is personal, encrypted by the application under key_version, with pii_iv and pii_tag; not read by app roles.';
COMMENT ON COLUMN payout_accounts.encrypted_at IS 'When pii_ciphertext was written; kept by trigger.';
CREATE INDEX payout_accounts_profile_id_idx ON payout_accounts (profile_id);
CREATE INDEX payout_accounts_key_version_idx ON payout_accounts (key_version, id) WHERE pii_ciphertext IS NOT NULL;
CREATE INDEX payout_accounts_kyc_metadata_idx ON payout_accounts USING gin (kyc_metadata);
CREATE POLICY payout_accounts_select_own ON payout_accounts
    FOR SELECT TO authenticated USING (profile_id = (SELECT auth.uid()));
GRANT SELECT (id, profile_id, provider, status, kyc_status, created_at, updated_at) ON payout_accounts TO authenticated;

CREATE TABLE payout_jobs (
    id                uuid          NOT NULL DEFAULT uuid_v7(),
    payout_account_id uuid          NOT NULL,
    amount            numeric(20,4) NOT NULL,
    currency          text          NOT NULL,
    status            text          NOT NULL DEFAULT 'queued',
    attempts          int           NOT NULL DEFAULT 0,
    earlier_attempts  int           NOT NULL DEFAULT 0,
    last_error        text,
    idempotency_key   text          NOT NULL,
    external_id       text,
    scheduled_for     timestamptz   NOT NULL DEFAULT now(),
    available_at      timestamptz   NOT NULL DEFAULT '-infinity',
    processed_at      timestamptz,
    created_at        timestamptz   NOT NULL DEFAULT now(),
    updated_at        timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT payout_jobs_pkey PRIMARY KEY (id),
    CONSTRAINT payout_jobs_idempotency_key_key UNIQUE (idempotency_key),
    CONSTRAINT payout_jobs_external_id_key UNIQUE (external_id),
    CONSTRAINT payout_jobs_payout_account_id_fkey FOREIGN KEY (payout_account_id) REFERENCES payout_accounts (id),
    CONSTRAINT payout_jobs_currency_check CHECK (currency_decimals(currency) IS NOT NULL),
    CONSTRAINT payout_jobs_amount_check CHECK (amount > 0 AND fits_currency(amount, currency)),
    CONSTRAINT payout_jobs_status_check CHECK (status IN ('queued', 'processing', 'paid', 'dead')),
    CONSTRAINT payout_jobs_attempts_check CHECK (earlier_attempts >= 0 AND attempts >= earlier_attempts),
    CONSTRAINT payout_jobs_external_id_check CHECK ((external_id IS NOT NULL) = (status = 'paid')),
    CONSTRAINT payout_jobs_processed_at_check CHECK ((processed_at IS NOT NULL) = (status IN ('paid', 'dead')))
);
COMMENT ON TABLE payout_jobs IS
    'What is to be paid to an account, once per idempotency key: by enqueue_payout, claim_payout_jobs, finish_payout_job. The jobs of an account are paid one after the other, the oldest first. Kept for seven years.';
COMMENT ON COLUMN payout_jobs.status IS
    'queued; processing: a worker has it; paid; dead: it failed too often, until retry_payout_job.';
COMMENT ON COLUMN payout_jobs.attempts IS 'Claims so far; the number of a claim is never given again.';
COMMENT ON COLUMN payout_jobs.earlier_attempts IS 'Those before it was last queued again by retry_payout_job.';
COMMENT ON COLUMN payout_jobs.external_id IS 'The payment provider''s id of the payment.';
COMMENT ON COLUMN payout_jobs.available_at IS
    'When a worker may claim the job again: after the back-off, or when the worker that has it is taken for dead.';
CREATE INDEX payout_jobs_status_idx ON payout_jobs (status);
CREATE INDEX payout_jobs_payout_account_id_idx ON payout_jobs (payout_account_id);
CREATE INDEX payout_jobs_open_idx ON payout_jobs (payout_account_id, scheduled_for, id)
    WHERE status IN ('queued', 'processing');
CREATE INDEX payout_jobs_dead_idx ON payout_jobs (processed_at) WHERE status = 'dead';
CREATE INDEX payout_jobs_processed_at_idx ON payout_jobs (processed_at);
-- One payment of an account is under way at a time.
CREATE UNIQUE INDEX payout_jobs_processing_key ON payout_jobs (payout_account_id) WHERE status = 'processing';

CREATE OR REPLACE FUNCTION own_payout_account_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.id FROM @schema@.payout_accounts a WHERE a.profile_id = (SELECT auth.uid());
$$;
COMMENT ON FUNCTION own_payout_account_ids() IS
    'The payout accounts of the caller. Stable. Example: SELECT count(*) FROM own_payout_account_ids()';
GRANT EXECUTE ON FUNCTION own_payout_account_ids() TO authenticated, service_role;
CREATE POLICY payout_jobs_select_own ON payout_jobs
    FOR SELECT TO authenticated USING (payout_account_id = ANY (ARRAY(SELECT own_payout_account_ids())));
GRANT SELECT (id, payout_account_id, amount, currency, status, scheduled_for, processed_at, created_at, updated_at)
    ON payout_jobs TO authenticated;

CREATE OR REPLACE FUNCTION close_payout_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.status := 'closed';
    NEW.kyc_metadata := '{}';
    NEW.pii_ciphertext := NULL;
    NEW.pii_iv := NULL;
    NEW.pii_tag := NULL;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION close_payout_account() IS
    'Trigger: the account of a person who is deleted is closed, and what is personal in it goes.';
-- Before note_encryption, which follows pii_ciphertext.
CREATE OR REPLACE TRIGGER payout_accounts_close
    BEFORE UPDATE OF profile_id ON payout_accounts FOR EACH ROW
    WHEN (NEW.profile_id IS NULL) EXECUTE FUNCTION close_payout_account();
CREATE OR REPLACE TRIGGER payout_accounts_note_encryption
    BEFORE INSERT OR UPDATE ON payout_accounts FOR EACH ROW EXECUTE FUNCTION note_encryption();
CREATE OR REPLACE TRIGGER payout_accounts_bar_card_numbers
    BEFORE INSERT OR UPDATE ON payout_accounts FOR EACH ROW EXECUTE FUNCTION refuse_card_numbers();

CREATE OR REPLACE FUNCTION keep_payout_job() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.processed_at IS NULL OR OLD.processed_at > now() - '7 years'::interval THEN
            RAISE EXCEPTION 'payout % is kept', OLD.id
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = 'Payouts are kept for seven years after they were processed.';
        END IF;
        RETURN OLD;
    ELSIF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.payout_account_id, NEW.amount, NEW.currency, NEW.idempotency_key, NEW.created_at)
           IS DISTINCT FROM (OLD.id, OLD.payout_account_id, OLD.amount, OLD.currency, OLD.idempotency_key, OLD.created_at)
           OR (OLD.status = 'paid' AND pg_catalog.to_jsonb(NEW) <> pg_catalog.to_jsonb(OLD)) THEN
            RAISE EXCEPTION 'payout % stays as it was queued and paid', OLD.id
                USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Queue another payout.';
        ELSIF OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
                ('queued', 'processing'), ('processing', 'queued'), ('processing', 'paid'), ('processing', 'dead'),
                ('dead', 'queued')) THEN
            RAISE EXCEPTION 'payout % cannot go from % to %', OLD.id, OLD.status, NEW.status
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = 'Use claim_payout_jobs, finish_payout_job and retry_payout_job.';
        END IF;
    ELSIF NEW.status <> 'queued' THEN
        RAISE EXCEPTION 'a payout begins queued, not %', NEW.status
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Use enqueue_payout.';
    END IF;
    IF NEW.status = 'processing' AND NOT EXISTS (
           SELECT FROM @schema@.payout_accounts a
           WHERE a.id = NEW.payout_account_id AND a.kyc_status = 'verified' AND a.status = 'active') THEN
        RAISE EXCEPTION 'payout account % is not verified and active', NEW.payout_account_id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Nothing is paid before the check of the person is done.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION keep_payout_job() IS
    'Trigger: what is to be paid to whom does not change, nor does what is paid; nothing is paid to an account that is not verified and active; a job is kept for seven years (55000).';
CREATE OR REPLACE TRIGGER payout_jobs_keep
    BEFORE INSERT OR UPDATE OR DELETE ON payout_jobs FOR EACH ROW EXECUTE FUNCTION keep_payout_job();
CREATE OR REPLACE TRIGGER payout_jobs_bar_card_numbers
    BEFORE INSERT OR UPDATE ON payout_jobs FOR EACH ROW EXECUTE FUNCTION refuse_card_numbers();
