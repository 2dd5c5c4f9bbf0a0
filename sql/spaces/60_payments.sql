-- What all tables of money share: what money can be for, and that no card number is in them.

CREATE OR REPLACE FUNCTION money_target_space(target_type text, target_id uuid, OUT is_there boolean, OUT space_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CASE target_type
        WHEN 'space' THEN
            SELECT t.id INTO space_id FROM @schema@.spaces t WHERE t.id = target_id;
        WHEN 'profile' THEN
            SELECT NULL INTO space_id FROM @schema@.profiles t WHERE t.id = target_id;
        WHEN 'post' THEN
            SELECT t.space_id INTO space_id FROM @schema@.posts t WHERE t.id = target_id;
        WHEN 'question' THEN
            SELECT t.space_id INTO space_id FROM @schema@.questions t WHERE t.post_id = target_id;
        WHEN 'event' THEN
            SELECT t.space_id INTO space_id FROM @schema@.events t WHERE t.id = target_id;
        WHEN 'workshop' THEN
            SELECT t.space_id INTO space_id FROM @schema@.workshops t WHERE t.id = target_id;
        ELSE
            is_there := false;
            RETURN;
    END CASE;
    is_there := FOUND;
END;
$$;
COMMENT ON FUNCTION money_target_space(text, uuid) IS
    'Whether a target of money is there, and in which space; a profile is in none. target_type: space, profile, post, question, event or workshop; nothing else is there. Stable. For the triggers and functions of the money tables.';

CREATE OR REPLACE FUNCTION check_money_target() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    target record;
BEGIN
    SELECT t.* INTO target FROM @schema@.money_target_space(NEW.target_type, NEW.target_id) t;
    -- What the caller may not know of is not there.
    IF NOT target.is_there
       OR (target.space_id IS NOT NULL AND target.space_id NOT IN (SELECT @schema@.visible_space_ids())) THEN
        RAISE EXCEPTION '% % is not there', NEW.target_type, NEW.target_id
            USING ERRCODE = 'foreign_key_violation', HINT = 'Give the id of something that is there.';
    END IF;
    NEW.space_id := target.space_id;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION check_money_target() IS
    'Trigger: refuses (23503) money for a target that is not there or that the caller may not know of, and sets space_id to the target''s space.';

CREATE OR REPLACE FUNCTION refuse_card_numbers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    content  CONSTANT jsonb := pg_catalog.to_jsonb(NEW);
    offender text;
BEGIN
    SELECT a.attname INTO offender
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = TG_RELID AND a.attnum > 0 AND NOT a.attisdropped
      AND (t.typcategory IN ('S', 'A') OR t.typname IN ('json', 'jsonb', 'xml'))
      AND community_core.looks_like_card_number(content ->> a.attname)
    ORDER BY a.attnum LIMIT 1;
    IF FOUND THEN
        -- The value stays out of the message, and so out of the server's log.
        RAISE EXCEPTION 'what is to be stored in %.% looks like a card number', TG_TABLE_NAME, offender
            USING ERRCODE = 'check_violation',
                  HINT = 'Store the token that the payment provider gives for the card, and its last four digits.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION refuse_card_numbers() IS
    'Trigger BEFORE INSERT OR UPDATE: refuses (23514) a row with a text, an array or a document that holds what community_core.looks_like_card_number finds, in whatever column, also one that was added later. It is the first of a table''s triggers, so that no other quotes the number.';

CREATE TABLE payment_methods (
    id             uuid        NOT NULL DEFAULT gen_random_uuid(),
    profile_id     uuid        NOT NULL,
    provider       text        NOT NULL,
    external_id    text        NOT NULL,
    status         text        NOT NULL DEFAULT 'active',
    last4          text,
    expires_at     timestamptz,
    pii_ciphertext bytea,
    pii_iv         bytea,
    pii_tag        bytea,
    key_version    int         NOT NULL DEFAULT 1,
    encrypted_at   timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT payment_methods_pkey PRIMARY KEY (id),
    -- A pledge is paid with a method of the same person.
    CONSTRAINT payment_methods_id_profile_id_key UNIQUE (id, profile_id),
    CONSTRAINT payment_methods_provider_external_id_key UNIQUE (provider, external_id),
    CONSTRAINT payment_methods_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE CASCADE,
    CONSTRAINT payment_methods_provider_check CHECK (provider ~ '^[a-z][a-z0-9_]{0,62}$'),
    CONSTRAINT payment_methods_external_id_check CHECK (external_id ~ '^\S{1,255}$'),
    CONSTRAINT payment_methods_status_check CHECK (status IN ('active', 'expired', 'removed')),
    CONSTRAINT payment_methods_last4_check CHECK (last4 ~ '^[0-9]{4}$'),
    CONSTRAINT payment_methods_pii_check CHECK (num_nulls(pii_ciphertext, pii_iv, pii_tag, encrypted_at) IN (0, 4)),
    CONSTRAINT payment_methods_key_version_check CHECK (key_version > 0)
);
COMMENT ON TABLE payment_methods IS
    'How a person pays: the payment provider''s token and what the person recognizes it by. Holder and address are in pii_ciphertext; the keys are never in the database. Written by the server.';
COMMENT ON COLUMN payment_methods.external_id IS 'The provider''s token. Not read by app roles.';
COMMENT ON COLUMN payment_methods.pii_ciphertext IS
    'What is personal, encrypted by the application under key_version, with pii_iv and pii_tag; not read by app roles.';
COMMENT ON COLUMN payment_methods.encrypted_at IS 'When pii_ciphertext was written; kept by trigger.';
CREATE INDEX payment_methods_profile_id_idx ON payment_methods (profile_id);
CREATE INDEX payment_methods_key_version_idx ON payment_methods (key_version, id) WHERE pii_ciphertext IS NOT NULL;
CREATE POLICY payment_methods_select_own ON payment_methods
    FOR SELECT TO authenticated USING (profile_id = (SELECT auth.uid()));
CREATE POLICY payment_methods_delete_own ON payment_methods
    FOR DELETE TO authenticated USING (profile_id = (SELECT auth.uid()));
GRANT SELECT (id, profile_id, provider, status, last4, expires_at, created_at, updated_at)
    ON payment_methods TO authenticated;

CREATE OR REPLACE FUNCTION note_encryption() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.pii_ciphertext IS NULL THEN
        NEW.encrypted_at := NULL;
    ELSIF TG_OP = 'INSERT' OR NEW.pii_ciphertext IS DISTINCT FROM OLD.pii_ciphertext THEN
        NEW.encrypted_at := now();
    ELSE
        NEW.encrypted_at := OLD.encrypted_at;
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION note_encryption() IS 'Trigger: keeps encrypted_at, the time at which pii_ciphertext was written.';
CREATE OR REPLACE TRIGGER payment_methods_note_encryption
    BEFORE INSERT OR UPDATE ON payment_methods FOR EACH ROW EXECUTE FUNCTION note_encryption();
CREATE OR REPLACE TRIGGER payment_methods_bar_card_numbers
    BEFORE INSERT OR UPDATE ON payment_methods FOR EACH ROW EXECUTE FUNCTION refuse_card_numbers();
