-- What is paid out of a bounty: one payout for one release, as soon as there is an account to pay to.

-- Whoever releases and whoever verifies an account hold the person, so that one of the two sees the other. A bounty is
-- closed before its payout is made, and both are kept for seven years: what is younger has its payout still.
CREATE OR REPLACE FUNCTION enqueue_bounty_payouts(recipient uuid DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    enqueued bigint;
BEGIN
    PERFORM FROM @schema@.profiles p WHERE p.id = recipient FOR NO KEY UPDATE;
    INSERT INTO @schema@.payout_jobs (idempotency_key, payout_account_id, amount, currency)
    SELECT 'bounty:' || b.id, account.id, b.amount, b.currency
    FROM @schema@.bounties b
    CROSS JOIN LATERAL (
        SELECT a.id FROM @schema@.payout_accounts a
        WHERE a.profile_id = b.recipient_id AND a.kyc_status = 'verified' AND a.status = 'active'
        ORDER BY a.created_at, a.id LIMIT 1) AS account
    WHERE b.status = 'released' AND b.closed_at > now() - '7 years'::interval
      AND (enqueue_bounty_payouts.recipient IS NULL OR b.recipient_id = enqueue_bounty_payouts.recipient)
      AND NOT EXISTS (SELECT FROM @schema@.payout_jobs j WHERE j.idempotency_key = 'bounty:' || b.id)
    ORDER BY b.closed_at, b.id
    ON CONFLICT (idempotency_key) DO NOTHING;
    GET DIAGNOSTICS enqueued = ROW_COUNT;
    RETURN enqueued;
END;
$$;
COMMENT ON FUNCTION enqueue_bounty_payouts(uuid) IS
    'Queues the payouts of released bounties that have none yet, under the key bounty:<id>, to the oldest verified and active account of who got them; without one they stay due. Triggers call it at a release and when an account is verified. recipient: a profile; NULL is everybody. Returns how many. Volatile. Example: SELECT enqueue_bounty_payouts()';
GRANT EXECUTE ON FUNCTION enqueue_bounty_payouts(uuid) TO service_role;

CREATE OR REPLACE FUNCTION pay_bounty_out() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.enqueue_bounty_payouts((pg_catalog.to_jsonb(NEW) ->> TG_ARGV[0])::uuid);
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION pay_bounty_out() IS
    'Trigger: with a released bounty its payout is queued, and with an account that is verified what was released to its owner before. Argument: the column that says to whom.';
CREATE OR REPLACE TRIGGER bounties_pay_out
    AFTER UPDATE OF status ON bounties FOR EACH ROW
    WHEN (NEW.status = 'released' AND OLD.status <> 'released') EXECUTE FUNCTION pay_bounty_out('recipient_id');
CREATE OR REPLACE TRIGGER payout_accounts_pay_bounties_out
    AFTER INSERT OR UPDATE OF kyc_status, status ON payout_accounts FOR EACH ROW
    WHEN (NEW.kyc_status = 'verified' AND NEW.status = 'active' AND NEW.profile_id IS NOT NULL)
    EXECUTE FUNCTION pay_bounty_out('profile_id');
