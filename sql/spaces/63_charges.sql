-- How donations are charged, completed and given back, and what a target is told of them.

CREATE OR REPLACE FUNCTION donation_fee(
    amount numeric, currency text, rate numeric, fixed_fee numeric, donor_covers_fees boolean)
RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT @schema@.fits_currency(amount, currency) OR amount <= 0 OR fixed_fee < 0 OR rate < 0 OR rate >= 1 THEN
        RAISE EXCEPTION 'there is no fee of % and % on % %', rate, fixed_fee, amount, currency
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'rate is from 0 to less than 1, fixed_fee 0 or more, amount more than 0 with the decimals of its currency.';
    END IF;
    -- A fee that the donor covers is itself charged, and so has its own fee in it.
    RETURN @schema@.round_half_even(amount * rate + fixed_fee, @schema@.currency_decimals(currency),
                                    CASE WHEN donor_covers_fees THEN 1 - rate ELSE 1 END);
END;
$$;
COMMENT ON FUNCTION donation_fee(numeric, text, numeric, numeric, boolean) IS
    'The fee on a donation, exact, rounded half to even to the decimals of its currency. rate: the part of what is charged, 0.029 for 2.9 %; fixed_fee: besides, in the same currency. Where the donor covers the fees it is (amount * rate + fixed_fee) / (1 - rate), so that the target gets amount. NULL gives NULL. Immutable. Errors: 22023. Example: SELECT donation_fee(100, ''USD'', 0.029, 0.30, true)';
GRANT EXECUTE ON FUNCTION donation_fee(numeric, text, numeric, numeric, boolean) TO anon, authenticated, service_role;

CREATE OR REPLACE FUNCTION complete_donation(
    donation_id uuid, external_id text, fee_amount numeric DEFAULT 0, receipt_url text DEFAULT NULL)
RETURNS donations
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    donation @schema@.donations;
BEGIN
    SELECT d.* INTO donation FROM @schema@.donations d WHERE d.id = donation_id FOR NO KEY UPDATE;
    IF donation.status = 'pending' THEN
        UPDATE @schema@.donations d
        SET status = 'completed', external_id = complete_donation.external_id,
            fee_amount = complete_donation.fee_amount, receipt_url = complete_donation.receipt_url
        WHERE d.id = donation_id RETURNING d.* INTO donation;
    ELSIF (donation.status, donation.external_id, donation.fee_amount, donation.receipt_url) IS DISTINCT FROM
          ('completed', complete_donation.external_id, complete_donation.fee_amount, complete_donation.receipt_url) THEN
        RAISE EXCEPTION 'donation % is %', donation_id, coalesce(donation.status, 'not there')
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Only a pending donation is completed.';
    END IF;
    RETURN donation;
END;
$$;
COMMENT ON FUNCTION complete_donation(uuid, text, numeric, text) IS
    'Completes a pending donation or refund: the provider has answered that it is paid. external_id: the provider''s id; fee_amount: what the provider keeps; receipt_url: where the donor finds the receipt, https. Returns the row; the same call again returns it again. Volatile. Errors: 23505 another donation has that external_id, 23514 the fee is more than the amount, 55000 it is not pending. Example: SELECT status FROM complete_donation(''018f0000-0000-7000-8000-000000000001'', ''ch_1'', 3.20)';

CREATE OR REPLACE FUNCTION fail_donation(donation_id uuid, failure text) RETURNS donations
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    donation @schema@.donations;
BEGIN
    UPDATE @schema@.donations d SET status = 'failed', failure = fail_donation.failure
    WHERE d.id = donation_id AND d.status = 'pending' RETURNING d.* INTO donation;
    IF NOT FOUND THEN
        SELECT d.* INTO donation FROM @schema@.donations d WHERE d.id = donation_id;
        IF donation.status IS DISTINCT FROM 'failed' THEN
            RAISE EXCEPTION 'donation % is %', donation_id, coalesce(donation.status, 'not there')
                USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Only a pending donation fails.';
        END IF;
    END IF;
    RETURN donation;
END;
$$;
COMMENT ON FUNCTION fail_donation(uuid, text) IS
    'Ends a pending donation or refund that the provider has refused for good; failure: why. Returns the row, also where it has failed already. What a failed refund would have given back can be refunded again. Volatile. Errors: 23514 no failure given, 55000 it is completed or not there. Example: SELECT status FROM fail_donation(''018f0000-0000-7000-8000-000000000001'', ''card_declined'')';

CREATE OR REPLACE FUNCTION refund_donation(donation_id uuid, idempotency_key text, amount numeric DEFAULT NULL)
RETURNS donations
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    original @schema@.donations;
    refund   @schema@.donations;
BEGIN
    IF idempotency_key IS NULL THEN
        RAISE EXCEPTION 'a refund of donation % needs an idempotency key', donation_id
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Give one that a retry brings again.';
    END IF;
    SELECT d.* INTO original FROM @schema@.donations d WHERE d.id = donation_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'donation % is not there', donation_id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Only what was paid is given back.';
    END IF;
    SELECT d.* INTO refund FROM @schema@.donations d WHERE d.idempotency_key = refund_donation.idempotency_key;
    IF FOUND THEN
        IF refund.refund_of IS DISTINCT FROM donation_id OR refund.amount <> refund_donation.amount THEN
            RAISE EXCEPTION 'refund % is there already with another content', refund_donation.idempotency_key
                USING ERRCODE = 'unique_violation', HINT = 'A retry is for the same donation and amount.';
        END IF;
        RETURN refund;
    END IF;
    INSERT INTO @schema@.donations AS d (refund_of, amount, currency, target_type, target_id, idempotency_key)
    VALUES (donation_id, coalesce(refund_donation.amount, original.charged_amount - original.refunded_amount),
            original.currency, original.target_type, original.target_id, refund_donation.idempotency_key)
    RETURNING d.* INTO refund;
    RETURN refund;
