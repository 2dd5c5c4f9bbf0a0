-- What stands in schema $1 beside the module's own relations $2, functions $3 and types $4.
WITH home AS (SELECT oid FROM pg_namespace WHERE nspname = $1)
SELECT pg_describe_object('pg_class'::regclass, c.oid, 0)
FROM pg_class c JOIN home ON home.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND c.relname <> ALL ($2)
  -- the sequence of an identity column belongs to its table
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                  AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass)
UNION ALL
SELECT pg_describe_object('pg_proc'::regclass, p.oid, 0)
FROM pg_proc p JOIN home ON home.oid = p.pronamespace
WHERE p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' <> ALL ($3)
  AND p.oid::regprocedure::text <> ALL ($3)
UNION ALL
SELECT pg_describe_object('pg_type'::regclass, t.oid, 0)
FROM pg_type t JOIN home ON home.oid = t.typnamespace
WHERE t.typtype IN ('b', 'd', 'e', 'r') AND t.typname <> ALL ($4)
  AND NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid)
UNION ALL
SELECT 'extension ' || quote_ident(e.extname)
FROM pg_extension e JOIN home ON home.oid = e.extnamespace
UNION ALL
SELECT pg_describe_object('pg_operator'::regclass, o.oid, 0)
FROM pg_operator o JOIN home ON home.oid = o.oprnamespace
ORDER BY 1
