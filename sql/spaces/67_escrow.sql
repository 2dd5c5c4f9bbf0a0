-- What keeps bounties and their ledger together, and what can be done with them.

CREATE OR REPLACE FUNCTION enter_bounty_transaction() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bounty @schema@.bounties;
BEGIN
    SELECT b.* INTO bounty FROM @schema@.bounties b WHERE b.id = NEW.bounty_id FOR NO KEY UPDATE;
    IF NEW.currency <> bounty.currency OR NEW.amount <> bounty.amount THEN
        RAISE EXCEPTION 'bounty % is % %, not % %', bounty.id, bounty.amount, bounty.currency, NEW.amount, NEW.currency
            USING ERRCODE = 'check_violation', HINT = 'A bounty moves as a whole.';
    ELSIF (bounty.status, NEW.transaction_type, NEW.from_account) NOT IN (
            ('pending', 'funded', 'sponsor'), ('funded', 'disputed', 'escrow'),
            ('funded', 'released', 'escrow'), ('funded', 'refunded', 'escrow'),
            ('disputed', 'released', 'dispute'), ('disputed', 'refunded', 'dispute')) THEN
        RAISE EXCEPTION 'bounty % is % and cannot be % from %', bounty.id, bounty.status, NEW.transaction_type, NEW.from_account
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'It is funded once, and released or refunded once.';
    END IF;
    NEW.number := 1 + (SELECT pg_catalog.count(*) FROM @schema@.bounty_transactions t WHERE t.bounty_id = NEW.bounty_id);
    NEW.processed_at := now();
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION enter_bounty_transaction() IS
    'Trigger: numbers the transactions of a bounty, one after the other, and refuses one that does not follow from where it is (55000) or moves a part of it (23514).';

CREATE OR REPLACE FUNCTION follow_ledger() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.bounties b
    SET status = NEW.transaction_type, recipient_id = NEW.recipient_id,
        escrow_balance = b.escrow_balance + CASE 'escrow' WHEN NEW.to_account THEN NEW.amount WHEN NEW.from_account THEN -NEW.amount ELSE 0 END,
        dispute_balance = b.dispute_balance + CASE 'dispute' WHEN NEW.to_account THEN NEW.amount WHEN NEW.from_account THEN -NEW.amount ELSE 0 END,
        dispute_status = CASE WHEN NEW.to_account = 'dispute' THEN 'open' WHEN NEW.from_account = 'dispute' THEN 'resolved' ELSE b.dispute_status END,
        dispute_reason = coalesce(NEW.reason, b.dispute_reason),
        closed_at = CASE WHEN NEW.transaction_type IN ('released', 'refunded') THEN NEW.processed_at END
    WHERE b.id = NEW.bounty_id;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION follow_ledger() IS 'Trigger: a bounty follows its ledger in the same transaction.';

CREATE OR REPLACE FUNCTION keep_bounty_transaction() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM @schema@.bounties b WHERE b.id = OLD.bounty_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'transaction % of bounty % stays as it is', OLD.number, OLD.bounty_id
        USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Enter another transaction.';
END;
$$;
COMMENT ON FUNCTION keep_bounty_transaction() IS 'Trigger: the ledger is append-only (55000); a transaction goes with its bounty alone.';

