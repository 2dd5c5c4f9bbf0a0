-- Made by scripts/prepare-upgrade: what 0.2.0 has that 0.1.0 had not, or had otherwise.

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

CREATE FUNCTION "upgrade_modules"() RETURNS void STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'upgrade_modules_wrapper';

COMMENT ON FUNCTION upgrade_modules() IS 'The last step of ALTER EXTENSION community_core UPDATE: brings every installed module to this version; where one cannot be, nothing is upgraded. Volatile. Errors: whatever stands against it.';

DO $$
DECLARE
    routine regprocedure;
    app_functions CONSTANT text[] := ARRAY[
        'request_claims', 'request_user', 'consent_gated', 'benchmark', 'benchmark_position',
        'k_anonymous_count', 'k_anonymous_avg', 'k_anonymous_percentile', 'k_anonymous_histogram',
        'linkup_setting', 'linkup_document_fault', 'forum_setting',
        'contact_pair', 'pair_low', 'pair_high', 'pair_members', 'contact_pair_of',
        'contact_pair_eq', 'contact_pair_ne', 'contact_pair_lt', 'contact_pair_le',
        'contact_pair_gt', 'contact_pair_ge'
    ];
BEGIN
    FOR routine IN
        SELECT p.oid FROM pg_catalog.pg_proc p
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
        JOIN pg_catalog.pg_extension e
             ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid
        WHERE e.extname = 'community_core' AND n.nspname = '@extschema@'
    LOOP
        EXECUTE pg_catalog.format(
            'REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC, anon, authenticated, service_role',
            routine);
        EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO pg_database_owner', routine);
        IF (SELECT proname FROM pg_catalog.pg_proc WHERE oid = routine) = ANY (app_functions) THEN
            EXECUTE pg_catalog.format(
                'GRANT EXECUTE ON ROUTINE %s TO anon, authenticated, service_role', routine);
        END IF;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA @extschema@ TO pg_database_owner, anon, authenticated, service_role;

SELECT @extschema@.upgrade_modules();
