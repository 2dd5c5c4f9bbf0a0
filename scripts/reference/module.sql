-- Prints the reference page of one module from the catalogue, as Markdown:
-- psql -qXAt -v schema=NAME -v page=PAGE, the page of docs/ that tells about it.
-- Everything is ordered by name in collation C, so that the page is the same wherever it is written.

-- One line, as a cell of a Markdown table wants it.
CREATE FUNCTION pg_temp.cell(words text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT replace(regexp_replace(trim(words), '\s+', ' ', 'g'), '|', '\|') $$;
CREATE FUNCTION pg_temp.code(words text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT '`' || regexp_replace(trim(words), '\s+', ' ', 'g') || '`' $$;
-- A type as Mermaid can read it: one word.
CREATE FUNCTION pg_temp.word(kind oid) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT regexp_replace(typname, '^_(.*)$', '\1[]') FROM pg_type WHERE oid = kind $$;

CREATE TEMP VIEW shown AS
SELECT c.oid, c.relname::text COLLATE "C" AS name, c.relkind, obj_description(c.oid, 'pg_class') AS about,
       -- What the engines keep beside a table, nobody but its owner reads.
       has_any_column_privilege('service_role', c.oid, 'SELECT')
       OR has_any_column_privilege('authenticated', c.oid, 'SELECT') AS readable
FROM pg_class c
WHERE c.relnamespace = :'schema'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition;

CREATE TEMP VIEW shown_column AS
SELECT s.oid, s.name AS relation, a.attnum, a.attname::text AS name, a.atttypid,
       format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid) AS value, a.attgenerated, a.attidentity,
       col_description(s.oid, a.attnum) AS about,
       EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = s.oid AND k.contype = 'p' AND a.attnum = ANY (k.conkey)) AS is_key,
       EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = s.oid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)) AS refers
FROM shown s JOIN pg_attribute a ON a.attrelid = s.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum;

SELECT format(E'# Reference: %1$s\n\n<!-- Written by `make docs` from the catalogue. Change the comments in sql/%1$s/ instead. -->\n', :'schema');
SELECT format(E'What the module is for, and how it is used, tells [its page](../%s.md). Every table has row security on, and a policy that\nlets `service_role` do everything its grants allow; the others are listed.\n', :'page');

SELECT E'## Diagram\n\nTables with their keys; every column is below.\n\n```mermaid\nerDiagram';
SELECT format('    %s {%s}', name, string_agg(line, '' ORDER BY attnum) || E'\n    ')
FROM (SELECT relation AS name, attnum,
             format(E'\n        %s %s %s', pg_temp.word(atttypid), name,
                    concat_ws(', ', CASE WHEN is_key THEN 'PK' END, CASE WHEN refers THEN 'FK' END)) AS line
      FROM shown_column WHERE is_key OR refers) AS keys
WHERE name IN (SELECT name FROM shown WHERE readable)
GROUP BY name ORDER BY name;
SELECT format('    %s %s--%s %s : "%s"', child,
              CASE WHEN alone THEN '|o' ELSE '}o' END, CASE WHEN filled THEN '||' ELSE 'o|' END, parent, columns)
FROM (SELECT s.name AS child, k.conname::text COLLATE "C" AS name,
             CASE WHEN p.relnamespace = :'schema'::regnamespace THEN p.relname::text
                  ELSE format('"%s.%s"', p.relnamespace::regnamespace, p.relname) END AS parent,
             EXISTS (SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indisunique AND i.indpred IS NULL
                     AND i.indexprs IS NULL AND i.indkey::int2[] <@ k.conkey AND i.indnkeyatts = i.indnatts) AS alone,
             (SELECT bool_and(a.attnotnull) FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) AS filled,
             (SELECT string_agg(a.attname, ', ' ORDER BY ordinal) FROM unnest(k.conkey) WITH ORDINALITY AS n (attnum, ordinal)
              JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = n.attnum) AS columns
      FROM pg_constraint k JOIN shown s ON s.oid = k.conrelid AND s.readable JOIN pg_class p ON p.oid = k.confrelid
      WHERE k.contype = 'f' AND k.conparentid = 0) AS edges
ORDER BY child, name;
SELECT E'```\n';

SELECT E'## Tables and views\n';
-- One row per table: heading, columns, then what holds for it.
SELECT format(E'### %s\n\n%s\n\n| column | type | | default | |\n|---|---|---|---|---|\n%s\n%s', s.name,
              coalesce(CASE s.relkind WHEN 'v' THEN 'View. ' WHEN 'm' THEN 'Materialized view. ' ELSE '' END || s.about, ''),
    (SELECT string_agg(format('| `%s` | %s | %s | %s | %s |', c.name, pg_temp.cell(c.type),
                CASE WHEN c.attnotnull THEN 'not null' ELSE '' END,
                CASE WHEN c.attgenerated <> '' THEN 'always ' || pg_temp.cell(pg_temp.code(c.value))
                     WHEN c.attidentity <> '' THEN 'identity'
                     WHEN c.value IS NOT NULL THEN pg_temp.cell(pg_temp.code(c.value)) ELSE '' END,
                coalesce(pg_temp.cell(c.about), '')), E'\n' ORDER BY c.attnum)
     FROM shown_column c WHERE c.oid = s.oid),
    concat_ws('',
        (SELECT E'\nConstraints:\n\n' || string_agg(format('- `%s`: %s', k.conname, pg_temp.code(pg_get_constraintdef(k.oid))), E'\n'
                    ORDER BY k.contype = 'p' DESC, k.contype::text, k.conname::text COLLATE "C") || E'\n'
         FROM pg_constraint k WHERE k.conrelid = s.oid AND k.contype IN ('p', 'u', 'f', 'c', 'x') AND k.conparentid = 0),
        (SELECT E'\nIndexes:\n\n' || string_agg(format('- `%s`: %s', i.relname,
                    pg_temp.code(regexp_replace(pg_get_indexdef(i.oid), '^CREATE (UNIQUE )?INDEX .*? USING (btree )?', '\1'))), E'\n'
                    ORDER BY i.relname::text COLLATE "C") || E'\n'
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
         WHERE x.indrelid = s.oid AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.conrelid = s.oid)),
        (SELECT E'\nPolicies:\n\n' || string_agg(format('- `%s`: %s to %s%s%s', p.policyname, p.cmd, array_to_string(p.roles, ', '),
                    ', using ' || pg_temp.code(p.qual), ', with check ' || pg_temp.code(p.with_check)), E'\n'
                    ORDER BY p.policyname::text COLLATE "C") || E'\n'
         FROM pg_policies p WHERE p.schemaname = :'schema' AND p.tablename = s.name AND p.policyname <> s.name || '_all_service_role'),
        (SELECT E'\nTriggers:\n\n' || string_agg(format('- `%s`: %s', t.tgname,
                    pg_temp.code(regexp_replace(pg_get_triggerdef(t.oid), '^CREATE (CONSTRAINT )?TRIGGER \S+ (.*?) ON \S+ ', '\2 '))), E'\n'
                    ORDER BY t.tgname::text COLLATE "C") || E'\n'
         FROM pg_trigger t WHERE t.tgrelid = s.oid AND NOT t.tgisinternal)))
FROM shown s WHERE s.readable ORDER BY s.name;

SELECT E'## Kept by the engines\n\nNobody but the owner reads these; the pages of the engines tell what they are.\n\n'
       || string_agg(format('- `%s`%s', name, ': ' || pg_temp.cell(about)), E'\n' ORDER BY name) || E'\n'
FROM shown WHERE NOT readable HAVING count(*) > 0;

\ir functions.sql
