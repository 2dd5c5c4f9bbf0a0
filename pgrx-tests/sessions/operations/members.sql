-- Everything the extension owns but what the tests bring along, a line each, every name with its schema.
WITH member AS (
    SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS name
    FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
    WHERE e.extname = 'community_core' AND d.deptype = 'e'
      AND pg_describe_object(d.classid, d.objid, 0) !~ '\m(schema tests|tests\.)'
)
SELECT format('%s: %s', name, obj_description(objid, classid::regclass::text)) AS line FROM member
UNION ALL
SELECT format('%s: %s, binary %s, %s, %s, granted %s', name,
              CASE WHEN prokind = 'a' THEN 'aggregate' ELSE pg_get_functiondef(p.oid) END, probin, prosrc, proowner::regrole,
              (SELECT string_agg(g::text, ',' ORDER BY g::text) FROM unnest(coalesce(proacl, acldefault('f', proowner))) AS g))
FROM member JOIN pg_proc p ON classid = 'pg_proc'::regclass AND objid = p.oid
UNION ALL
SELECT format('%s: %s', name, a) FROM member JOIN pg_aggregate a ON classid = 'pg_proc'::regclass AND objid = aggfnoid
UNION ALL
SELECT format('%s: %s', name, concat_ws(' ', typlen, typbyval, typtype, typcategory, typinput, typoutput,
              typreceive, typsend, typalign, typstorage, typarray::regtype,
              (SELECT string_agg(g::text, ',' ORDER BY g::text) FROM unnest(typacl) AS g)))
FROM member JOIN pg_type ON classid = 'pg_type'::regclass AND objid = oid
UNION ALL
SELECT format('%s: %s', name, concat_ws(' ', oprcode, oprcom::regoperator, oprnegate::regoperator, oprrest,
              oprjoin, oprcanmerge, oprcanhash))
FROM member JOIN pg_operator ON classid = 'pg_operator'::regclass AND objid = oid
UNION ALL
SELECT format('%s: %s %s', name, amopstrategy, amopopr::regoperator)
FROM member JOIN pg_amop ON classid = 'pg_opfamily'::regclass AND objid = amopfamily
UNION ALL
SELECT format('%s: %s %s', name, amprocnum, amproc::regprocedure)
FROM member JOIN pg_amproc ON classid = 'pg_opfamily'::regclass AND objid = amprocfamily
UNION ALL
SELECT format('%s: %s %s %s', name, castfunc::regprocedure, castcontext, castmethod)
FROM member JOIN pg_cast ON classid = 'pg_cast'::regclass AND objid = oid
UNION ALL
SELECT format('%s: initially granted %s', name, (SELECT string_agg(g::text, ',' ORDER BY g::text) FROM unnest(initprivs) AS g))
FROM member JOIN pg_init_privs i ON i.classoid = classid AND i.objoid = objid
UNION ALL
SELECT format('extension %s %s', extversion, extnamespace::regnamespace) FROM pg_extension WHERE extname = 'community_core'
UNION ALL
SELECT format('schema %s', (SELECT string_agg(g::text, ',' ORDER BY g::text) FROM unnest(nspacl) AS g))
FROM pg_namespace WHERE nspname = 'community_core'
ORDER BY line
