-- What a schema holds, one row per fact, as text that two schemas can be compared by.
-- $1: the schema's oid. search_path must be that schema alone, so that names in it come out bare.
WITH app_role AS (
    SELECT oid, rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'service_role')
    UNION ALL SELECT 0::oid, 'PUBLIC'
), member AS (
    -- Whatever is in a schema depends on it, and that has an index. Nothing else finds it without
    -- reading a whole catalogue, which is long where many schemas hold a module.
    SELECT classid, objid FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = $1
), relation AS (
    SELECT c.oid, c.relname, c.relkind, c.relrowsecurity, c.relreplident, c.relacl, c.relowner,
           c.relpersistence, c.relforcerowsecurity
    FROM member m JOIN pg_class c ON c.oid = m.objid
    WHERE m.classid = 'pg_class'::regclass AND c.relnamespace = $1 AND c.relkind IN ('r', 'p', 'v', 'm')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
), registrar AS (
    -- Everything a module makes belongs to whom the registry belongs to.
    SELECT relowner AS registrar FROM pg_class WHERE oid = to_regclass('community_state.module')
), attribute AS (
    SELECT r.relname, r.oid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull,
           a.attgenerated, a.attidentity, a.attacl, d.adbin, d.adrelid
    FROM relation r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE r.relkind IN ('r', 'p')
), routine AS (
    SELECT p.*, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS signature
    FROM member m JOIN pg_proc p ON p.oid = m.objid
    WHERE m.classid = 'pg_proc'::regclass AND p.pronamespace = $1 AND p.prokind <> 'a'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                      AND d.objid = p.oid AND d.deptype = 'e')
), hung AS (
    SELECT t.oid FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid
    UNION
    -- A module may also hang a trigger on a table outside, such as auth.users: its own function tells.
    SELECT d.objid FROM routine p JOIN pg_depend d ON d.refobjid = p.oid
    WHERE d.refclassid = 'pg_proc'::regclass AND d.classid = 'pg_trigger'::regclass
), fact (rank, kind, relation, name, definition) AS (
    SELECT 1, 'enum type', '', t.typname::text,
           (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
            FROM pg_enum e WHERE e.enumtypid = t.oid)
    FROM member m JOIN pg_type t ON t.oid = m.objid
    WHERE m.classid = 'pg_type'::regclass AND t.typnamespace = $1 AND t.typtype = 'e'
    UNION ALL
    SELECT 2, 'table', relname::text, '', concat_ws(', ', CASE relkind WHEN 'r' THEN 'ordinary' ELSE 'partitioned' END,
           CASE relpersistence WHEN 'u' THEN 'unlogged' END,
           CASE WHEN relforcerowsecurity THEN 'row security forced' END,
           CASE WHEN relowner <> registrar THEN 'owned by another' END)
    FROM relation, registrar WHERE relkind IN ('r', 'p')
    UNION ALL
    SELECT 3, 'column', relname::text, attname::text, format_type(atttypid, atttypmod) FROM attribute
    UNION ALL
    SELECT 4, 'default', relname::text, attname::text,
           CASE WHEN attgenerated = 's' THEN 'stored ' WHEN attidentity <> '' THEN 'identity ' ELSE '' END
           || coalesce(pg_get_expr(adbin, adrelid, true), '')
    FROM attribute WHERE adbin IS NOT NULL OR attidentity <> ''
    UNION ALL
    SELECT 5, 'not null', relname::text, attname::text, '' FROM attribute WHERE attnotnull
    UNION ALL
    SELECT 6, 'constraint', r.relname::text, c.conname::text, pg_get_constraintdef(c.oid, true)
           || CASE WHEN c.convalidated THEN '' ELSE ' (not validated)' END
           || CASE WHEN EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = c.oid
                                AND t.tgenabled = 'D') THEN ' (not enforced)' ELSE '' END
    FROM relation r JOIN pg_constraint c ON c.conrelid = r.oid
    WHERE c.contype IN ('c', 'f', 'p', 'u', 'x')
    UNION ALL
    SELECT 7, 'index', r.relname::text, ic.relname::text, pg_get_indexdef(i.indexrelid, 0, true)
           || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END
    FROM relation r JOIN pg_index i ON i.indrelid = r.oid JOIN pg_class ic ON ic.oid = i.indexrelid
    WHERE NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid
                      AND c.conrelid = i.indrelid AND c.contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT 8, 'function', '', p.signature, concat_ws(' ', pg_get_function_result(p.oid), l.lanname,
           p.provolatile, p.proparallel, CASE WHEN p.prosecdef THEN 'definer' END,
           CASE WHEN p.proisstrict THEN 'strict' END,
           CASE WHEN p.proowner <> registrar THEN 'owned by another' END, array_to_string(p.proconfig, ' '),
           coalesce(pg_get_function_sqlbody(p.oid), p.prosrc))
    FROM registrar, routine p JOIN pg_language l ON l.oid = p.prolang
    UNION ALL
    SELECT 9, 'view', relname::text, '', concat_ws(' ',
           (SELECT array_to_string(c.reloptions, ' ') FROM pg_class c WHERE c.oid = relation.oid),
           CASE WHEN relowner <> registrar THEN 'owned by another' END,
           pg_get_viewdef(oid, true))
    FROM relation, registrar WHERE relkind IN ('v', 'm')
    UNION ALL
    SELECT 10, 'trigger', CASE WHEN c.relnamespace = $1 THEN c.relname::text
                               ELSE t.tgrelid::regclass::text END,
           t.tgname::text,
           substring(pg_get_triggerdef(t.oid, true) FROM ' (?:BEFORE|AFTER|INSTEAD OF) .*$')
    FROM hung JOIN pg_trigger t USING (oid) JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 11, 'trigger state', CASE WHEN c.relnamespace = $1 THEN c.relname::text
                                     ELSE t.tgrelid::regclass::text END,
           t.tgname::text,
           CASE t.tgenabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled'
                            WHEN 'R' THEN 'replica' ELSE 'always' END
    FROM hung JOIN pg_trigger t USING (oid) JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 12, 'row security', relname::text, '', 'enabled' FROM relation WHERE relrowsecurity
    UNION ALL
    SELECT 13, 'policy', r.relname::text, p.polname::text, concat_ws(' ',
           CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
           CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'
                         WHEN 'd' THEN 'delete' ELSE 'all' END, 'to',
           (SELECT string_agg(name, ', ' ORDER BY name)
            FROM (SELECT coalesce(a.rolname, role::regrole::text)
                  FROM unnest(p.polroles) role LEFT JOIN app_role a ON a.oid = role) named (name)),
           'using (' || pg_get_expr(p.polqual, p.polrelid, true) || ')',
           'with check (' || pg_get_expr(p.polwithcheck, p.polrelid, true) || ')')
    FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
    UNION ALL
    SELECT 14, 'replica identity', relname::text, '', 'full' FROM relation WHERE relreplident = 'f'
    UNION ALL
    -- A rewrite rule can swallow or redirect whatever is written.
    SELECT 15, 'rule', r.relname::text, w.rulename::text, pg_get_ruledef(w.oid, true)
    FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid
    WHERE r.relkind IN ('r', 'p')
    UNION ALL
    SELECT 15, 'schema grant', '', privilege_type || ' to ' || a.rolname, ''
    FROM pg_namespace n, aclexplode(n.nspacl) g JOIN app_role a ON a.oid = g.grantee
    WHERE n.oid = $1
    UNION ALL
    SELECT 15, 'grant', r.relname::text, g.privilege_type || grant_option || ' to ' || a.rolname, ''
    FROM relation r, aclexplode(r.relacl) g,
         LATERAL (SELECT CASE WHEN g.is_grantable THEN ' with grant option' ELSE '' END) o (grant_option), app_role a WHERE a.oid = g.grantee
    UNION ALL
    SELECT 15, 'grant', t.relname::text,
           g.privilege_type || ' (' || quote_ident(t.attname) || ') to ' || a.rolname, ''
    FROM attribute t, aclexplode(t.attacl) g JOIN app_role a ON a.oid = g.grantee
    UNION ALL
    SELECT 16, 'function grant', p.signature, g.privilege_type || ' to ' || a.rolname, ''
    FROM routine p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
    JOIN app_role a ON a.oid = g.grantee
)
SELECT kind, relation, name, coalesce(definition, '') AS definition
FROM fact ORDER BY rank, relation, name
