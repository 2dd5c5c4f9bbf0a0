//! Claims about what the catalogue of every installed module must look like, by the rules that
//! Supabase's linter checks (splinter) and a few stricter ones. Each query names what offends; what
//! may offend is written out with the reason, so that an exception is a line somebody has read.

#[pgrx::pg_schema]
mod tests {
    use pgrx::prelude::*;

    /// The schemas that hold a module, as the others use it.
    const MODULE: &str = "WITH RECURSIVE module AS (SELECT schema, schema::regnamespace AS oid FROM community_state.module)";

    /// Splinter's way of looking at a policy: its two expressions, as Postgres writes them.
    const POLICY: &str = "policy AS (
         SELECT p.polrelid::regclass || ': ' || p.polname AS name, p.polroles, p.polpermissive, p.polrelid, p.polname,
                CASE p.polcmd WHEN '*' THEN 'rawd' ELSE p.polcmd::text END AS commands,
                pg_get_expr(p.polqual, p.polrelid) AS qual, pg_get_expr(p.polwithcheck, p.polrelid) AS with_check
         FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN module m ON m.oid = c.relnamespace)";

    /// Exactly `allowed` offend, as far as their modules are installed.
    fn offenders(query: &str, allowed: &[&str]) {
        let found = Spi::connect(|client| {
            let rows = client.select(&format!("{MODULE} {query}"), None, &[])?;
            rows.map(|row| Ok(row.get::<String>(1)?.unwrap_or_default()))
                .collect::<Result<Vec<_>, spi::Error>>()
        })
        .expect("a query of the catalogue");
        let new: Vec<_> = found
            .iter()
            .filter(|name| !allowed.contains(&name.as_str()))
            .collect();
        assert!(new.is_empty(), "offend: {new:#?}");
        let gone: Vec<_> = allowed
            .iter()
            .filter(|name| {
                let schema = name.split('.').next().unwrap_or_default();
                let installed = Spi::connect(|client| {
                    client
                        .select(
                            "SELECT 1 FROM community_state.module WHERE schema = $1",
                            None,
                            &[schema.into()],
                        )
                        .map(|rows| !rows.is_empty())
                });
                installed == Ok(true) && !found.iter().any(|f| f == **name)
            })
            .collect();
        assert!(
            gone.is_empty(),
            "no longer offend, take them off the list: {gone:?}"
        );
    }

    // 0013, 0007, 0008
    #[pg_test]
    fn every_table_has_row_security_and_policies_for_app_roles() {
        offenders(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN module m ON m.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p') AND NOT c.relrowsecurity",
            &[],
        );
        offenders(
            "SELECT c.oid::regclass::text || ' ' || role FROM pg_class c JOIN module m ON m.oid = c.relnamespace
             CROSS JOIN unnest(ARRAY['anon', 'authenticated', 'service_role']) AS role
             WHERE c.relkind IN ('r', 'p')
               AND (has_any_column_privilege(role, c.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege(role, c.oid, 'DELETE'))
               AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND role::regrole = ANY (p.polroles))",
            &[],
        );
    }

    // 18 publishes no generated column unless told to, and refuses to update or delete what is then not whole.
    #[pg_test]
    fn a_row_that_is_identified_by_all_its_columns_has_none_that_is_generated() {
        offenders(
            "SELECT format('%s.%I', c.oid::regclass, a.attname) FROM pg_class c JOIN module m ON m.oid = c.relnamespace
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attgenerated <> ''
             WHERE c.relreplident = 'f'",
            &[],
        );
    }

    // 0001; an index that holds the rows in which the column is set serves the foreign key, and so does
    // a unique one of some of its columns.
    #[pg_test]
    fn every_foreign_key_of_every_module_has_an_index() {
        offenders(
            "SELECT k.conrelid::regclass || ': ' || k.conname FROM pg_constraint k JOIN module m ON m.oid = k.connamespace
             WHERE k.contype = 'f' AND NOT EXISTS (
                 SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indisvalid
                   AND ((i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey OR i.indisunique AND i.indkey::int2[] <@ k.conkey)
                   AND coalesce(pg_get_expr(i.indpred, i.indrelid) ~ '^\\([a-z_]+ IS NOT NULL\\)$', true))",
            // A coupon is of one event, so coupon_id alone, which has an index, finds the tickets.
            &["spaces.event_tickets: event_tickets_coupon_id_fkey"],
        );
    }

    // 0004
    #[pg_test]
    fn every_table_has_a_primary_key() {
        offenders(
            "SELECT c.relname::text FROM pg_class c JOIN module m ON m.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p')
               AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p')
               -- A benchmark's queue is appended to without waiting for anybody: duplicates are welcome.
               AND NOT (c.relname ~ '_(queue|withdrawn)$' AND to_regclass(format('%I.%I', m.schema,
                        regexp_replace(c.relname, '_(queue|withdrawn)$', '_cells'))) IS NOT NULL)",
            &[],
        );
    }

    // 0009
    #[pg_test]
    fn no_two_indexes_are_the_same() {
        offenders(
            "SELECT string_agg(i.indexrelid::regclass::text, ', ' ORDER BY i.indexrelid)
             FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN module m ON m.oid = c.relnamespace
             GROUP BY i.indrelid, i.indkey::text, i.indclass::text, i.indoption::text, i.indcollation::text,
                      pg_get_expr(i.indpred, i.indrelid), pg_get_expr(i.indexprs, i.indrelid)
             HAVING count(*) > 1",
            // The document names both.
            &["linkup.profiles_user_uniq, linkup.profiles_user_idx"],
        );
    }

    // 0003, and the same for every other function that is asked nothing of the row: it is asked once.
    #[pg_test]
    fn a_policy_asks_who_is_asking_once_and_not_for_each_row() {
        let asked = "regexp_replace(coalesce(qual, '') || ' ' || coalesce(with_check, ''), '(?i)(select|from) +[a-z_.]+\\(', 'wrapped', 'g')";
        let bare = format!(
            "{asked} ~ '(auth\\.[a-z_]+|current_setting)\\('
             OR {asked} ~ ('(community_core|' || (SELECT string_agg(schema, '|') FROM module) || ')\\.[a-z_]+\\(([^a-z]*|''[^'']*''::text)\\)')"
        );
        offenders(
            &format!(", {POLICY} SELECT name FROM policy WHERE {bare}"),
            &[],
        );
    }

    // 0006
    #[pg_test]
    fn no_two_permissive_policies_speak_of_the_same() {
        offenders(
            &format!(
                ", {POLICY} SELECT format('%s %s %s', p.polrelid::regclass, role::regrole, command)
                 FROM policy p, unnest(p.polroles) AS role, regexp_split_to_table(p.commands, '') AS command
                 WHERE p.polpermissive GROUP BY p.polrelid, role, command HAVING count(*) > 1"
            ),
            // Materials of a workshop and of an event are two topics, each with its own rule.
            &["spaces.materials authenticated r", "spaces.materials anon r"],
        );
    }

    // 0024
    #[pg_test]
    fn no_policy_is_always_true_but_for_what_is_public() {
        offenders(
            &format!(
                ", {POLICY} SELECT name FROM policy
                 WHERE (btrim(coalesce(qual, with_check), '() ') = 'true' OR btrim(coalesce(with_check, qual), '() ') = 'true'
                        OR coalesce(qual, with_check) ~ '^\\(*([a-z0-9'':]+) *= *\\1\\)*$')
                   AND polroles <> ARRAY['service_role'::regrole::oid]"
            ),
            &[
                // Where LinkUp is offered and what can be done there is on its front page.
                "linkup.regions: regions_select_all_authenticated",
                "linkup.regions: regions_select_all_anon",
                "linkup.activity_catalogue: activity_catalogue_select_all_authenticated",
                "linkup.activity_catalogue: activity_catalogue_select_all_anon",
            ],
        );
    }

    #[pg_test]
    fn every_policy_names_its_roles() {
        offenders(
            &format!(
                ", {POLICY} SELECT name FROM policy WHERE 0 = ANY (polroles) OR NOT polpermissive"
            ),
            &[],
        );
    }

    // 0015: what a person writes about themselves decides nothing.
    #[pg_test]
    fn nothing_is_decided_by_user_metadata() {
        offenders(
            &format!(
                ", {POLICY} SELECT name FROM policy WHERE concat(qual, with_check) ~ 'user_metadata'
                 UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p JOIN module m ON m.oid = p.pronamespace
                 WHERE p.prosrc ~ '[^a-z]user_metadata'"
            ),
            &[],
        );
    }

    // 0011; pg_temp last, or a temporary type of the caller's would come first.
    #[pg_test]
    fn every_function_pins_its_search_path() {
        offenders(
            "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN module m ON m.oid = p.pronamespace
             WHERE NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
             UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p
             WHERE p.pronamespace = 'auth'::regnamespace
               AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)",
            // Postgres puts what they say in place of the call, which it does for none with settings; every name in
            // them says its schema.
            &[
                "auth.jwt()",
                "auth.uid()",
                "auth.role()",
                "spaces.is_active_member(uuid)",
            ],
        );
    }

    #[pg_test]
    fn who_is_asking_costs_a_policy_no_call() {
        Spi::run("SET LOCAL ROLE authenticated").expect("become authenticated");
        let plan = Spi::connect(|client| {
            let rows = client.select(
                "EXPLAIN (VERBOSE, COSTS OFF) SELECT (SELECT auth.uid()), auth.jwt(), auth.role()",
                None,
                &[],
            )?;
            rows.map(|row| Ok(row.get::<String>(1)?.unwrap_or_default()))
                .collect::<Result<Vec<_>, spi::Error>>()
        })
        .expect("a plan")
        .join("\n");
        assert!(plan.contains("request_user()"), "{plan}");
        assert!(!plan.contains("auth."), "{plan}");
    }

    // 0028
    #[pg_test]
    fn anon_calls_definer_functions_by_name_only() {
        offenders(
            "SELECT p.oid::regprocedure::text FROM pg_proc p
             WHERE p.prosecdef AND has_function_privilege('anon', p.oid, 'EXECUTE')
               AND (p.pronamespace IN (SELECT oid FROM module) OR p.pronamespace = 'community_core'::regnamespace)",
            &[
                // Guests look for resources and download the free ones, against an e-mail address.
                "forum.is_staff()",
                "forum.search_resources(text,integer)",
                "forum.download_resource(uuid,text)",
                // The policies of what is public in a space ask these, for guests too.
                "spaces.is_staff()",
                "spaces.is_hidden(uuid,uuid)",
                "spaces.visible_space_ids()",
                "spaces.readable_space_ids()",
                "spaces.readable_workshop_ids()",
                "spaces.readable_event_ids()",
                "spaces.answered_comments(uuid)",
            ],
        );
    }

    // 0029: itself, or through a function that it calls.
    #[pg_test]
    fn a_definer_function_that_people_call_asks_who_is_asking() {
        offenders(
            ", asking (pattern, id) AS (
                 SELECT '(auth\\.(uid|jwt|role)|community_core\\.request_(user|claims))' COLLATE \"C\", 0::oid
                 UNION
                 SELECT m.schema || '\\.' || p.proname, p.oid
                 FROM pg_proc p JOIN module m ON m.oid = p.pronamespace
                 JOIN asking a ON p.prosrc ~ (a.pattern || ' *\\('))
             SELECT p.oid::regprocedure::text FROM pg_proc p JOIN module m ON m.oid = p.pronamespace
             WHERE p.prosecdef AND has_function_privilege('authenticated', p.oid, 'EXECUTE')
               AND p.oid NOT IN (SELECT id FROM asking)",
            &[
                // What is published is for guests too.
                "forum.search_resources(text,integer)",
            ],
        );
    }

    // 0010; a view with its owner's rights has a reason, and a barrier against leaky conditions.
    #[pg_test]
    fn views_look_with_the_rights_of_who_asks() {
        let reading = "SELECT c.oid::regclass::text FROM pg_class c JOIN module m ON m.oid = c.relnamespace
             WHERE c.relkind = 'v' AND (has_any_column_privilege('anon', c.oid, 'SELECT')
                                        OR has_any_column_privilege('authenticated', c.oid, 'SELECT'))
               AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)
               -- A published benchmark reads no table: a function answers, which asks who is asking.
               AND EXISTS (SELECT FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                           WHERE r.ev_class = c.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> c.oid)";
        // file_url, which app roles cannot read, for members alone.
        // What every reader is asked of sanctions: whose writing is hidden.
        offenders(reading, &["forum.resource_catalog", "spaces.shadow_bans"]);
        offenders(
            &format!(
                "{reading} AND NOT coalesce(c.reloptions && ARRAY['security_barrier=true', 'security_barrier'], false)"
            ),
            &[],
        );
    }

    // 0002
    #[pg_test]
    fn the_users_are_exposed_to_nobody() {
        offenders(
            "SELECT role FROM unnest(ARRAY['anon', 'authenticated']) AS role
             WHERE has_any_column_privilege(role, 'auth.users', 'SELECT, INSERT, UPDATE, REFERENCES')
                OR has_table_privilege(role, 'auth.users', 'DELETE, TRUNCATE, TRIGGER')
             UNION ALL
             SELECT r.ev_class::regclass::text FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
             WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = 'auth.users'::regclass
               AND (has_any_column_privilege('anon', r.ev_class, 'SELECT')
                    OR has_any_column_privilege('authenticated', r.ev_class, 'SELECT'))",
            &[],
        );
    }

    // 0016, 0017
    #[pg_test]
    fn what_row_security_cannot_hold_is_read_by_no_app_role() {
        offenders(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN module m ON m.oid = c.relnamespace
             WHERE c.relkind IN ('m', 'f') AND (has_any_column_privilege('anon', c.oid, 'SELECT')
                                                OR has_any_column_privilege('authenticated', c.oid, 'SELECT'))",
            &[],
        );
    }

    // 0023, 0026: what guests read is written out here.
    #[pg_test]
    fn guests_read_these_relations_and_write_none() {
        offenders(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN module m ON m.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_any_column_privilege('anon', c.oid, 'SELECT')",
            &[
                "forum.community_resources",
                "forum.resource_catalog",
                "linkup.regions",
                "linkup.activity_catalogue",
                // What is in a public space.
                "spaces.spaces",
                "spaces.space_rules",
                "spaces.privilege_thresholds",
                "spaces.post_templates",
                "spaces.posts",
                "spaces.post_versions",
                "spaces.tags",
                "spaces.post_tags",
                "spaces.tag_synonyms",
                "spaces.topic_pages",
                "spaces.questions",
                "spaces.answers",
                "spaces.comments",
                "spaces.workshops",
                "spaces.workshop_sessions",
                "spaces.materials",
                "spaces.bounties",
                "spaces.events",
                // What the policies of these ask.
                "spaces.shadow_bans",
            ],
        );
        offenders(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN module m ON m.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
               AND (has_any_column_privilege('anon', c.oid, 'INSERT, UPDATE') OR has_table_privilege('anon', c.oid, 'DELETE'))",
            &[],
        );
    }

    // 0014
    #[pg_test]
    fn the_extensions_members_are_in_its_own_schema() {
        offenders(
            "SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d
             LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
             LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
             LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
             WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
               AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'community_core')
               AND coalesce(p.pronamespace, t.typnamespace, c.relnamespace) <> 'community_core'::regnamespace
               -- The tests themselves are members where they are installed.
               AND coalesce(p.pronamespace, 0) <> coalesce(to_regnamespace('tests'), 0)",
            &[],
        );
    }

    // 0018
    #[pg_test]
    fn no_column_has_a_type_that_pg_upgrade_refuses() {
        offenders(
            "SELECT a.attrelid::regclass || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
             JOIN module m ON m.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
               AND a.atttypid = ANY (ARRAY['regproc', 'regprocedure', 'regoper', 'regoperator', 'regconfig',
                                           'regdictionary', 'regcollation', 'regnamespace']::regtype[])",
            &[],
        );
    }

    // 0021
    #[pg_test]
    fn foreign_keys_to_the_users_refer_to_their_primary_key() {
        offenders(
            "SELECT k.conrelid::regclass || ': ' || k.conname FROM pg_constraint k JOIN module m ON m.oid = k.connamespace
             WHERE k.contype = 'f' AND k.confrelid = 'auth.users'::regclass
               AND k.conindid <> (SELECT conindid FROM pg_constraint WHERE conrelid = 'auth.users'::regclass AND contype = 'p')",
            &[],
        );
    }

    #[pg_test]
    fn nothing_is_granted_to_everybody_or_may_be_passed_on() {
        offenders(
            ", granted AS (
                 SELECT c.oid::regclass::text AS name, c.relowner AS owner, (aclexplode(c.relacl)).* FROM pg_class c JOIN module m ON m.oid = c.relnamespace
                 UNION ALL
                 SELECT p.oid::regprocedure::text, p.proowner, (aclexplode(coalesce(p.proacl, acldefault('f', p.proowner)))).*
                 FROM pg_proc p WHERE p.pronamespace IN (SELECT oid FROM module) OR p.pronamespace IN ('community_core'::regnamespace, 'auth'::regnamespace)
                 UNION ALL
                 SELECT n.nspname, n.nspowner, (aclexplode(n.nspacl)).* FROM pg_namespace n
                 WHERE n.oid IN (SELECT oid FROM module) OR n.nspname IN ('community_core', 'community_state', 'auth'))
             SELECT format('%s %s %s', name, grantee, privilege_type) FROM granted
             WHERE grantee <> owner AND (grantee = 0 OR is_grantable
                 OR privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'CREATE', 'MAINTAIN'))",
            &[],
        );
    }

    #[pg_test]
    fn the_rules_find_what_they_are_for() {
        Spi::run(
            "SELECT community_core.install_module('tenancy', 'careless');
             CREATE POLICY all_true ON careless.customers FOR SELECT TO authenticated USING (true);
             CREATE POLICY bare ON careless.user_preferences FOR SELECT TO authenticated USING (user_id = auth.uid());
             DROP INDEX careless.organization_invitations_invited_by_idx;
             CREATE FUNCTION careless.anybody(uuid) RETURNS SETOF careless.customers LANGUAGE sql SECURITY DEFINER
                 AS 'SELECT * FROM careless.customers';
             CREATE VIEW careless.open AS SELECT * FROM careless.customers;
             GRANT SELECT ON careless.open TO anon",
        )
        .expect("a careless community");
        let claims: [(&str, fn()); 9] = [
            ("index", every_foreign_key_of_every_module_has_an_index),
            ("search_path", every_function_pins_its_search_path),
            ("anon", anon_calls_definer_functions_by_name_only),
            (
                "asks",
                a_definer_function_that_people_call_asks_who_is_asking,
            ),
            ("true", no_policy_is_always_true_but_for_what_is_public),
            (
                "bare",
                a_policy_asks_who_is_asking_once_and_not_for_each_row,
            ),
            ("two", no_two_permissive_policies_speak_of_the_same),
            ("view", views_look_with_the_rights_of_who_asks),
            ("guests", guests_read_these_relations_and_write_none),
        ];
        let silent: Vec<_> = claims
            .iter()
            .filter(|(_, claim)| std::panic::catch_unwind(claim).is_ok())
            .map(|(name, _)| name)
            .collect();
        assert!(silent.is_empty(), "find nothing: {silent:?}");
    }
}
