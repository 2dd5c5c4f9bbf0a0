//! What `\df+` says of each function: arguments, result, NULLs, errors, sources, an example.

use pgrx::extension_sql;

extension_sql!(
    r#"
COMMENT ON FUNCTION create_audit_log(regclass, text[], text[], text) IS
'Makes a table an audit log: UPDATE, DELETE and TRUNCATE are refused, each entry is sealed into a hash chain.
log: an ordinary table with a primary key of one uuid, integer or text column. chain_by: columns whose values tell chains apart. erasable: nullable columns that erase_audit_subject may empty. seal: ''commit'' (sealed by the writing transaction) or ''block'' (sealed by seal_audit).
Calling it again repairs triggers and tables and seals nothing twice; erasable may grow. Rows that are there the first time are sealed. Volatile. Needs the table''s ownership.
Errors: 22004 NULL argument, 42501 not the owner, 42P16 a table that cannot be a log, 42703 no such column, 42804 a column that cannot name a chain, 22023 unknown seal, 55000 other chain_by than before, 42P07 a table beside it has the name, 42622 name over 55 bytes.
Example: SELECT community_core.create_audit_log(''audit_logs'', chain_by => ''{organization_id}'', erasable => ''{user_id}'');';

COMMENT ON FUNCTION audit_changes(regclass, regclass, jsonb) IS
'Records INSERT, UPDATE, DELETE and TRUNCATE of a table in an audit log, one entry per row, by statement triggers.
target: the table, yours; of a partitioned one the partitions that it has are recorded too, each by its own name. log: made by create_audit_log; target''s owner needs INSERT on it. mapping: an object of log columns and sources (operation, table, schema, old, new, old.changed, new.changed, user, role, row.<column>); NULL or {}: by the columns'' usual names.
Volatile; calling it again replaces the mapping. Errors: 22004, 42501, 42703, 55000 not an audit log, 22023 a mapping or a log of itself.
Example: SELECT community_core.audit_changes(''customers'', ''audit_logs'');';

COMMENT ON FUNCTION verify_audit(regclass, text) IS
'Every fault of a log, one row each: changed, missing, inserted, reordered, truncated tail, broken link, wrong root, erased without authority, unsealed, protection. No row: intact.
log: NULL for every log that the caller owns. chain: its name as in the table of heads; NULL for all.
Result: log, chain, sequence, entry (primary key as text), fault, detail, expected and actual hash; columns that do not apply are NULL. Stable, reads the query''s snapshot, takes no transaction id. Reports its progress as NOTICE.
Errors: 42501 not the owner, 55000 not an audit log. Algorithm: docs/audit.md; RFC 6962.
Example: SELECT * FROM community_core.verify_audit(''audit_logs'');';

COMMENT ON FUNCTION erase_audit_subject(uuid) IS
'Erases a person from every log of the caller''s: the values of the erasable columns of each entry about the person become NULL, their salts are destroyed, an erasure entry is chained; the log verifies.
subject: the person''s uuid, looked for in erasable columns of type uuid, text, varchar and (as a string anywhere) jsonb. NULL: nothing happens.
Result: log and number of entries, for each log that had any. Logs of other owners are left alone. Volatile. Other people''s uuids in the same entry stay.
Example: SELECT * FROM community_core.erase_audit_subject(''11111111-1111-4111-8111-111111111111'');';

COMMENT ON FUNCTION seal_audit(regclass, boolean) IS
'Seals what waits: this transaction''s entries, and the tail of a block log in blocks of at most 100,000.
log: NULL for every log that the caller owns. adopt: also seal, as the latest entries, rows that no trigger saw (verify_audit calls them inserted). Result: how many entries were sealed. Volatile. Errors: 42501, 55000, 40001 somebody else sealed the chain (REPEATABLE READ).
Example: SELECT community_core.seal_audit();';

COMMENT ON FUNCTION audit_logs() IS
'The audit logs that the caller owns: how they are sealed, their columns, chains, sealed entries, and the number and age (unsealed_since) of the entries that wait for seal_audit. Stable.
Example: SELECT log, unsealed, now() - unsealed_since FROM community_core.audit_logs();';

COMMENT ON FUNCTION audit_checkpoint(regclass, text) IS
'The state of one chain, or of every chain, as the text of a C2SP tlog-checkpoint (origin, size, RFC 6962 root in base64), to be signed and kept outside the database.
log and chain: one chain; log alone: the chain of a log without chain_by, else all of its chains; neither: all chains of all logs of the caller''s, as lines <log>/<chain> <size> <root> under a root of their own. Stable. Errors: 42501, 55000.
Example: SELECT community_core.audit_checkpoint();';

COMMENT ON FUNCTION verify_checkpoint(text, text) IS
'Checks a checkpoint signed with Ed25519 (C2SP signed-note) and that today''s chains continue it: one row for each that does not (truncated tail, wrong root, missing), none when all do.
note: text, empty line, signature lines, byte for byte. vkey: <name>+<hash>+<key>. NULL: no row. Stable.
Errors: 22023 malformed note or key, 28000 not signed by the key or forged, 42501 a log of somebody else''s. Run verify_audit too: it holds the entries against their seals.
Example: SELECT * FROM community_core.verify_checkpoint(pg_read_file(''/mnt/notes/today''), ''example.org+1a2b3c4d+AbC…'');';

COMMENT ON FUNCTION audit_inclusion_proof(regclass, text) IS
'The RFC 6962 proof that an entry is in the tree of its chain as it is now: chain, leaf_index (from 0), tree_size, leaf, root, path.
entry: the primary key as text. NULL: no row. Stable; reads the chain''s leaves twice. Errors: 42501, 55000, P0002 no such sealed entry.
Example: SELECT * FROM community_core.audit_inclusion_proof(''audit_logs'', ''7'');';

COMMENT ON FUNCTION audit_consistency_proof(regclass, bigint, bigint, text) IS
'The RFC 6962 proof that a chain of new_size entries (NULL: as many as it has) continues the one of old_size: sizes, roots, path. chain: its name, '''' where the log has one. Stable. Errors: 42501, 55000, 22023 sizes that the chain does not have.
Example: SELECT * FROM community_core.audit_consistency_proof(''audit_logs'', 100);';

COMMENT ON FUNCTION verify_inclusion(bytea, bigint, bigint, bytea, bytea[]) IS
'Whether path proves that leaf number leaf_index (from 0) is in the tree of tree_size leaves with this root (RFC 9162, 2.1.3.2). NULL in, NULL out. Immutable. Errors: 22023 a hash that has not 32 bytes.
Example: SELECT community_core.verify_inclusion(leaf, leaf_index, tree_size, root, path) FROM community_core.audit_inclusion_proof(''audit_logs'', ''7'');';

COMMENT ON FUNCTION verify_consistency(bigint, bigint, bytea, bytea, bytea[]) IS
'Whether path proves that the tree of new_size leaves continues that of old_size (RFC 9162, 2.1.4.2). NULL in, NULL out. Immutable. Errors: 22023 a hash that has not 32 bytes.
Example: SELECT community_core.verify_consistency(old_size, new_size, old_root, new_root, path) FROM community_core.audit_consistency_proof(''audit_logs'', 100);';

COMMENT ON FUNCTION export_audit(regclass, text, bigint) IS
'The log as JSON Lines that hold the exact bytes that were hashed; checked without Postgres by examples/verify_export.
chain: one chain, NULL for all. since: only entries with a higher sequence number, NULL or 0 for all. Stable, one portion in memory at a time. Errors: 22004, 42501, 55000, 22023 a negative since. Format: docs/audit.md.
Example: COPY (SELECT community_core.export_audit(''audit_logs'')) TO STDOUT;';

COMMENT ON FUNCTION jcs(jsonb) IS
'RFC 8785 canonical JSON: keys sorted by UTF-16 code units, numbers as ECMAScript prints the nearest double. NULL in, NULL out. Immutable. Errors: 22003 a number beyond a double.
Example: SELECT community_core.jcs(''{"b": 1.0, "a": [1e2]}'');';

COMMENT ON FUNCTION audit_append() IS 'Trigger of audit logs, attached by create_audit_log: notes the entries of a statement, to be sealed.';
COMMENT ON FUNCTION audit_refuse() IS 'Trigger of audit logs, attached by create_audit_log: refuses UPDATE, DELETE and TRUNCATE with 42501.';
COMMENT ON FUNCTION audit_keep() IS 'Trigger of the tables beside an audit log, attached by create_audit_log: only the engine changes them, 42501.';
COMMENT ON FUNCTION audit_record() IS 'Trigger of audited tables, attached by audit_changes: writes one entry per changed row, as the table''s owner.';
"#,
    name = "audit_comments",
    requires = [
        create_audit_log,
        audit_changes,
        verify_audit,
        erase_audit_subject,
        seal_audit,
        audit_logs,
        audit_checkpoint,
        verify_checkpoint,
        audit_inclusion_proof,
        audit_consistency_proof,
        verify_inclusion,
        verify_consistency,
        export_audit,
        jcs,
        audit_append,
        audit_refuse,
        audit_keep,
        audit_record,
    ],
);
