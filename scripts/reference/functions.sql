-- Prints the functions of :schema, of the extension or of a module, as Markdown. What Postgres alone
-- can call, the steps of an aggregate and the like, is left out.
CREATE TEMP VIEW routine AS
SELECT p.oid, p.proname::text COLLATE "C" AS name, p.prokind, p.prorettype = 'trigger'::regtype AS is_trigger,
       p.provolatile, p.proparallel, p.prosecdef,
       pg_get_function_arguments(p.oid) AS arguments, pg_get_function_identity_arguments(p.oid) COLLATE "C" AS identity,
       pg_get_function_result(p.oid) AS result, obj_description(p.oid, 'pg_proc') AS about,
       (SELECT string_agg(CASE g.grantee WHEN 0 THEN 'everybody' ELSE format('`%s`', g.grantee::regrole) END, ', '
                          ORDER BY g.grantee::regrole::text COLLATE "C")
        FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
        WHERE g.privilege_type = 'EXECUTE' AND g.grantee <> p.proowner AND g.grantee::regrole::text <> 'pg_database_owner') AS callers
FROM pg_proc p
WHERE p.pronamespace = :'schema'::regnamespace
  AND 'internal'::regtype <> ALL (p.proargtypes::oid[]) AND p.prorettype NOT IN ('internal'::regtype, 'cstring'::regtype)
  AND 'cstring'::regtype <> ALL (p.proargtypes::oid[]);

SELECT E'## Functions\n';
SELECT format(E'### %s\n\n`%s%s(%s)%s`\n\n%s\n\n%s\n', name,
              CASE prokind WHEN 'p' THEN 'CALL ' WHEN 'a' THEN 'aggregate ' ELSE '' END, name, arguments,
              CASE WHEN prokind <> 'p' THEN ' → ' || result ELSE '' END,
              replace(about, '<', '\<'),
              concat_ws('; ', CASE provolatile WHEN 'i' THEN 'Immutable' WHEN 's' THEN 'Stable' ELSE 'Volatile' END,
                        CASE WHEN prosecdef THEN 'runs with the rights of its owner' END,
                        'callable by ' || coalesce(callers, 'the database''s owner alone')) || '.')
FROM routine WHERE NOT is_trigger ORDER BY name, identity;

SELECT E'## Trigger functions\n\n' || string_agg(format('- `%s`: %s', name, replace(about, '<', '\<')), E'\n' ORDER BY name) || E'\n'
FROM routine WHERE is_trigger HAVING count(*) > 0;
