-- Pledges: what somebody gives again and again. Each due period becomes one donation, in 63_charges.sql.

CREATE OR REPLACE FUNCTION period_start(anchor timestamptz, "interval" text, number int) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    -- From the anchor each time, in UTC: a month's end that was cut short is not passed on, and no
    -- session's time zone moves a charge.
    SELECT (anchor AT TIME ZONE 'UTC' + number * CASE "interval"
                WHEN 'week' THEN '7 days'::pg_catalog."interval" WHEN 'month' THEN '1 month'
                WHEN 'quarter' THEN '3 months' WHEN 'year' THEN '1 year' END) AT TIME ZONE 'UTC';
$$;
COMMENT ON FUNCTION period_start(timestamptz, text, int) IS
    'When a period of a pledge begins. anchor: the beginning of period 0; interval: week, month, quarter or year, another gives NULL; number: which period. A month that lacks the anchor''s day begins it on its last day: 31 January, 28 February, 31 March. NULL gives NULL. Immutable. Example: SELECT period_start(''2026-01-31 12:00Z'', ''month'', 1)';
GRANT EXECUTE ON FUNCTION period_start(timestamptz, text, int) TO authenticated, service_role;

CREATE TABLE pledges (
    id                uuid          NOT NULL DEFAULT gen_random_uuid(),
    profile_id        uuid,
    target_type       text          NOT NULL,
    target_id         uuid          NOT NULL,
    space_id          uuid,
    interval          text          NOT NULL,
    amount            numeric(20,4) NOT NULL,
    currency          text          NOT NULL,
    donor_covers_fees boolean       NOT NULL DEFAULT false,
    payment_method_id uuid,
    status            text          NOT NULL DEFAULT 'active',
    starts_at         timestamptz   NOT NULL DEFAULT now(),
    period            int           NOT NULL DEFAULT 0,
    next_charge_at    timestamptz,
    cancelled_at      timestamptz,
    created_at        timestamptz   NOT NULL DEFAULT now(),
    updated_at        timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT pledges_pkey PRIMARY KEY (id),
    CONSTRAINT pledges_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT pledges_payment_method_id_fkey FOREIGN KEY (payment_method_id, profile_id)
        REFERENCES payment_methods (id, profile_id) ON DELETE SET NULL (payment_method_id),
    CONSTRAINT pledges_target_type_check CHECK (target_type IN ('space', 'profile', 'post', 'event', 'workshop')),
    CONSTRAINT pledges_interval_check CHECK (interval IN ('week', 'month', 'quarter', 'year')),
    CONSTRAINT pledges_amount_check CHECK (amount > 0 AND fits_currency(amount, currency)),
    CONSTRAINT pledges_currency_check CHECK (currency_decimals(currency) IS NOT NULL),
    CONSTRAINT pledges_status_check CHECK (status IN ('active', 'paused', 'cancelled')),
    CONSTRAINT pledges_starts_at_check CHECK (starts_at >= created_at),
    CONSTRAINT pledges_period_check CHECK (period >= 0),
    CONSTRAINT pledges_next_charge_at_check CHECK ((next_charge_at IS NOT NULL) = (status = 'active')),
    CONSTRAINT pledges_cancelled_at_check CHECK ((cancelled_at IS NOT NULL) = (status = 'cancelled')),
    -- Nobody is left who could be charged.
    CONSTRAINT pledges_profile_id_check CHECK (
        profile_id IS NOT NULL OR (status = 'cancelled' AND payment_method_id IS NULL))
);
COMMENT ON TABLE pledges IS
    'What somebody has promised to give in each period, until it is cancelled. The person sees it, pauses, resumes and cancels it; what it is about stays as it was promised.';
