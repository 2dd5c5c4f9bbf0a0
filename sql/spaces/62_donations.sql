-- Donations: what somebody gave, what of it arrived and what went back. Kept for seven years.

CREATE TABLE donations (
    id                uuid          NOT NULL DEFAULT uuid_v7(),
    profile_id        uuid,
    target_type       text          NOT NULL,
    target_id         uuid          NOT NULL,
    space_id          uuid,
    amount            numeric(20,4) NOT NULL,
    currency          text          NOT NULL,
    fee_amount        numeric(20,4) NOT NULL DEFAULT 0,
    donor_covers_fees boolean       NOT NULL DEFAULT false,
    charged_amount    numeric(20,4) GENERATED ALWAYS AS
        (amount + CASE WHEN donor_covers_fees THEN fee_amount ELSE 0 END) STORED,
    received_amount   numeric(20,4) GENERATED ALWAYS AS
        (amount - CASE WHEN donor_covers_fees THEN 0 ELSE fee_amount END) STORED,
    refunded_amount   numeric(20,4) NOT NULL DEFAULT 0,
    refund_of         uuid,
    is_recurring      boolean       NOT NULL DEFAULT false,
    pledge_id         uuid,
    period_start      timestamptz,
    status            text          NOT NULL DEFAULT 'pending',
    external_id       text,
    failure           text,
    receipt_url       text,
    idempotency_key   text,
    available_at      timestamptz,
    settled_at        timestamptz,
    created_at        timestamptz   NOT NULL DEFAULT now(),
    updated_at        timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT donations_pkey PRIMARY KEY (id),
    -- One donation for each period of a pledge.
    CONSTRAINT donations_pledge_id_period_start_key UNIQUE (pledge_id, period_start),
    CONSTRAINT donations_external_id_key UNIQUE (external_id),
    CONSTRAINT donations_idempotency_key_key UNIQUE (idempotency_key),
    CONSTRAINT donations_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT donations_pledge_id_fkey FOREIGN KEY (pledge_id) REFERENCES pledges (id),
    CONSTRAINT donations_refund_of_fkey FOREIGN KEY (refund_of) REFERENCES donations (id),
    CONSTRAINT donations_target_type_check CHECK (target_type IN ('space', 'profile', 'post', 'event', 'workshop')),
    CONSTRAINT donations_currency_check CHECK (currency_decimals(currency) IS NOT NULL),
    CONSTRAINT donations_amount_check CHECK (amount > 0 AND fits_currency(amount, currency)),
    CONSTRAINT donations_fee_amount_check CHECK (
        fee_amount >= 0 AND fits_currency(fee_amount, currency) AND (donor_covers_fees OR fee_amount <= amount)),
    -- Never more than was paid, however many refunds are made at once.
    CONSTRAINT donations_refunded_amount_check CHECK (
        refunded_amount >= 0 AND refunded_amount <= amount + CASE WHEN donor_covers_fees THEN fee_amount ELSE 0 END),
    CONSTRAINT donations_refund_of_check CHECK (
        refund_of IS NULL OR (refund_of <> id AND fee_amount = 0 AND refunded_amount = 0 AND pledge_id IS NULL)),
    CONSTRAINT donations_pledge_check CHECK (num_nulls(pledge_id, period_start) IN (0, 2)
                                             AND is_recurring = (pledge_id IS NOT NULL)),
    CONSTRAINT donations_status_check CHECK (status IN ('pending', 'completed', 'failed')),
    CONSTRAINT donations_settled_at_check CHECK ((settled_at IS NULL) = (status = 'pending')),
    CONSTRAINT donations_failure_check CHECK ((failure IS NULL) = (status <> 'failed')),
    CONSTRAINT donations_receipt_url_check CHECK (
        receipt_url IS NULL
        OR (status = 'completed' AND receipt_url ~ '^https://\S+$' AND char_length(receipt_url) <= 2000))
);
COMMENT ON TABLE donations IS
    'What somebody gave. pending until the payment provider has answered; completed or failed, a row stays as it is for seven years, whoever wants to change it. A refund is a row of its own, with refund_of.';
