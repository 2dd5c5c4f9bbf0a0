-- Money: which currencies there are, how many decimals an amount has in each, and how it is rounded.
-- Amounts are numeric(20,4), exact; four decimals are the most that a currency of ISO 4217 has.
-- A code that is withdrawn stays in the list: tables that check it hold amounts of years ago.
-- Where a module is removed and its tables stay, so does what their constraints name: those of money
-- name currency_decimals besides fits_currency, which rests on it.

CREATE OR REPLACE FUNCTION currency_decimals(currency text) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN currency = ANY ('{BIF,CLP,DJF,GNF,ISK,JPY,KMF,KRW,PYG,RWF,UGX,UYI,VND,VUV,XAF,XOF,XPF}') THEN 0
        WHEN currency = ANY ('{BHD,IQD,JOD,KWD,LYD,OMR,TND}') THEN 3
        WHEN currency = ANY ('{CLF,UYW}') THEN 4
        WHEN currency = ANY ('{
            AED,AFN,ALL,AMD,AOA,ARS,AUD,AWG,AZN,BAM,BBD,BDT,BMD,BND,BOB,BOV,BRL,BSD,BTN,BWP,BYN,BZD,CAD,CDF,
            CHE,CHF,CHW,CNY,COP,COU,CRC,CUP,CVE,CZK,DKK,DOP,DZD,EGP,ERN,ETB,EUR,FJD,FKP,GBP,GEL,GHS,GIP,GMD,
            GTQ,GYD,HKD,HNL,HTG,HUF,IDR,ILS,INR,IRR,JMD,KES,KGS,KHR,KPW,KYD,KZT,LAK,LBP,LKR,LRD,LSL,MAD,MDL,
            MGA,MKD,MMK,MNT,MOP,MRU,MUR,MVR,MWK,MXN,MXV,MYR,MZN,NAD,NGN,NIO,NOK,NPR,NZD,PAB,PEN,PGK,PHP,PKR,
            PLN,QAR,RON,RSD,RUB,SAR,SBD,SCR,SDG,SEK,SGD,SHP,SLE,SOS,SRD,SSP,STN,SVC,SYP,SZL,THB,TJS,TMT,TOP,
            TRY,TTD,TWD,TZS,UAH,USD,USN,UYU,UZS,VED,VES,WST,XAD,XCD,XCG,YER,ZAR,ZMW,ZWG}') THEN 2
    END;
$$;
COMMENT ON FUNCTION currency_decimals(text) IS
    'How many decimals an amount in a currency has, by its code of ISO 4217: 0 for JPY, 2 for EUR, 3 for KWD. NULL for an unknown code and for one without decimals of its own, such as a metal. Immutable. Example: SELECT currency_decimals(''KWD'')';

CREATE OR REPLACE FUNCTION valid_currency(currency text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN currency IS NOT NULL THEN @schema@.currency_decimals(currency) IS NOT NULL END;
$$;
COMMENT ON FUNCTION valid_currency(text) IS
    'Whether it is the code of a currency of ISO 4217, in capitals. NULL gives NULL. Immutable. Example: SELECT valid_currency(''EUR'')';

CREATE OR REPLACE FUNCTION fits_currency(amount numeric, currency text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN num_nulls(amount, currency) = 0
                THEN amount <> 'NaN'
                     AND coalesce(amount = pg_catalog.round(amount, @schema@.currency_decimals(currency)), false) END;
$$;
COMMENT ON FUNCTION fits_currency(numeric, text) IS
    'Whether an amount has no more decimals than its currency: no fraction of a yen, none of a cent. False for an unknown currency and for NaN; NULL gives NULL. Immutable. Example: SELECT fits_currency(10.50, ''JPY'')';

CREATE OR REPLACE FUNCTION round_half_even(amount numeric, decimals int, divisor numeric DEFAULT 1) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    -- In whole units of the last decimal; div() and what it leaves are exact, a division is not.
    SELECT sign(amount) * sign(divisor) * ('1e-' || decimals)::numeric
           * (whole + CASE WHEN 2 * (units - whole * abs(divisor)) > abs(divisor)
                             OR (2 * (units - whole * abs(divisor)) = abs(divisor) AND mod(whole, 2) = 1) THEN 1 ELSE 0 END)
    FROM (SELECT units, div(units, abs(divisor)) AS whole
          FROM (SELECT abs(amount) * ('1e' || decimals)::numeric AS units) AS u) AS w;
$$;
COMMENT ON FUNCTION round_half_even(numeric, int, numeric) IS
    'amount / divisor, rounded exactly to so many decimals (0 or more); what lies in the middle goes to the even digit, so that many roundings do not add up to somebody''s loss. NULL gives NULL. Immutable. Errors: 22012 divisor 0. Example: SELECT round_half_even(0.125, 2)';

GRANT EXECUTE ON FUNCTION currency_decimals(text), valid_currency(text), fits_currency(numeric, text),
    round_half_even(numeric, int, numeric) TO anon, authenticated, service_role;