COMMENT ON COLUMN pledges.profile_id IS 'Who promised; NULL once that person is deleted, with which the pledge is cancelled.';
COMMENT ON COLUMN pledges.space_id IS 'The target''s space, by trigger; no foreign key, so that it outlives the space.';
COMMENT ON COLUMN pledges.starts_at IS 'When period 0 begins, and the day of the month on which the others begin.';
COMMENT ON COLUMN pledges.period IS 'The number of the next period to be charged.';
COMMENT ON COLUMN pledges.next_charge_at IS 'When that period begins, by trigger; NULL where nothing will be charged.';
CREATE INDEX pledges_profile_id_idx ON pledges (profile_id);
CREATE INDEX pledges_target_id_idx ON pledges (target_type, target_id);
CREATE INDEX pledges_payment_method_id_idx ON pledges (payment_method_id, profile_id);
CREATE INDEX pledges_next_charge_at_idx ON pledges (next_charge_at) WHERE status = 'active';

CREATE POLICY pledges_select_own ON pledges
    FOR SELECT TO authenticated USING (profile_id = (SELECT auth.uid()));
CREATE POLICY pledges_insert_own ON pledges
    FOR INSERT TO authenticated WITH CHECK (profile_id = (SELECT auth.uid()) AND NOT (SELECT is_site_banned()));
CREATE POLICY pledges_update_own ON pledges
    FOR UPDATE TO authenticated USING (profile_id = (SELECT auth.uid())) WITH CHECK (profile_id = (SELECT auth.uid()));
GRANT INSERT (profile_id, target_type, target_id, interval, amount, currency, donor_covers_fees, payment_method_id, starts_at),
      UPDATE (status, payment_method_id) ON pledges TO authenticated;

CREATE OR REPLACE FUNCTION keep_pledge() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.profile_id IS NULL AND OLD.profile_id IS NOT NULL THEN
            NEW.status := 'cancelled';
            -- Without the person nothing ties the method to the pledge, not even its foreign key.
            NEW.payment_method_id := NULL;
        ELSIF OLD.status = 'cancelled' AND NEW.status <> 'cancelled' THEN
            RAISE EXCEPTION 'pledge % is cancelled', OLD.id
                USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Make a new pledge.';
        END IF;
        IF (NEW.id, NEW.target_type, NEW.target_id, NEW.space_id, NEW.interval, NEW.amount, NEW.currency,
            NEW.donor_covers_fees, NEW.starts_at, NEW.created_at)
           IS DISTINCT FROM (OLD.id, OLD.target_type, OLD.target_id, OLD.space_id, OLD.interval, OLD.amount, OLD.currency,
            OLD.donor_covers_fees, OLD.starts_at, OLD.created_at)
           OR (NEW.profile_id <> OLD.profile_id) OR (OLD.profile_id IS NULL AND NEW.profile_id IS NOT NULL)
           OR NEW.period < OLD.period THEN
            RAISE EXCEPTION 'pledge % stays as it was promised', OLD.id
                USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Cancel it and make a new one.';
        END IF;
        -- What would have been charged while it was paused is not charged afterwards.
        IF OLD.status = 'paused' AND NEW.status = 'active' THEN
            WHILE @schema@.period_start(NEW.starts_at, NEW.interval, NEW.period) < now() LOOP
                NEW.period := NEW.period + 1;
            END LOOP;
        END IF;
        NEW.cancelled_at := CASE WHEN NEW.status = 'cancelled' THEN coalesce(OLD.cancelled_at, now()) END;
    ELSE
        NEW.period := 0;
        NEW.cancelled_at := CASE WHEN NEW.status = 'cancelled' THEN now() END;
    END IF;
    NEW.next_charge_at := CASE WHEN NEW.status = 'active'
                               THEN @schema@.period_start(NEW.starts_at, NEW.interval, NEW.period) END;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION keep_pledge() IS
    'Trigger: keeps next_charge_at and cancelled_at, and what was promised (55000). A paused pledge that is resumed goes on with the next period that begins.';
CREATE OR REPLACE TRIGGER pledges_check_target
    BEFORE INSERT ON pledges FOR EACH ROW EXECUTE FUNCTION check_money_target();
CREATE OR REPLACE TRIGGER pledges_keep
    BEFORE INSERT OR UPDATE ON pledges FOR EACH ROW EXECUTE FUNCTION keep_pledge();
CREATE OR REPLACE TRIGGER pledges_bar_card_numbers
    BEFORE INSERT OR UPDATE ON pledges FOR EACH ROW EXECUTE FUNCTION refuse_card_numbers();
