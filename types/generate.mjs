// Prints database.ts: what kysely-codegen says of each module's schema, as one namespace per schema.
// usage: node generate.mjs DATABASE_URL
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import pg from "pg";

const url = process.argv[2];
const codegen = createRequire(import.meta.url).resolve("kysely-codegen/dist/cli/bin.js");
const client = new pg.Client({ connectionString: url });
await client.connect();
const rows = async (sql, ...values) => (await client.query(sql, values)).rows;

const schemas = (await rows("SELECT schema FROM community_state.module WHERE module <> 'identity' ORDER BY schema"))
  .map((row) => row.schema);

// Tables that a role of an application may read; not what the engines keep beside a table.
const readable = (schema) => rows(
  `SELECT c.relname AS name FROM pg_class c
   WHERE c.relnamespace = $1::text::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
     AND EXISTS (SELECT FROM unnest('{anon,authenticated,service_role}'::regrole[]) role
                     WHERE has_any_column_privilege(role, c.oid, 'SELECT'))
   ORDER BY c.relname`, schema);

// CHECK (column IN ('a', 'b')) is a type in TypeScript.
const choices = (schema) => rows(
  `SELECT c.relname || '.' || a.attname AS column, NOT a.attnotnull AS nullable, a.atthasdef AS "default",
          array(SELECT replace(m[1], '''''', '''')
                FROM regexp_matches(pg_get_constraintdef(k.oid), '''((?:[^'']|'''')*)''', 'g') m) AS values
   FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
   WHERE c.relnamespace = $1::text::regnamespace AND k.contype = 'c' AND cardinality(k.conkey) = 1
     AND a.atttypid IN ('text'::regtype, 'varchar'::regtype)
     AND pg_get_constraintdef(k.oid) ~ '^CHECK \\(\\([^ ]+ = ANY \\(+ARRAY\\[[^]]*\\][^ ]*\\)\\)$'
   ORDER BY 1`, schema);

const override = ({ nullable, default: generated, values }) => {
  const union = values.map((value) => JSON.stringify(value)).join(" | ") + (nullable ? " | null" : "");
  return generated ? `Generated<${union}>` : union;
};

const run = (schema, tables, columns) => {
  const options = [
    "--dialect", "postgres", "--url", url, "--schema", schema, "--singular", "--print",
    "--log-level", "error", "--include-pattern", `${schema}.(${tables.join("|")})`,
    "--overrides", JSON.stringify({ columns }),
  ];
  return execFileSync(process.execPath, [codegen, ...options], { encoding: "utf8" });
};

const imports = new Map([["kysely", new Set(["Insertable", "Selectable", "Updateable"])]]);
const shared = new Map();
const namespaces = [];
const names = {};

for (const schema of schemas) {
  const readables = (await readable(schema)).map((row) => row.name);
  const columns = Object.fromEntries((await choices(schema)).map((row) => [row.column, override(row)]));
  const text = run(schema, readables, columns);
  for (const [, list, module] of text.matchAll(/^import type \{ (.*) \} from "(.*)";$/gm)) {
    const set = imports.get(module) ?? imports.set(module, new Set()).get(module);
    for (const name of list.split(", ")) set.add(name);
  }
  // kysely-codegen puts an empty line between any two declarations and none inside one.
  const declarations = text.split("\n\n").map((part) => part.trim()).filter((part) => part.startsWith("export "));
  const database = declarations.find((part) => part.startsWith("export interface DB "));
  const tables = [...database.matchAll(/^ {2}(\S+): (\S+);$/gm)].map(([, table, type]) => ({ table, type }));
  names[schema] = tables.map(({ table }) => table);
  const parts = [];
  for (const part of declarations) {
    const name = part.match(/^export (?:interface|type) (\w+)/)[1];
    if (part === database) continue;
    if (tables.some(({ type }) => type === name)) {
      parts.push(
        part.replace(`interface ${name} `, `interface ${name}Table `),
        `export type ${name} = Selectable<${name}Table>;\n` +
          `export type New${name} = Insertable<${name}Table>;\n` +
          `export type ${name}Update = Updateable<${name}Table>;`,
      );
    } else if (/ = "/.test(part)) {
      parts.push(part); // an enum of this schema
    } else if ((shared.get(name) ?? part) !== part) {
      throw new Error(`${name} is not the same type in every schema`);
    } else {
      shared.set(name, part);
    }
  }
  const keys = tables.map(({ table, type }) => `  ${table}: ${type}Table;`).join("\n");
  parts.push(`export interface Database {\n${keys}\n}`);
  namespaces.push(`export namespace ${schema} {\n${parts.join("\n\n").replace(/^(?=.)/gm, "  ")}\n}`);
}
await client.end();

const constants = schemas.map((schema) =>
  `  ${schema}: {\n` +
  names[schema].map((table) => `    ${table}: "${schema}.${table}",\n`).join("") + "  },\n");

process.stdout.write([
  "// The tables of community_core for Kysely. Written by `make types` from a database: do not edit.",
  [...imports].sort().map(([module, set]) =>
    `import type { ${[...set].sort().join(", ")} } from "${module}";`).join("\n"),
  ...[...shared].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part),
  "type Qualified<Schema extends string, Tables> = {\n" +
    "  [Name in keyof Tables & string as `${Schema}.${Name}`]: Tables[Name];\n};",
  ...namespaces,
  "/** Every table under its qualified name: `new Kysely<Database>(…).selectFrom(\"tenancy.customers\")`. */\n" +
    `export type Database = ${schemas.map((schema) => `Qualified<"${schema}", ${schema}.Database>`).join(" &\n  ")};`,
  `/** The qualified name of every table. */\nexport const TABLE_NAMES = {\n${constants.join("")}} as const;`,
].join("\n\n") + "\n");
