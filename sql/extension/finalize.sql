-- The last step of CREATE EXTENSION: who may call what, then the modules.

-- Nobody by default. The database's owner everything; app roles what is named here.
DO $$
DECLARE
    routine regprocedure;
    app_functions CONSTANT text[] := ARRAY[
        'request_claims', 'request_user', 'consent_gated', 'benchmark', 'benchmark_position',
        'k_anonymous_count', 'k_anonymous_avg', 'k_anonymous_percentile', 'k_anonymous_histogram',
        'linkup_setting', 'linkup_document_fault', 'forum_setting', 'spaces_setting', 'uuid_v7', 'is_active_member',
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

SELECT @extschema@.install_chosen_modules();
