// Reads the founders' feed as one signed-in person, newest first, a page at a time.
// usage: node feed.js PERSON        the database is that of PGHOST, PGUSER, PGDATABASE, …
import { Kysely, PostgresDialect, sql, type Transaction } from "kysely";
import pg from "pg";
import { TABLE_NAMES, type Database } from "../../types/database.js";

const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: new pg.Pool() }) });

/** Does `work` as PostgREST would: under the role authenticated, with the person's claims. */
function as<T>(person: string, work: (trx: Transaction<Database>) => Promise<T>): Promise<T> {
  return db.transaction().execute(async (trx) => {
    const claims = JSON.stringify({ sub: person, role: "authenticated" });
    await sql`SELECT set_config('request.jwt.claims', ${claims}, true),
                     set_config('role', 'authenticated', true)`.execute(trx);
    return work(trx);
  });
}

/** Two posts older than `last`. Its time stays text: a Date would lose the microseconds. */
function page(trx: Transaction<Database>, last?: { at: string; id: string }) {
  return trx
    .selectFrom(TABLE_NAMES.founders.social_feed_posts)
    .select(["id", "post_type", "content", "reaction_count"])
    .select(sql<string>`created_at::text`.as("at"))
    .$if(last !== undefined, (query) =>
      query.where(sql<boolean>`(created_at, id) < (${last?.at}::timestamptz, ${last?.id}::uuid)`))
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(2)
    .execute();
}

const person = process.argv[2] ?? "";
for (let posts = await as(person, (trx) => page(trx)); posts.length > 0; ) {
  for (const post of posts) {
    console.log(`${post.post_type}: ${post.content} (${post.reaction_count} reactions)`);
  }
  const last = posts[posts.length - 1];
  posts = await as(person, (trx) => page(trx, last));
}
await db.destroy();
