-- Everything but rows that some schemas hold, a line each.
WITH schema AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname IN (SCHEMAS)
), relation AS (
    SELECT c.oid, format('%I.%I', nspname, relname) AS name, relkind, relrowsecurity, relreplident,
           coalesce(relacl, acldefault('r', relowner)) AS relacl
    FROM pg_class c JOIN schema ON schema.oid = relnamespace WHERE relkind IN ('r', 'p', 'v')
)
SELECT format('relation %s %s %s %s %s', name, relkind, relrowsecurity, relreplident,
              (SELECT string_agg(g::text, ',' ORDER BY g::text) FROM unnest(relacl) AS g)) AS line
FROM relation
UNION ALL
SELECT format('column %s.%I %s %s %s %s', name, attname, format_type(atttypid, atttypmod), attnotnull,
              (SELECT pg_get_expr(adbin, adrelid, true) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum),
              (SELECT string_agg(g::text, ',' ORDER BY g::text) FROM unnest(attacl) AS g))
FROM relation JOIN pg_attribute ON attrelid = oid AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT format('view %s %s', name, pg_get_viewdef(oid, true)) FROM relation WHERE relkind = 'v'
UNION ALL
SELECT format('constraint %s %s %s', name, conname, pg_get_constraintdef(c.oid, true))
FROM relation JOIN pg_constraint c ON conrelid = relation.oid WHERE contype <> 'n'
UNION ALL
SELECT format('index %s', pg_get_indexdef(indexrelid, 0, true)) FROM relation JOIN pg_index ON indrelid = oid
UNION ALL
SELECT format('policy %s %s %s %s %s %s', name, polname, polcmd, polroles::regrole[],
              pg_get_expr(polqual, polrelid, true), pg_get_expr(polwithcheck, polrelid, true))
FROM relation JOIN pg_policy ON polrelid = relation.oid
UNION ALL
SELECT format('trigger %s %s %s', tgrelid::regclass, tgenabled, pg_get_triggerdef(t.oid, true))
FROM relation JOIN pg_trigger t ON tgrelid = relation.oid WHERE NOT tgisinternal
UNION ALL
SELECT format('comment %s %s', pg_describe_object(classoid, objoid, objsubid), description)
FROM relation JOIN pg_description ON objoid = oid AND classoid = 'pg_class'::regclass
UNION ALL
SELECT format('routine %s %s %s %s', p.oid::regprocedure, pg_get_functiondef(p.oid),
              (SELECT string_agg(g::text, ',' ORDER BY g::text) FROM unnest(coalesce(proacl, acldefault('f', proowner))) AS g),
              obj_description(p.oid, 'pg_proc'))
FROM pg_proc p JOIN schema ON schema.oid = pronamespace WHERE prokind <> 'a'
UNION ALL
SELECT format('type %s %s', t.oid::regtype, enumlabels)
FROM pg_type t JOIN schema ON schema.oid = typnamespace
CROSS JOIN LATERAL (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum
                    WHERE enumtypid = t.oid) AS e (enumlabels)
WHERE typtype = 'e'
UNION ALL
SELECT format('publication %s %s', pubname, schemaname || '.' || tablename)
FROM pg_publication_tables JOIN pg_publication USING (pubname)
WHERE schemaname IN (SCHEMAS) AND NOT puballtables
ORDER BY line