CREATE OR REPLACE FUNCTION keep_bounty() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    led record;
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'pending' AND NOT coalesce(OLD.closed_at <= now() - '7 years'::interval, false) THEN
            RAISE EXCEPTION 'bounty % is kept', OLD.id
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = 'Bounties are kept for seven years after they were closed.';
        END IF;
        RETURN OLD;
    END IF;
    NEW.closed_at := CASE WHEN NEW.status = 'cancelled' THEN coalesce(NEW.closed_at, now()) ELSE NEW.closed_at END;
    SELECT coalesce((pg_catalog.array_agg(t.transaction_type ORDER BY t.number DESC))[1], 'pending') AS status,
           coalesce(pg_catalog.sum(CASE 'escrow' WHEN t.to_account THEN t.amount WHEN t.from_account THEN -t.amount END), 0) AS escrow,
           coalesce(pg_catalog.sum(CASE 'dispute' WHEN t.to_account THEN t.amount WHEN t.from_account THEN -t.amount END), 0) AS dispute
    INTO led FROM @schema@.bounty_transactions t WHERE t.bounty_id = NEW.id;
    IF (NEW.status, NEW.escrow_balance, NEW.dispute_balance) IS DISTINCT FROM (led.status, led.escrow, led.dispute)
       AND NOT (led.status = 'pending' AND NEW.status = 'cancelled') THEN
        RAISE EXCEPTION 'bounty % is % by its ledger, not %', NEW.id, led.status, NEW.status
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Use fund_bounty, release_bounty, dispute_bounty, resolve_dispute and expire_bounties.';
    END IF;
    IF TG_OP = 'UPDATE' AND (
           (NEW.id, NEW.target_type, NEW.target_id, NEW.space_id, NEW.amount, NEW.currency, NEW.expires_at, NEW.created_at)
           IS DISTINCT FROM (OLD.id, OLD.target_type, OLD.target_id, OLD.space_id, OLD.amount, OLD.currency, OLD.expires_at, OLD.created_at)
           OR (OLD.status = 'cancelled' AND NEW.status <> 'cancelled')
           OR (NEW.sponsor_id IS DISTINCT FROM OLD.sponsor_id
               AND (NEW.sponsor_id IS NOT NULL OR EXISTS (SELECT FROM @schema@.profiles p WHERE p.id = OLD.sponsor_id)))
           OR (NEW.status = OLD.status AND (
               (NEW.dispute_status, NEW.dispute_reason, NEW.closed_at)
               IS DISTINCT FROM (OLD.dispute_status, OLD.dispute_reason, OLD.closed_at)
               OR (NEW.recipient_id IS DISTINCT FROM OLD.recipient_id
                   AND (NEW.recipient_id IS NOT NULL OR EXISTS (SELECT FROM @schema@.profiles p WHERE p.id = OLD.recipient_id)))))) THEN
        RAISE EXCEPTION 'bounty % stays as it was put up', OLD.id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Put up another bounty.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION keep_bounty() IS
    'Trigger: a bounty is at what its ledger says, whoever writes; what was put up does not change; it is kept for seven years after it was closed (55000).';

CREATE OR REPLACE FUNCTION show_bounty() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.questions q
    SET bounty_amount     = CASE WHEN NEW.status IN ('funded', 'disputed') THEN NEW.amount END,
        bounty_currency   = CASE WHEN NEW.status IN ('funded', 'disputed') THEN NEW.currency END,
        bounty_expires_at = CASE WHEN NEW.status IN ('funded', 'disputed') THEN NEW.expires_at END
    WHERE q.post_id = NEW.target_id;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION show_bounty() IS 'Trigger: a question says what is in escrow for it.';

CREATE OR REPLACE TRIGGER bounty_transactions_enter
    BEFORE INSERT ON bounty_transactions FOR EACH ROW EXECUTE FUNCTION enter_bounty_transaction();
CREATE OR REPLACE TRIGGER bounty_transactions_keep
    BEFORE UPDATE OR DELETE ON bounty_transactions FOR EACH ROW EXECUTE FUNCTION keep_bounty_transaction();
CREATE OR REPLACE TRIGGER bounty_transactions_bar_card_numbers
    BEFORE INSERT ON bounty_transactions FOR EACH ROW EXECUTE FUNCTION refuse_card_numbers();
CREATE OR REPLACE TRIGGER bounty_transactions_follow
    AFTER INSERT ON bounty_transactions FOR EACH ROW EXECUTE FUNCTION follow_ledger();
CREATE OR REPLACE TRIGGER bounties_check_target
    BEFORE INSERT ON bounties FOR EACH ROW EXECUTE FUNCTION check_money_target();
CREATE OR REPLACE TRIGGER bounties_keep
    BEFORE INSERT OR UPDATE OR DELETE ON bounties FOR EACH ROW EXECUTE FUNCTION keep_bounty();
CREATE OR REPLACE TRIGGER bounties_bar_card_numbers
    BEFORE INSERT OR UPDATE ON bounties FOR EACH ROW EXECUTE FUNCTION refuse_card_numbers();
CREATE OR REPLACE TRIGGER bounties_show
    AFTER UPDATE OF status ON bounties FOR EACH ROW
    WHEN (NEW.target_type = 'question' AND NEW.status <> OLD.status AND NEW.status <> 'cancelled')
    EXECUTE FUNCTION show_bounty();
