-- Coupons for the tickets of an event.

CREATE TABLE event_coupons (
    id              uuid           NOT NULL DEFAULT gen_random_uuid(),
    event_id        uuid           NOT NULL,
    code            text           NOT NULL,
    discount_type   text           NOT NULL,
    discount_value  numeric(20, 4) NOT NULL,
    max_redemptions int,
    redemptions     int            NOT NULL DEFAULT 0,
    expires_at      timestamptz,
    created_at      timestamptz    NOT NULL DEFAULT now(),
    CONSTRAINT event_coupons_pkey PRIMARY KEY (id),
    -- For tickets, so that a coupon is good for its own event alone.
    CONSTRAINT event_coupons_event_id_id_key UNIQUE (event_id, id),
    CONSTRAINT event_coupons_event_id_fkey FOREIGN KEY (event_id) REFERENCES events (id) ON DELETE CASCADE,
    CONSTRAINT event_coupons_code_check CHECK (code ~ '^[[:alnum:]_-]{1,40}$'),
    CONSTRAINT event_coupons_discount_type_check CHECK (discount_type IN ('percent', 'amount')),
    CONSTRAINT event_coupons_discount_value_check CHECK (
        discount_value > 0 AND (discount_type <> 'percent' OR discount_value <= 100)),
    CONSTRAINT event_coupons_max_redemptions_check CHECK (max_redemptions > 0),
    CONSTRAINT event_coupons_redemptions_check CHECK (redemptions <= max_redemptions)
);
COMMENT ON TABLE event_coupons IS 'Discounts by code, seen by the moderators of the space alone.';
COMMENT ON COLUMN event_coupons.code IS 'In any case of letters: SUMMER is summer.';
COMMENT ON COLUMN event_coupons.discount_value IS 'Percent of the price, or an amount in the currency of the event.';
COMMENT ON COLUMN event_coupons.redemptions IS
    'The booked tickets it was used for, by the counter engine: with its CHECK the reason why max_redemptions is never exceeded. A cancelled ticket gives its use back.';
CREATE UNIQUE INDEX event_coupons_event_id_code_idx ON event_coupons (event_id, lower(code));

CREATE POLICY event_coupons_select_moderator ON event_coupons
    FOR SELECT TO authenticated USING (event_id = ANY (ARRAY(SELECT moderated_event_ids())));
CREATE POLICY event_coupons_insert_moderator ON event_coupons
    FOR INSERT TO authenticated WITH CHECK (event_id = ANY (ARRAY(SELECT moderated_event_ids())));
CREATE POLICY event_coupons_update_moderator ON event_coupons
    FOR UPDATE TO authenticated USING (event_id = ANY (ARRAY(SELECT moderated_event_ids())));
CREATE POLICY event_coupons_delete_moderator ON event_coupons
    FOR DELETE TO authenticated USING (event_id = ANY (ARRAY(SELECT moderated_event_ids())));
GRANT INSERT (event_id, code, discount_type, discount_value, max_redemptions, expires_at),
      UPDATE (max_redemptions, expires_at) ON event_coupons TO authenticated;

CREATE OR REPLACE FUNCTION discounted_price(price numeric, currency text, discount_type text, discount_value numeric)
RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN discount_type IS NULL THEN price
                ELSE GREATEST(0, round(price - CASE discount_type WHEN 'percent' THEN price * discount_value / 100
                                                                  ELSE discount_value END,
                                       coalesce(@schema@.currency_decimals(currency), 2))) END;
$$;
COMMENT ON FUNCTION discounted_price(numeric, text, text, numeric) IS
    'A price less a discount, never below 0, rounded to the decimals of its currency. discount_type: percent or amount; NULL for no discount. Immutable. Example: SELECT discounted_price(20, ''EUR'', ''percent'', 15)';
GRANT EXECUTE ON FUNCTION discounted_price(numeric, text, text, numeric) TO anon, authenticated, service_role;
