-- Who pays, and what that entitles to: Stripe's events, each once and the newest last.

CREATE TABLE stripe_customers (
    id                 uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id            uuid        NOT NULL,
    stripe_customer_id text        NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT stripe_customers_pkey PRIMARY KEY (id),
    CONSTRAINT stripe_customers_user_uniq UNIQUE (user_id),
    CONSTRAINT stripe_customers_cust_uniq UNIQUE (stripe_customer_id),
    CONSTRAINT stripe_customers_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
COMMENT ON TABLE stripe_customers IS 'Which user is which customer of Stripe.';

CREATE TABLE subscriptions (
    id                     uuid               NOT NULL DEFAULT gen_random_uuid(),
    user_id                uuid               NOT NULL,
    stripe_subscription_id text,
    state                  subscription_state NOT NULL DEFAULT 'none',
    current_period_end     timestamptz,
    cancel_at_period_end   boolean            NOT NULL DEFAULT false,
    grace_until            timestamptz,
    last_stripe_event_id   text,
    last_stripe_event_at   timestamptz,
    created_at             timestamptz        NOT NULL DEFAULT now(),
    updated_at             timestamptz        NOT NULL DEFAULT now(),
    CONSTRAINT subscriptions_pkey PRIMARY KEY (id),
    CONSTRAINT subscriptions_user_uniq UNIQUE (user_id),
    CONSTRAINT subscriptions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
COMMENT ON TABLE subscriptions IS 'The subscription of each user, as Stripe last told of it.';
COMMENT ON COLUMN subscriptions.last_stripe_event_at IS 'When Stripe made that event: an older one that arrives later changes nothing.';
CREATE INDEX subscriptions_state_idx ON subscriptions (state);
CREATE POLICY subscriptions_select_own ON subscriptions
    FOR SELECT TO authenticated USING (user_id = (SELECT @schema@.current_user_id()));
CREATE OR REPLACE TRIGGER subscriptions_record_creation AFTER INSERT ON subscriptions
    FOR EACH ROW EXECUTE FUNCTION record_move();
CREATE OR REPLACE TRIGGER subscriptions_record_move AFTER UPDATE OF state ON subscriptions
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION record_move();

CREATE TABLE entitlements (
    id                      uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id                 uuid        NOT NULL,
    eligible_to_participate boolean     NOT NULL DEFAULT false,
    eligible_to_initiate    boolean     NOT NULL DEFAULT false,
    source                  text        NOT NULL DEFAULT 'stripe',
    effective_at            timestamptz NOT NULL DEFAULT now(),
    expires_at              timestamptz,
    created_at              timestamptz NOT NULL DEFAULT now(),
    updated_at              timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT entitlements_pkey PRIMARY KEY (id),
    CONSTRAINT entitlements_user_uniq UNIQUE (user_id),
    CONSTRAINT entitlements_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
COMMENT ON TABLE entitlements IS 'Who may take part and who may initiate, and until when.';
COMMENT ON COLUMN entitlements.source IS 'stripe: follows the subscription. Anything else was given by an admin, and no subscription changes it.';
CREATE INDEX entitlements_participate_idx ON entitlements (eligible_to_participate);
CREATE POLICY entitlements_select_own ON entitlements
    FOR SELECT TO authenticated USING (user_id = (SELECT @schema@.current_user_id()));

CREATE OR REPLACE FUNCTION follow_subscription() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    entitled CONSTANT boolean := NEW.state IN ('trialing', 'active')
        OR (NEW.state = 'past_due' AND NEW.grace_until IS NOT NULL);
BEGIN
    INSERT INTO @schema@.entitlements AS e
        (user_id, eligible_to_participate, eligible_to_initiate, source, expires_at)
    VALUES (NEW.user_id, entitled, entitled, 'stripe',
            CASE WHEN NEW.state = 'past_due' THEN NEW.grace_until
                 WHEN entitled THEN NEW.current_period_end + pg_catalog.make_interval(
                     days => community_core.linkup_setting('grace_days')) END)
    ON CONFLICT (user_id) DO UPDATE
    SET eligible_to_participate = excluded.eligible_to_participate,
        eligible_to_initiate = excluded.eligible_to_initiate,
        expires_at = excluded.expires_at,
        effective_at = CASE WHEN e.eligible_to_participate = excluded.eligible_to_participate
                            THEN e.effective_at ELSE now() END
    WHERE e.source = 'stripe';
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION follow_subscription() IS
    'Trigger: the entitlement follows the subscription in the same transaction. A trial or a paid period entitles until it ends, and setting community_core.linkup_grace_days longer, for the event that renews it.';
CREATE OR REPLACE TRIGGER subscriptions_follow AFTER INSERT OR UPDATE ON subscriptions
    FOR EACH ROW EXECUTE FUNCTION follow_subscription();

CREATE TABLE stripe_events (
    id               uuid        NOT NULL DEFAULT gen_random_uuid(),
    stripe_event_id  text        NOT NULL,
    event_type       text        NOT NULL,
    payload          jsonb       NOT NULL,
    received_at      timestamptz NOT NULL DEFAULT now(),
    processed_at     timestamptz,
    processing_error text,
    CONSTRAINT stripe_events_pkey PRIMARY KEY (id),
    CONSTRAINT stripe_events_event_uniq UNIQUE (stripe_event_id)
);
COMMENT ON TABLE stripe_events IS 'Every webhook event of Stripe, once, and what became of it.';
CREATE INDEX stripe_events_type_idx ON stripe_events (event_type);
CREATE INDEX stripe_events_unprocessed_idx ON stripe_events (received_at) WHERE processed_at IS NULL;

CREATE OR REPLACE FUNCTION apply_stripe_event(event stripe_events) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    object      CONSTANT jsonb := event.payload #> '{data,object}';
    told        CONSTANT @schema@.subscription_state := CASE
        WHEN event.event_type = 'customer.subscription.deleted' THEN 'canceled'
        WHEN object ->> 'status' IN ('trialing', 'active', 'past_due', 'canceled', 'unpaid')
            THEN (object ->> 'status')::@schema@.subscription_state
        WHEN object ->> 'status' = 'incomplete_expired' THEN 'canceled'
        ELSE 'none' END;
    told_at     timestamptz;
    ends_at     timestamptz;
    customer_of uuid;
BEGIN
    IF event.event_type NOT LIKE 'customer.subscription.%' THEN
        RETURN NULL;
    END IF;
    told_at := pg_catalog.to_timestamp((event.payload ->> 'created')::float8);
    ends_at := pg_catalog.to_timestamp(coalesce(
        object ->> 'current_period_end', object #>> '{items,data,0,current_period_end}')::float8);
    IF told_at IS NULL OR object ->> 'id' IS NULL OR object ->> 'customer' IS NULL THEN
        RETURN 'the payload lacks created, data.object.id or data.object.customer';
    END IF;
    SELECT c.user_id INTO customer_of FROM @schema@.stripe_customers c
    WHERE c.stripe_customer_id = object ->> 'customer';
    IF customer_of IS NULL THEN
        RETURN pg_catalog.format('customer %s is not known', object ->> 'customer');
    END IF;
    -- One statement, so that events that arrive side by side are judged one after the other. Stripe
    -- tells time in seconds: in the same second a beginning is the oldest and an end the newest. Another subscription takes
    -- over by being alive, whenever that was told of once the one before is not.
    INSERT INTO @schema@.subscriptions AS s
        (user_id, stripe_subscription_id, state, current_period_end, cancel_at_period_end, grace_until,
         last_stripe_event_id, last_stripe_event_at)
    VALUES (customer_of, object ->> 'id', told, ends_at, coalesce((object ->> 'cancel_at_period_end')::boolean, false),
            CASE told WHEN 'past_due' THEN told_at + pg_catalog.make_interval(
                days => community_core.linkup_setting('grace_days')) END,
            event.stripe_event_id, told_at)
    ON CONFLICT (user_id) DO UPDATE
    SET stripe_subscription_id = excluded.stripe_subscription_id, state = excluded.state,
        current_period_end = excluded.current_period_end,
        cancel_at_period_end = excluded.cancel_at_period_end,
        -- Grace runs from the first failed payment.
        grace_until = CASE WHEN s.state = 'past_due' AND excluded.state = 'past_due'
                           THEN s.grace_until ELSE excluded.grace_until END,
        last_stripe_event_id = excluded.last_stripe_event_id,
        last_stripe_event_at = excluded.last_stripe_event_at
    WHERE s.stripe_subscription_id IS NULL
       OR s.stripe_subscription_id = excluded.stripe_subscription_id
          AND (s.last_stripe_event_at IS NULL OR excluded.last_stripe_event_at > s.last_stripe_event_at
               OR (excluded.last_stripe_event_at = s.last_stripe_event_at AND s.state <> 'canceled'
                   AND event.event_type <> 'customer.subscription.created'))
       OR s.stripe_subscription_id <> excluded.stripe_subscription_id AND excluded.state IN ('trialing', 'active')
          AND (s.state NOT IN ('trialing', 'active', 'past_due')
               OR excluded.last_stripe_event_at > s.last_stripe_event_at);
    RETURN NULL;
EXCEPTION WHEN data_exception THEN
    RETURN 'the payload is malformed: ' || SQLERRM;
END;
$$;
COMMENT ON FUNCTION apply_stripe_event(stripe_events) IS
    'Takes what a subscription event says into subscriptions, unless something newer is there. Returns why it could not, or NULL. Volatile. For ingest_stripe_event.';

CREATE OR REPLACE FUNCTION ingest_stripe_event(event_id text, event_type text, payload jsonb)
RETURNS stripe_events
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    event   @schema@.stripe_events;
    failure text;
BEGIN
    INSERT INTO @schema@.stripe_events AS e (stripe_event_id, event_type, payload)
    VALUES (ingest_stripe_event.event_id, ingest_stripe_event.event_type, ingest_stripe_event.payload)
    ON CONFLICT (stripe_event_id) DO NOTHING;
    -- Held until the end, so that a second delivery waits, and then finds it done.
    SELECT e.* INTO event FROM @schema@.stripe_events e
    WHERE e.stripe_event_id = ingest_stripe_event.event_id FOR NO KEY UPDATE;
    IF event.event_type <> ingest_stripe_event.event_type THEN
        RAISE EXCEPTION 'event % is there already as %', event_id, event.event_type
            USING ERRCODE = 'unique_violation', HINT = 'An event of Stripe keeps its type; look at what sends it.';
    END IF;
    IF event.processed_at IS NULL THEN
        failure := @schema@.apply_stripe_event(event);
        UPDATE @schema@.stripe_events e
        SET processed_at = CASE WHEN failure IS NULL THEN now() END, processing_error = failure
        WHERE e.id = event.id RETURNING e.* INTO event;
    END IF;
    RETURN event;
END;
$$;
COMMENT ON FUNCTION ingest_stripe_event(text, text, jsonb) IS
    'Stores a webhook event once, and with it, in the same transaction, what it says about a subscription and so about entitlements. Events may come twice and in any order. One that cannot be processed is kept with its processing_error and tried again at its next delivery or by retry_stripe_events(). Returns the row. Volatile. Errors: 23505 that id came with another type. Example: SELECT processed_at FROM ingest_stripe_event(''evt_1'', ''invoice.paid'', ''{"id": "evt_1"}'')';
GRANT EXECUTE ON FUNCTION ingest_stripe_event(text, text, jsonb) TO service_role;

CREATE OR REPLACE FUNCTION retry_stripe_events() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_catalog.count(i.processed_at)
    FROM (SELECT e.stripe_event_id, e.event_type, e.payload FROM @schema@.stripe_events e
          WHERE e.processed_at IS NULL ORDER BY e.received_at, e.id) e,
         LATERAL @schema@.ingest_stripe_event(e.stripe_event_id, e.event_type, e.payload) i
$$;
COMMENT ON FUNCTION retry_stripe_events() IS
    'Tries the events again that could not be processed, such as those of a customer that was not known. Returns how many are processed now. Volatile. Example: SELECT retry_stripe_events()';
GRANT EXECUTE ON FUNCTION retry_stripe_events() TO service_role;
