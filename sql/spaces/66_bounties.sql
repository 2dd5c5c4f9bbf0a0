-- Bounties, and the ledger of their escrow: what a bounty is at is what its ledger says.

CREATE TABLE bounties (
    id              uuid          NOT NULL DEFAULT gen_random_uuid(),
    target_type     text          NOT NULL,
    target_id       uuid          NOT NULL,
    space_id        uuid,
    sponsor_id      uuid,
    recipient_id    uuid,
    amount          numeric(20,4) NOT NULL,
    currency        text          NOT NULL,
    status          text          NOT NULL DEFAULT 'pending',
    escrow_balance  numeric(20,4) NOT NULL DEFAULT 0,
    dispute_balance numeric(20,4) NOT NULL DEFAULT 0,
    dispute_status  text          NOT NULL DEFAULT 'none',
    dispute_reason  text,
    expires_at      timestamptz   NOT NULL,
    closed_at       timestamptz,
    created_at      timestamptz   NOT NULL DEFAULT now(),
    updated_at      timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT bounties_pkey PRIMARY KEY (id),
    CONSTRAINT bounties_sponsor_id_fkey FOREIGN KEY (sponsor_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT bounties_recipient_id_fkey FOREIGN KEY (recipient_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT bounties_target_type_check CHECK (target_type IN ('question', 'post', 'event', 'workshop')),
    CONSTRAINT bounties_currency_check CHECK (currency_decimals(currency) IS NOT NULL),
    CONSTRAINT bounties_amount_check CHECK (amount > 0 AND fits_currency(amount, currency)),
    CONSTRAINT bounties_status_check CHECK (
        status IN ('pending', 'cancelled', 'funded', 'disputed', 'released', 'refunded')),
    -- The whole amount is in one place: nothing before it was funded, nothing once it is closed, never less.
    CONSTRAINT bounties_balance_check CHECK (
        escrow_balance = CASE status WHEN 'funded' THEN amount ELSE 0 END
        AND dispute_balance = CASE status WHEN 'disputed' THEN amount ELSE 0 END),
    CONSTRAINT bounties_dispute_status_check CHECK (
        dispute_status IN ('none', 'open', 'resolved') AND (dispute_status = 'open') = (status = 'disputed')),
    CONSTRAINT bounties_dispute_reason_check CHECK (
        (dispute_reason IS NULL) = (dispute_status = 'none')
        AND dispute_reason ~ '@visible@' AND char_length(dispute_reason) <= 10000),
    CONSTRAINT bounties_recipient_id_check CHECK (
        recipient_id IS NULL OR (status = 'released' AND recipient_id IS DISTINCT FROM sponsor_id)),
    CONSTRAINT bounties_expires_at_check CHECK (expires_at > created_at),
    CONSTRAINT bounties_closed_at_check CHECK (
        (closed_at IS NOT NULL) = (status IN ('cancelled', 'released', 'refunded')))
);
COMMENT ON TABLE bounties IS
    'What somebody has put up for a good answer, or another thing done. funded: it lies in escrow; disputed: it is held until staff decides; released: the recipient got it; refunded: the sponsor got it back. Kept for seven years.';
COMMENT ON COLUMN bounties.space_id IS 'The target''s space, by trigger; no foreign key, so that it outlives the space.';
COMMENT ON COLUMN bounties.sponsor_id IS 'Who put it up; NULL once that person is deleted.';
COMMENT ON COLUMN bounties.recipient_id IS 'To whom it was released; NULL once that person is deleted.';
COMMENT ON COLUMN bounties.status IS 'The type of the last transaction; pending before the first, cancelled where there will be none. Follows the ledger.';
COMMENT ON COLUMN bounties.escrow_balance IS 'What the ledger has in escrow. Follows the ledger.';
COMMENT ON COLUMN bounties.dispute_balance IS 'What the ledger holds while there is a dispute. Follows the ledger.';
CREATE INDEX bounties_target_id_idx ON bounties (target_type, target_id);
CREATE INDEX bounties_space_id_idx ON bounties (space_id, status);
CREATE INDEX bounties_sponsor_id_idx ON bounties (sponsor_id);
CREATE INDEX bounties_recipient_id_idx ON bounties (recipient_id);
CREATE INDEX bounties_expires_at_idx ON bounties (expires_at) WHERE status = 'funded';
CREATE INDEX bounties_closed_at_idx ON bounties (closed_at);
-- A question says what is in escrow for it: one amount.
CREATE UNIQUE INDEX bounties_open_key ON bounties (target_type, target_id) WHERE status IN ('funded', 'disputed');

CREATE POLICY bounties_select_guests ON bounties
    FOR SELECT TO anon
    USING (status NOT IN ('pending', 'cancelled') AND space_id = ANY (ARRAY(SELECT readable_space_ids())));
CREATE POLICY bounties_select_readers ON bounties
    FOR SELECT TO authenticated
    USING (sponsor_id = (SELECT auth.uid()) OR recipient_id = (SELECT auth.uid())
           OR (status NOT IN ('pending', 'cancelled') AND space_id = ANY (ARRAY(SELECT readable_space_ids()))));
CREATE POLICY bounties_insert_own ON bounties
    FOR INSERT TO authenticated
    WITH CHECK (sponsor_id = (SELECT auth.uid()) AND space_id = ANY (ARRAY(SELECT writable_space_ids())));
GRANT SELECT (id, target_type, target_id, space_id, sponsor_id, recipient_id, amount, currency, status,
              dispute_status, expires_at, closed_at, created_at, updated_at) ON bounties TO anon, authenticated;
GRANT INSERT (target_type, target_id, sponsor_id, amount, currency, expires_at) ON bounties TO authenticated;

CREATE TABLE bounty_transactions (
    id               uuid          NOT NULL DEFAULT uuid_v7(),
    bounty_id        uuid          NOT NULL,
    number           int           NOT NULL,
    transaction_type text          NOT NULL,
    from_account     text          NOT NULL,
    to_account       text          NOT NULL,
    amount           numeric(20,4) NOT NULL,
    currency         text          NOT NULL,
    recipient_id     uuid,
    reason           text,
    reference        text          NOT NULL,
    processed_at     timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT bounty_transactions_pkey PRIMARY KEY (id),
    CONSTRAINT bounty_transactions_bounty_id_number_key UNIQUE (bounty_id, number),
    -- A payment funds one bounty, and a bounty is released once.
    CONSTRAINT bounty_transactions_reference_key UNIQUE (reference),
    CONSTRAINT bounty_transactions_bounty_id_fkey FOREIGN KEY (bounty_id) REFERENCES bounties (id) ON DELETE CASCADE,
    CONSTRAINT bounty_transactions_amount_check CHECK (amount > 0 AND fits_currency(amount, currency)),
    CONSTRAINT bounty_transactions_currency_check CHECK (currency_decimals(currency) IS NOT NULL),
    CONSTRAINT bounty_transactions_number_check CHECK ((number = 1) = (transaction_type = 'funded')),
    -- Both sides of an entry are in one row, so that none is without the other.
    CONSTRAINT bounty_transactions_accounts_check CHECK (CASE transaction_type
        WHEN 'funded'   THEN from_account = 'sponsor' AND to_account = 'escrow'
        WHEN 'disputed' THEN from_account = 'escrow' AND to_account = 'dispute'
        WHEN 'released' THEN from_account IN ('escrow', 'dispute') AND to_account = 'recipient'
        WHEN 'refunded' THEN from_account IN ('escrow', 'dispute') AND to_account = 'sponsor'
        ELSE false END),
    CONSTRAINT bounty_transactions_recipient_id_check CHECK ((recipient_id IS NOT NULL) = (to_account = 'recipient')),
    CONSTRAINT bounty_transactions_reason_check CHECK ((reason IS NOT NULL) = (transaction_type = 'disputed')),
    CONSTRAINT bounty_transactions_reference_check CHECK (reference ~ '^\S{1,255}$')
);
COMMENT ON TABLE bounty_transactions IS
    'The ledger of the bounties'' escrow, double-entry: each row takes amount from one account of its bounty and gives it to another. Append-only; it goes with its bounty, seven years after that was closed.';
COMMENT ON COLUMN bounty_transactions.number IS 'Which of its bounty''s, from 1, without gaps; by trigger.';
COMMENT ON COLUMN bounty_transactions.recipient_id IS 'Who got it. No foreign key: what was paid to whom outlives the account.';
COMMENT ON COLUMN bounty_transactions.reference IS 'Where it comes from: the payment that funded it, or what happened to which bounty. Once.';

CREATE OR REPLACE FUNCTION own_bounty_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT b.id FROM @schema@.bounties b WHERE b.sponsor_id = (SELECT auth.uid()) OR b.recipient_id = (SELECT auth.uid());
$$;
COMMENT ON FUNCTION own_bounty_ids() IS
    'The bounties that the caller put up or got. Stable. Example: SELECT count(*) FROM own_bounty_ids()';
GRANT EXECUTE ON FUNCTION own_bounty_ids() TO authenticated, service_role;
CREATE POLICY bounty_transactions_select_party ON bounty_transactions
    FOR SELECT TO authenticated USING (bounty_id = ANY (ARRAY(SELECT own_bounty_ids())));
GRANT SELECT (id, bounty_id, number, transaction_type, from_account, to_account, amount, currency, processed_at)
    ON bounty_transactions TO authenticated;

CREATE OR REPLACE FUNCTION bounty_balances(bounty_id uuid) RETURNS TABLE (account text, balance numeric)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.account, pg_catalog.sum(e.amount)
    FROM @schema@.bounty_transactions t
    CROSS JOIN LATERAL (VALUES (t.from_account, -t.amount), (t.to_account, t.amount)) AS e (account, amount)
    WHERE t.bounty_id = bounty_balances.bounty_id
    GROUP BY e.account ORDER BY e.account;
$$;
COMMENT ON FUNCTION bounty_balances(uuid) IS
    'What the ledger of a bounty adds up to in each of its accounts: sponsor, escrow, dispute, recipient. The sum over all of them is 0. No rows before it is funded. Stable. Example: SELECT account, balance FROM bounty_balances(''018f0000-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION bounty_balances(uuid) TO service_role;