END;
$$;
COMMENT ON FUNCTION refund_donation(uuid, text, numeric) IS
    'Begins a refund: a pending row, to be completed or failed once the provider has answered, and counted against what is left from now on. idempotency_key: a retry with the same one returns the same row; amount: NULL is all that is left. Volatile. Errors: 22004, 23505 that key came with another content, 23514 more than is left, 55000 it was not paid. Example: SELECT amount FROM refund_donation(''018f0000-0000-7000-8000-000000000001'', ''ticket-7'', 10)';

CREATE OR REPLACE FUNCTION claim_due_pledges(how_many int, at timestamptz DEFAULT now())
RETURNS SETOF donations
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lease    CONSTANT timestamptz := at + pg_catalog.make_interval(secs => community_core.spaces_setting('charge_lease'));
    claimed  int := 0;
    due      @schema@.pledges;
    donation @schema@.donations;
BEGIN
    FOR due IN
        SELECT p.* FROM @schema@.pledges p
        JOIN @schema@.payment_methods m ON m.id = p.payment_method_id AND m.status = 'active'
        WHERE p.status = 'active' AND p.next_charge_at <= at AND (m.expires_at IS NULL OR m.expires_at > at)
        ORDER BY p.next_charge_at, p.id LIMIT how_many FOR NO KEY UPDATE OF p SKIP LOCKED
    LOOP
        IF NOT (SELECT t.is_there FROM @schema@.money_target_space(due.target_type, due.target_id) t) THEN
            UPDATE @schema@.pledges p SET status = 'cancelled' WHERE p.id = due.id;
            CONTINUE;
        END IF;
        INSERT INTO @schema@.donations AS d
            (profile_id, target_type, target_id, amount, currency, donor_covers_fees, is_recurring, pledge_id,
             period_start, available_at)
        VALUES (due.profile_id, due.target_type, due.target_id, due.amount, due.currency, due.donor_covers_fees,
                true, due.id, due.next_charge_at, lease)
        ON CONFLICT (pledge_id, period_start) DO NOTHING RETURNING d.* INTO donation;
        UPDATE @schema@.pledges p SET period = p.period + 1 WHERE p.id = due.id;
        IF donation.id IS NOT NULL THEN
            claimed := claimed + 1;
            RETURN NEXT donation;
        END IF;
    END LOOP;
    RETURN QUERY
    UPDATE @schema@.donations d SET available_at = lease
    WHERE d.id IN (
        SELECT s.id FROM @schema@.donations s
        WHERE s.status = 'pending' AND s.pledge_id IS NOT NULL AND s.available_at <= at
        ORDER BY s.available_at, s.id LIMIT how_many - claimed FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING d.*;
END;
$$;
COMMENT ON FUNCTION claim_due_pledges(int, timestamptz) IS
    'Gives a worker at most how_many pending donations to charge, which no other worker has: one for the next due period of each pledge, then those whose worker did not come back within setting community_core.spaces_charge_lease (seconds). A period is never charged twice: charge with the donation''s id as the provider''s idempotency key, then complete_donation or fail_donation. A pledge without a usable payment method waits; one whose target is gone is cancelled. at: the time to go by. Volatile. Example: SELECT id, charged_amount FROM claim_due_pledges(100)';
GRANT EXECUTE ON FUNCTION complete_donation(uuid, text, numeric, text), fail_donation(uuid, text),
    refund_donation(uuid, text, numeric), claim_due_pledges(int, timestamptz) TO service_role;

CREATE OR REPLACE FUNCTION donation_totals(target_type text, target_id uuid)
RETURNS TABLE (currency text, donations bigint, given numeric, fees numeric, refunded numeric, received numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF NOT @schema@.is_staff()
       AND NOT (donation_totals.target_type = 'profile' AND donation_totals.target_id = auth.uid())
       AND NOT coalesce((SELECT t.space_id FROM @schema@.money_target_space(
                             donation_totals.target_type, donation_totals.target_id) t)
                        IN (SELECT @schema@.moderated_space_ids()), false) THEN
        RAISE EXCEPTION 'the donations to % % are not yours to see', donation_totals.target_type, donation_totals.target_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'Ask a moderator of the space.';
    END IF;
    RETURN QUERY
    SELECT d.currency,
           pg_catalog.count(*) FILTER (WHERE d.refund_of IS NULL),
           coalesce(pg_catalog.sum(d.amount) FILTER (WHERE d.refund_of IS NULL), 0),
           coalesce(pg_catalog.sum(d.fee_amount), 0),
           coalesce(pg_catalog.sum(d.amount) FILTER (WHERE d.refund_of IS NOT NULL), 0),
           pg_catalog.sum(CASE WHEN d.refund_of IS NULL THEN d.received_amount ELSE -d.received_amount END)
    FROM @schema@.donations d
    WHERE d.target_type = donation_totals.target_type AND d.target_id = donation_totals.target_id
      AND d.status = 'completed'
    GROUP BY d.currency ORDER BY d.currency;
END;
$$;
COMMENT ON FUNCTION donation_totals(text, uuid) IS
    'What was given to a target, by currency: how many donations, what was given, the fees, what was refunded, and what the target is left with. Completed donations and refunds alone, without saying whose. For moderators of the target''s space, for the person that is the target, and for staff. Stable. Errors: 42501. Example: SELECT currency, received FROM donation_totals(''space'', ''018f0000-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION donation_totals(text, uuid) TO authenticated, service_role;