COMMENT ON COLUMN donations.profile_id IS 'Who gave; NULL once that person is deleted.';
COMMENT ON COLUMN donations.space_id IS 'The target''s space, by trigger; no foreign key, so that it outlives the space.';
COMMENT ON COLUMN donations.fee_amount IS 'What the payment provider keeps: see donation_fee.';
COMMENT ON COLUMN donations.charged_amount IS 'What the donor pays: amount, and the fee where donor_covers_fees. In a refund: what the donor gets back.';
COMMENT ON COLUMN donations.received_amount IS 'What the target gets: amount, less the fee unless donor_covers_fees. In a refund: what the target gives back.';
COMMENT ON COLUMN donations.refunded_amount IS 'What refunds that have not failed give back of charged_amount; kept by trigger.';
COMMENT ON COLUMN donations.external_id IS 'The payment provider''s id of the charge or the refund.';
COMMENT ON COLUMN donations.available_at IS 'When a worker may be given the donation of a pledge again, because the one that had it is taken for dead.';
COMMENT ON COLUMN donations.settled_at IS 'When it was completed or failed; by trigger.';
CREATE INDEX donations_profile_id_idx ON donations (profile_id, created_at);
CREATE INDEX donations_target_id_idx ON donations (target_type, target_id);
CREATE INDEX donations_refund_of_idx ON donations (refund_of) WHERE refund_of IS NOT NULL;
CREATE INDEX donations_settled_at_idx ON donations (settled_at);
CREATE INDEX donations_available_at_idx ON donations (available_at) WHERE status = 'pending' AND pledge_id IS NOT NULL;

CREATE POLICY donations_select_own ON donations
    FOR SELECT TO authenticated USING (profile_id = (SELECT auth.uid()));
CREATE POLICY donations_insert_own ON donations
    FOR INSERT TO authenticated WITH CHECK (profile_id = (SELECT auth.uid()) AND NOT (SELECT is_site_banned()));
GRANT SELECT (id, profile_id, target_type, target_id, space_id, amount, currency, fee_amount, donor_covers_fees,
              charged_amount, received_amount, refunded_amount, refund_of, is_recurring, pledge_id, period_start,
              status, receipt_url, settled_at, created_at, updated_at),
      INSERT (profile_id, target_type, target_id, amount, currency, donor_covers_fees) ON donations TO authenticated;

CREATE OR REPLACE FUNCTION keep_donation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- What may still change; an amount and what it is for may not even while it is pending.
    open_columns CONSTANT text[] := CASE WHEN TG_OP = 'UPDATE' AND OLD.status = 'pending'
        THEN '{status,fee_amount,external_id,failure,receipt_url,available_at,settled_at}' ELSE '{}'::text[] END
        || '{profile_id,refunded_amount,charged_amount,received_amount,updated_at}'::text[];
    changed text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.settled_at > now() - '7 years'::interval THEN
            RAISE EXCEPTION 'donation % is kept until %', OLD.id, (OLD.settled_at + '7 years'::interval)::date
                USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'What was paid is kept for seven years.';
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' THEN
        -- What was settled elsewhere and is brought in keeps its time.
        NEW.settled_at := CASE WHEN NEW.status <> 'pending' THEN coalesce(NEW.settled_at, now()) END;
        NEW.refunded_amount := 0;
        RETURN NEW;
    END IF;
    IF OLD.status = 'pending' THEN
        NEW.settled_at := CASE WHEN NEW.status <> 'pending' THEN now() END;
    END IF;
    SELECT o.key INTO changed
    FROM pg_catalog.jsonb_each(pg_catalog.to_jsonb(OLD)) o
    WHERE o.key <> ALL (open_columns) AND o.value IS DISTINCT FROM pg_catalog.to_jsonb(NEW) -> o.key
    ORDER BY o.key LIMIT 1;
    IF changed IS NULL AND NEW.profile_id IS DISTINCT FROM OLD.profile_id
       AND (NEW.profile_id IS NOT NULL OR EXISTS (SELECT FROM @schema@.profiles p WHERE p.id = OLD.profile_id)) THEN
        changed := 'profile_id';
    END IF;
    IF changed IS NULL AND NEW.refunded_amount <> OLD.refunded_amount
       AND NEW.refunded_amount <> (SELECT coalesce(pg_catalog.sum(r.amount), 0) FROM @schema@.donations r
                                   WHERE r.refund_of = NEW.id AND r.status <> 'failed') THEN
        changed := 'refunded_amount';
    END IF;
    IF changed IS NOT NULL THEN
        RAISE EXCEPTION 'donation % is % and its % stays as it is', OLD.id, OLD.status, changed
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Give it back with refund_donation, and make another donation.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION keep_donation() IS
    'Trigger: a donation that is completed or failed is not changed by anybody, and not deleted for seven years (55000); what it is for and how much it is never changes. Keeps settled_at.';

