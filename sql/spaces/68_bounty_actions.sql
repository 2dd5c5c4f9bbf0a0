-- What is done with a bounty: funding, releasing, disputing, deciding, expiring.

GRANT UPDATE (status) ON bounties TO authenticated;
-- The one status that is written by hand is cancelled, of one that is not funded.
CREATE POLICY bounties_update_own ON bounties
    FOR UPDATE TO authenticated USING (sponsor_id = (SELECT auth.uid())) WITH CHECK (sponsor_id = (SELECT auth.uid()));

CREATE OR REPLACE FUNCTION lock_bounty(bounty_id uuid) RETURNS bounties
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bounty @schema@.bounties;
BEGIN
    SELECT b.* INTO bounty FROM @schema@.bounties b WHERE b.id = lock_bounty.bounty_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'bounty % is not there', lock_bounty.bounty_id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Give the id of a bounty.';
    END IF;
    -- The question first, as whoever accepts an answer has it first.
    IF bounty.target_type = 'question' THEN
        PERFORM FROM @schema@.questions q WHERE q.post_id = bounty.target_id FOR NO KEY UPDATE;
    END IF;
    SELECT b.* INTO bounty FROM @schema@.bounties b WHERE b.id = lock_bounty.bounty_id FOR NO KEY UPDATE;
    RETURN bounty;
END;
$$;
COMMENT ON FUNCTION lock_bounty(uuid) IS
    'Locks a bounty, and its question before it, and returns it as it is then. Volatile. For the functions of bounties. Errors: 55000 it is not there.';

CREATE OR REPLACE FUNCTION enter_transaction(
    bounty bounties, transaction_type text, from_account text, to_account text, reference text,
    recipient_id uuid DEFAULT NULL, reason text DEFAULT NULL)
RETURNS bounties
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    after @schema@.bounties;
BEGIN
    INSERT INTO @schema@.bounty_transactions
        (bounty_id, transaction_type, from_account, to_account, amount, currency, recipient_id, reason, reference)
    VALUES (bounty.id, enter_transaction.transaction_type, enter_transaction.from_account, enter_transaction.to_account,
            bounty.amount, bounty.currency, enter_transaction.recipient_id, enter_transaction.reason,
            enter_transaction.reference);
    SELECT b.* INTO after FROM @schema@.bounties b WHERE b.id = bounty.id;
    RETURN after;
END;
$$;
COMMENT ON FUNCTION enter_transaction(bounties, text, text, text, text, uuid, text) IS
    'Moves the whole amount of a bounty from one account to another and returns the bounty as it is then. Volatile. For the functions of bounties.';

CREATE OR REPLACE FUNCTION fund_bounty(bounty_id uuid, reference text) RETURNS bounties
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bounty CONSTANT @schema@.bounties := @schema@.lock_bounty(bounty_id);
BEGIN
    IF EXISTS (SELECT FROM @schema@.bounty_transactions t
               WHERE t.bounty_id = bounty.id AND t.reference = fund_bounty.reference) THEN
        RETURN bounty;
    ELSIF bounty.status = 'pending' AND bounty.expires_at <= now() THEN
        RAISE EXCEPTION 'bounty % has expired', bounty.id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Give the payment back.';
    ELSIF EXISTS (SELECT FROM @schema@.bounties b
                  WHERE b.target_type = bounty.target_type AND b.target_id = bounty.target_id
                    AND b.status IN ('funded', 'disputed') AND b.id <> bounty.id) THEN
        RAISE EXCEPTION '% % has a bounty already', bounty.target_type, bounty.target_id
            USING ERRCODE = 'unique_violation', HINT = 'Give the payment back, or wait until that bounty is closed.';
    END IF;
    RETURN @schema@.enter_transaction(bounty, 'funded', 'sponsor', 'escrow', reference);
