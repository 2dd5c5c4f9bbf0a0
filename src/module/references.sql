-- Objects outside schema $1 that something inside it is needed for, each as a sentence's subject.
WITH inside AS (
    SELECT 'pg_class'::regclass AS classid, c.oid FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid FROM pg_type t
    JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = $1
), dependent AS (
    SELECT DISTINCT d.classid, d.objid, d.objsubid
    FROM inside JOIN pg_depend d ON d.refclassid = inside.classid AND d.refobjid = inside.oid
    WHERE d.deptype IN ('n', 'a')
), placed AS (
    SELECT d.*, CASE d.classid
        WHEN 'pg_constraint'::regclass THEN
            (SELECT coalesce(c.relnamespace, k.connamespace) FROM pg_constraint k
             LEFT JOIN pg_class c ON c.oid = k.conrelid WHERE k.oid = d.objid)
        WHEN 'pg_rewrite'::regclass THEN
            (SELECT c.relnamespace FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
             WHERE r.oid = d.objid)
        WHEN 'pg_trigger'::regclass THEN
            (SELECT c.relnamespace FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
             WHERE t.oid = d.objid)
        WHEN 'pg_policy'::regclass THEN
            (SELECT c.relnamespace FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
             WHERE p.oid = d.objid)
        WHEN 'pg_attrdef'::regclass THEN
            (SELECT c.relnamespace FROM pg_attrdef a JOIN pg_class c ON c.oid = a.adrelid
             WHERE a.oid = d.objid)
        WHEN 'pg_class'::regclass THEN (SELECT relnamespace FROM pg_class WHERE oid = d.objid)
        WHEN 'pg_proc'::regclass THEN (SELECT pronamespace FROM pg_proc WHERE oid = d.objid)
        WHEN 'pg_type'::regclass THEN (SELECT typnamespace FROM pg_type WHERE oid = d.objid)
        END AS namespace
    FROM dependent d
)
SELECT pg_describe_object(p.classid, p.objid, p.objsubid)
FROM placed p JOIN pg_namespace n ON n.oid = p.namespace
LEFT JOIN pg_trigger t ON p.classid = 'pg_trigger'::regclass AND t.oid = p.objid
LEFT JOIN pg_proc f ON f.oid = t.tgfoid
WHERE n.nspname <> $1 AND n.nspname NOT LIKE 'pg\_toast%'
  -- The module's own trigger on a table outside, auth.users say, goes with the module.
  AND NOT (t.oid IS NOT NULL AND f.pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1))
ORDER BY 1