CREATE OR REPLACE FUNCTION check_refund() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    original @schema@.donations;
BEGIN
    -- Refunds of one donation take turns.
    SELECT d.* INTO original FROM @schema@.donations d WHERE d.id = NEW.refund_of FOR NO KEY UPDATE;
    IF original.status IS DISTINCT FROM 'completed' OR original.refund_of IS NOT NULL THEN
        RAISE EXCEPTION 'donation % is no completed donation', NEW.refund_of
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Only what was paid is given back.';
    ELSIF NEW.currency <> original.currency THEN
        RAISE EXCEPTION 'donation % was made in %, not in %', original.id, original.currency, NEW.currency
            USING ERRCODE = 'check_violation', HINT = 'A refund is in the currency of what was paid.';
    ELSIF NEW.status <> 'failed' AND (original.refunded_amount = original.charged_amount
                                      OR original.refunded_amount + NEW.amount > original.charged_amount) THEN
        RAISE EXCEPTION '% % are left of donation %, not %', original.charged_amount - original.refunded_amount,
                        original.currency, original.id, NEW.amount
            USING ERRCODE = 'check_violation', HINT = 'Refunds never exceed what was paid; those under way count.';
    END IF;
    NEW.profile_id := original.profile_id;
    NEW.target_type := original.target_type;
    NEW.target_id := original.target_id;
    NEW.space_id := original.space_id;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION check_refund() IS
    'Trigger: refuses a refund of what was not paid (55000), in another currency or of more than is left (23514), and fills in the donor and the target.';

CREATE OR REPLACE FUNCTION count_refund() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before CONSTANT numeric := CASE WHEN TG_OP = 'INSERT' OR OLD.status = 'failed' THEN 0 ELSE OLD.amount END;
    after  CONSTANT numeric := CASE WHEN TG_OP = 'DELETE' OR NEW.status = 'failed' THEN 0 ELSE NEW.amount END;
BEGIN
    IF before <> after THEN
        UPDATE @schema@.donations d SET refunded_amount = d.refunded_amount + after - before
        WHERE d.id = coalesce(NEW.refund_of, OLD.refund_of);
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION count_refund() IS 'Trigger: keeps refunded_amount of the donation that is given back.';

CREATE OR REPLACE TRIGGER donations_check_refund
    BEFORE INSERT ON donations FOR EACH ROW WHEN (NEW.refund_of IS NOT NULL) EXECUTE FUNCTION check_refund();
CREATE OR REPLACE TRIGGER donations_check_target
    BEFORE INSERT ON donations FOR EACH ROW WHEN (NEW.refund_of IS NULL) EXECUTE FUNCTION check_money_target();
CREATE OR REPLACE TRIGGER donations_keep
    BEFORE INSERT OR UPDATE OR DELETE ON donations FOR EACH ROW EXECUTE FUNCTION keep_donation();
CREATE OR REPLACE TRIGGER donations_bar_card_numbers
    BEFORE INSERT OR UPDATE ON donations FOR EACH ROW EXECUTE FUNCTION refuse_card_numbers();
CREATE OR REPLACE TRIGGER donations_count_new_refund
    AFTER INSERT ON donations FOR EACH ROW WHEN (NEW.refund_of IS NOT NULL) EXECUTE FUNCTION count_refund();
CREATE OR REPLACE TRIGGER donations_count_refund
    AFTER UPDATE OF status OR DELETE ON donations FOR EACH ROW WHEN (OLD.refund_of IS NOT NULL) EXECUTE FUNCTION count_refund();
