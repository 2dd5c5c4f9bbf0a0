-- The roles of Supabase and PostgREST. Roles belong to the cluster, so every CREATE EXTENSION makes
-- them, also in a restore: a dump's policies must find them on a new cluster.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this cluster was a moment faster
            END;
        END IF;
    END LOOP;
END
$$;
