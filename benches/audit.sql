-- What benches/audit.sh measures: one source of rows, and for each way of auditing a schema of
-- its own with the same table and the same indexes.

CREATE EXTENSION IF NOT EXISTS pgcrypto;

CREATE TABLE source AS
SELECT gen_random_uuid() AS id,
       md5((i % 8)::text)::uuid AS organization_id,
       'customer ' || i AS name,
       'customer' || i || '@example.org' AS email,
       repeat(md5(i::text), 8) AS notes,
       (i * 1.25)::numeric(12, 2) AS amount,
       i AS visits,
       i % 2 = 0 AS active,
       timestamptz '2026-01-01' + i * interval '1 minute' AS created_at
FROM generate_series(1, 50000) i;

CREATE FUNCTION make_table(schema_name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DROP SCHEMA IF EXISTS %1$I CASCADE; CREATE SCHEMA %1$I;
        CREATE TABLE %1$I.target (LIKE public.source, PRIMARY KEY (id));
        CREATE TABLE %1$I.log (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(), organization_id uuid, user_id uuid,
            action text NOT NULL, table_name text NOT NULL, record_id uuid,
            old_data jsonb, new_data jsonb, created_at timestamptz DEFAULT now())', schema_name);
END $$;

-- The plain rival: a row trigger, to_jsonb, no chain.
CREATE FUNCTION make_plain() RETURNS void LANGUAGE plpgsql AS $make$
BEGIN
    PERFORM make_table('plain');
    CREATE FUNCTION plain.note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO plain.log (organization_id, action, table_name, record_id, new_data)
        VALUES (NEW.organization_id, TG_OP, TG_TABLE_NAME, NEW.id, to_jsonb(NEW));
        RETURN NULL;
    END $$;
    CREATE TRIGGER note AFTER INSERT ON plain.target FOR EACH ROW EXECUTE FUNCTION plain.note();
END $make$;

-- A hash chain as one writes it in PL/pgSQL: a head row per chain, pgcrypto.
CREATE FUNCTION make_hashed() RETURNS void LANGUAGE plpgsql AS $make$
BEGIN
    PERFORM make_table('hashed');
    ALTER TABLE hashed.log ADD COLUMN sequence bigint, ADD COLUMN hash bytea;
    CREATE TABLE hashed.head (chain uuid PRIMARY KEY, sequence bigint, hash bytea);
    CREATE FUNCTION hashed.note() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        head hashed.head;
        data jsonb := to_jsonb(NEW);
    BEGIN
        SELECT * INTO head FROM hashed.head h WHERE h.chain = NEW.organization_id FOR UPDATE;
        IF NOT FOUND THEN
            INSERT INTO hashed.head VALUES (NEW.organization_id, 0, '') RETURNING * INTO head;
        END IF;
        head.sequence := head.sequence + 1;
        head.hash := public.digest(head.hash || convert_to(data::text, 'UTF8'), 'sha256');
        INSERT INTO hashed.log (organization_id, action, table_name, record_id, new_data,
                                sequence, hash)
        VALUES (NEW.organization_id, TG_OP, TG_TABLE_NAME, NEW.id, data, head.sequence, head.hash);
        UPDATE hashed.head h SET sequence = head.sequence, hash = head.hash
        WHERE h.chain = NEW.organization_id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER note AFTER INSERT ON hashed.target FOR EACH ROW EXECUTE FUNCTION hashed.note();
END $make$;

-- The design of supa_audit: one table of record versions for all tables, a stable id for each
-- record made of the table and its key, both looked up in each trigger call, four indexes.
CREATE FUNCTION make_versioned() RETURNS void LANGUAGE plpgsql AS $make$
BEGIN
    PERFORM make_table('versioned');
    DROP TABLE versioned.log;
    CREATE TABLE versioned.log (
        id bigserial PRIMARY KEY, record_id uuid, old_record_id uuid, op text NOT NULL,
        ts timestamptz NOT NULL DEFAULT now(), table_oid oid NOT NULL, table_schema name NOT NULL,
        table_name name NOT NULL, record jsonb, old_record jsonb);
    CREATE INDEX ON versioned.log (record_id) WHERE record_id IS NOT NULL;
    CREATE INDEX ON versioned.log (old_record_id) WHERE old_record_id IS NOT NULL;
    CREATE INDEX ON versioned.log USING brin (ts);
    CREATE INDEX ON versioned.log (table_oid);
    CREATE FUNCTION versioned.key_columns(relation oid) RETURNS text[] STABLE LANGUAGE sql AS $$
        SELECT coalesce(array_agg(a.attname::text ORDER BY a.attnum), '{}')
        FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = any (i.indkey)
        WHERE i.indrelid = relation AND i.indisprimary
    $$;
    CREATE FUNCTION versioned.record_id(relation oid, keys text[], record jsonb) RETURNS uuid
    STABLE LANGUAGE sql AS $$
        SELECT CASE WHEN record IS NULL THEN NULL WHEN keys = '{}' THEN gen_random_uuid()
               ELSE (SELECT md5((jsonb_build_array(relation) || jsonb_agg(record->>k))::text)::uuid
                     FROM unnest(keys) k) END
    $$;
    CREATE FUNCTION versioned.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        keys text[] := versioned.key_columns(TG_RELID);
        data jsonb := to_jsonb(NEW);
        old_data jsonb := to_jsonb(OLD);
    BEGIN
        INSERT INTO versioned.log (record_id, old_record_id, op, table_oid, table_schema,
                                   table_name, record, old_record)
        SELECT versioned.record_id(TG_RELID, keys, data),
               versioned.record_id(TG_RELID, keys, old_data),
               TG_OP, TG_RELID, TG_TABLE_SCHEMA, TG_TABLE_NAME, data, old_data;
        RETURN coalesce(NEW, OLD);
    END $$;
    CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON versioned.target
        FOR EACH ROW EXECUTE FUNCTION versioned.note();
END $make$;

CREATE FUNCTION make_chained() RETURNS void LANGUAGE plpgsql AS $make$
BEGIN
    PERFORM make_table('chained');
    PERFORM community_core.create_audit_log('chained.log', '{organization_id}');
    PERFORM community_core.audit_changes('chained.target', 'chained.log');
END $make$;

-- The same, plus what sealing by a deferred trigger on a marker table would add to each statement.
CREATE FUNCTION make_marked() RETURNS void LANGUAGE plpgsql AS $make$
BEGIN
    PERFORM make_table('marked');
    PERFORM community_core.create_audit_log('marked.log', '{organization_id}');
    PERFORM community_core.audit_changes('marked.target', 'marked.log');
    CREATE TABLE marked.marker (id bigint GENERATED ALWAYS AS IDENTITY);
    CREATE FUNCTION marked.mark() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO marked.marker DEFAULT VALUES;
        RETURN NULL;
    END $$;
    CREATE FUNCTION marked.sealed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM marked.marker WHERE id = NEW.id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER mark AFTER INSERT ON marked.log FOR EACH STATEMENT
        EXECUTE FUNCTION marked.mark();
    CREATE CONSTRAINT TRIGGER sealed AFTER INSERT ON marked.marker
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION marked.sealed();
END $make$;