END;
$$;
COMMENT ON FUNCTION fund_bounty(uuid, text) IS
    'Puts a pending bounty into escrow: its amount has been paid. reference: the payment provider''s id of the payment, which funds one bounty; the same call again changes nothing. Returns the bounty. Volatile. Errors: 23505 that payment has funded another bounty, or the target has one already; 55000 it is not pending, or has expired. Example: SELECT status FROM fund_bounty(''018f0000-0000-7000-8000-000000000001'', ''pi_1'')';

CREATE OR REPLACE FUNCTION accepted_author(question_id uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.author_id FROM @schema@.questions q JOIN @schema@.answers a ON a.id = q.accepted_answer_id
    WHERE q.post_id = accepted_author.question_id;
$$;
COMMENT ON FUNCTION accepted_author(uuid) IS
    'Who wrote the accepted answer to a question; NULL where there is none. Stable. For the functions of bounties.';

CREATE OR REPLACE FUNCTION release_bounty(bounty_id uuid, recipient uuid DEFAULT NULL) RETURNS bounties
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bounty CONSTANT @schema@.bounties := @schema@.lock_bounty(bounty_id);
    person CONSTANT uuid := coalesce(recipient, CASE bounty.target_type
                                     WHEN 'question' THEN @schema@.accepted_author(bounty.target_id) END);
BEGIN
    IF NOT coalesce(bounty.sponsor_id = auth.uid(), false) AND NOT @schema@.is_staff() THEN
        RAISE EXCEPTION 'bounty % is not yours to release', bounty.id
            USING ERRCODE = 'insufficient_privilege', HINT = 'Its sponsor releases it; dispute_bounty asks staff to decide.';
    ELSIF bounty.status = 'released' AND bounty.recipient_id = coalesce(recipient, bounty.recipient_id) THEN
        RETURN bounty;
    ELSIF person IS NULL OR NOT EXISTS (SELECT FROM @schema@.profiles p WHERE p.id = person) THEN
        RAISE EXCEPTION 'bounty % has nobody to go to', bounty.id
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Accept an answer, or name a recipient who is there.';
    END IF;
    RETURN @schema@.enter_transaction(bounty, 'released', 'escrow', 'recipient', 'release:' || bounty.id, person);
END;
$$;
COMMENT ON FUNCTION release_bounty(uuid, uuid) IS
    'Gives a funded bounty to the recipient, once, whoever calls at the same time. recipient: a profile; NULL is the author of the accepted answer. For the sponsor and staff. Returns the bounty, also where that person has it already. Volatile. Errors: 22023 nobody to go to, 23514 the sponsor cannot get it, 42501 not the sponsor, 55000 it is not funded, or is disputed or closed. Example: SELECT status FROM release_bounty(''018f0000-0000-7000-8000-000000000001'')';

CREATE OR REPLACE FUNCTION dispute_bounty(bounty_id uuid, reason text) RETURNS bounties
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bounty CONSTANT @schema@.bounties := @schema@.lock_bounty(bounty_id);
BEGIN
    IF NOT (coalesce(bounty.sponsor_id = auth.uid(), false) OR @schema@.is_staff()
            OR (bounty.target_type = 'question' AND EXISTS (
                SELECT FROM @schema@.answers a WHERE a.question_id = bounty.target_id AND a.author_id = auth.uid()))) THEN
        RAISE EXCEPTION 'bounty % is not yours to dispute', bounty.id
            USING ERRCODE = 'insufficient_privilege', HINT = 'Its sponsor and those who answered can.';
    END IF;
    RETURN @schema@.enter_transaction(bounty, 'disputed', 'escrow', 'dispute', 'dispute:' || bounty.id, reason => reason);
END;
$$;
COMMENT ON FUNCTION dispute_bounty(uuid, text) IS
    'Holds a funded bounty until staff decides: it neither expires nor can it be released. reason: why, not blank. For the sponsor, for who answered the question, and for staff. Returns the bounty. Volatile. Errors: 23514 no reason, 42501, 55000 it is not funded. Example: SELECT status FROM dispute_bounty(''018f0000-0000-7000-8000-000000000001'', ''My answer is the accepted one.'')';

CREATE OR REPLACE FUNCTION resolve_dispute(bounty_id uuid, recipient uuid DEFAULT NULL) RETURNS bounties
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bounty @schema@.bounties;
BEGIN
    IF NOT @schema@.is_staff() THEN
        RAISE EXCEPTION 'dispute of bounty % is not yours to resolve', bounty_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'Staff of the site decides.';
    END IF;
    bounty := @schema@.lock_bounty(bounty_id);
    IF recipient IS NULL THEN
        RETURN @schema@.enter_transaction(bounty, 'refunded', 'dispute', 'sponsor', 'refund:' || bounty.id);
    ELSIF NOT EXISTS (SELECT FROM @schema@.profiles p WHERE p.id = recipient) THEN
        RAISE EXCEPTION 'profile % is not there', recipient
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Name a recipient who is there.';
    END IF;
    RETURN @schema@.enter_transaction(bounty, 'released', 'dispute', 'recipient', 'release:' || bounty.id, recipient);
END;
$$;
COMMENT ON FUNCTION resolve_dispute(uuid, uuid) IS
    'Decides a dispute: the recipient gets the bounty; NULL: the sponsor gets it back. For staff; recorded in audit_logs. Returns the bounty. Volatile. Errors: 22023 no such profile, 23514 the sponsor cannot be the recipient, 42501, 55000 it is not disputed. Example: SELECT status FROM resolve_dispute(''018f0000-0000-7000-8000-000000000001'', ''018f0000-0000-7000-8000-000000000002'')';

CREATE OR REPLACE FUNCTION expire_bounties(how_many int, at timestamptz DEFAULT now()) RETURNS SETOF bounties
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    due    uuid;
    bounty @schema@.bounties;
BEGIN
    FOR due IN
        SELECT b.id FROM @schema@.bounties b WHERE b.status = 'funded' AND b.expires_at <= at
        ORDER BY b.expires_at, b.id LIMIT how_many
    LOOP
        bounty := @schema@.lock_bounty(due);
        IF bounty.status = 'funded' THEN
            RETURN NEXT @schema@.enter_transaction(bounty, 'refunded', 'escrow', 'sponsor', 'refund:' || bounty.id);
        END IF;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION expire_bounties(int, timestamptz) IS
    'Gives at most how_many funded bounties that have expired back to their sponsors, the oldest first, and returns them: the payments are to be refunded. A disputed one does not expire. at: the time to go by. Volatile. Example: SELECT id, amount, currency FROM expire_bounties(100)';
GRANT EXECUTE ON FUNCTION fund_bounty(uuid, text), expire_bounties(int, timestamptz) TO service_role;
GRANT EXECUTE ON FUNCTION release_bounty(uuid, uuid), dispute_bounty(uuid, text), resolve_dispute(uuid, uuid)
    TO authenticated, service_role;

CREATE OR REPLACE FUNCTION release_on_acceptance() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    open   uuid;
    author CONSTANT uuid := @schema@.accepted_author(NEW.post_id);
BEGIN
    SELECT b.id INTO open FROM @schema@.bounties b
    WHERE b.target_type = 'question' AND b.target_id = NEW.post_id AND b.status = 'funded'
      AND b.sponsor_id = auth.uid() AND b.sponsor_id <> author;
    IF FOUND THEN
        PERFORM @schema@.release_bounty(open, author);
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION release_on_acceptance() IS
    'Trigger: a sponsor who accepts an answer thereby releases the bounty to its author. Where somebody else accepts, the sponsor still has to.';
CREATE OR REPLACE TRIGGER questions_release_bounty
    AFTER UPDATE OF accepted_answer_id ON questions FOR EACH ROW
    WHEN (NEW.accepted_answer_id IS NOT NULL AND NEW.accepted_answer_id IS DISTINCT FROM OLD.accepted_answer_id)
    EXECUTE FUNCTION release_on_acceptance();
