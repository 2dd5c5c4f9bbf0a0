//! Errors of the audit engine.

use super::report;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// 42501
pub fn append_only(table: &str, operation: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("{operation} of audit log {table} is not allowed"),
        "Entries are only added. To correct one, insert another that says so; to take a person's \
         data out, call community_core.erase_audit_subject(person).",
    )
}

/// 42501
pub fn kept_by_engine(table: &str, operation: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("{operation} of {table} is not allowed"),
        "The audit engine keeps this table: it proves that the log beside it is unchanged.",
    )
}

/// 55000
pub fn no_log(table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("table {table} is not an audit log"),
        format!("Make it one with community_core.create_audit_log('{table}')."),
    )
}

/// 42P16
pub fn no_key(table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_TABLE_DEFINITION,
        format!("table {table} has no primary key of one uuid, integer or text column"),
        format!(
            "Add one: ALTER TABLE {table} ADD COLUMN id uuid PRIMARY KEY DEFAULT gen_random_uuid()."
        ),
    )
}

/// 42P16
pub fn wrong_kind_of_table(table: &str, what: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_TABLE_DEFINITION,
        format!("table {table} cannot be an audit log because it {what}"),
        "Give an ordinary, logged table without partitions and children.",
    )
}

/// 42P16
pub fn foreign_key_writes(table: &str, constraint: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_TABLE_DEFINITION,
        format!("foreign key \"{constraint}\" of {table} would change or delete entries"),
        format!(
            "Drop it (ALTER TABLE {table} DROP CONSTRAINT \"{constraint}\"), or make it NO ACTION."
        ),
    )
}

/// 42P16
pub fn erasable_not_null(table: &str, column: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_TABLE_DEFINITION,
        format!("erasable column \"{column}\" of {table} is NOT NULL"),
        format!("Erasing sets NULL: ALTER TABLE {table} ALTER COLUMN \"{column}\" DROP NOT NULL."),
    )
}

/// 42804
pub fn chain_by_type(table: &str, column: &str, type_name: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("column \"{column}\" of {table} has type {type_name}, which cannot name a chain"),
        "Chain by columns of type uuid, smallint, integer, bigint, text or varchar.",
    )
}

/// 42P16
pub fn erasable_is_fixed(table: &str, column: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_TABLE_DEFINITION,
        format!("column \"{column}\" of {table} names entries or chains and cannot be erasable"),
        "Leave the primary key and the chain_by columns out of erasable.",
    )
}

/// 22023
pub fn seal_mode(mode: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("seal is '{mode}'"),
        "Give 'commit' or 'block'.",
    )
}

/// 55000
pub fn other_definition(table: &str, what: &str, stands: &str, given: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("audit log {table} has {what} {stands} and cannot be given {given}"),
        format!("Existing entries are hashed that way. Keep {what} as it is, or start a new log."),
    )
}

/// 42P07
pub fn name_taken(table: &str, side: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DUPLICATE_TABLE,
        format!("table {side} exists already and is not the audit engine's"),
        format!("Rename it: {table} keeps its hashes in a table of that name."),
    )
}

/// 42622
pub fn name_too_long(table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_NAME_TOO_LONG,
        format!("the name of table {table} is too long for an audit log"),
        "Use at most 55 bytes: tables named after it, such as …_erasure, stand beside it.",
    )
}

/// 0A000
pub fn prepared_transaction() -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        "cannot PREPARE a transaction that wrote to an audit log",
        "It would hold the log's chain until it is finished. Use COMMIT, or a log with \
         seal => 'block'.",
    )
}

/// 40001
pub fn conflict(log: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
        format!(
            "could not seal entries of audit log {log} because another transaction did so first"
        ),
        "Run the transaction again, or use READ COMMITTED, where it waits instead.",
    )
}

/// 58000
pub fn no_randomness() -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_SYSTEM_ERROR,
        "the system gave no random bytes for a salt",
        "Check the random number source of the machine.",
    )
}

/// 55000
pub fn broken_head(log: &str, chain: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("the head of chain \"{chain}\" of audit log {log} was tampered with"),
        "Run community_core.verify_audit, and restore the head from a backup.",
    )
}

/// 55000
pub fn altered(log: &str, what: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("the tables of audit log {log} were altered: {what}"),
        "Give the column back the type that it had, and run community_core.verify_audit.",
    )
}

/// P0002
pub fn no_entry(log: &str, entry: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_NO_DATA_FOUND,
        format!("audit log {log} has no sealed entry {entry}"),
        "Give the primary key of an entry. One of this transaction is sealed when it commits.",
    )
}

/// 22023
pub fn too_few(log: &str, chain: &str, size: i64) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("chain \"{chain}\" of audit log {log} does not have {size} entries"),
        "Look at the sizes in the table of heads; if they say otherwise, run verify_audit.",
    )
}

/// 22023
pub fn bad_sizes(old: i64, new: i64) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("a tree of {new} entries cannot continue one of {old}"),
        "Give 0 <= old_size <= new_size.",
    )
}

/// 22023
pub fn not_a_hash(argument: &str, length: usize) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("argument \"{argument}\" has {length} bytes and is no hash"),
        "Give the 32 bytes of a SHA-256.",
    )
}

/// 22023
pub fn bad_key(why: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("the verifier key is not accepted: {why}"),
        "Give the key as the signer published it, such as example.org+1a2b3c4d+AbC….",
    )
}

/// 22023
pub fn bad_note(why: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("the note is not accepted: {why}"),
        "Give the note byte for byte as it was signed: text, empty line, signature lines.",
    )
}

/// 28000
pub fn unsigned_note() -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
        "the note has no signature of this key",
        "Give the verifier key of whoever signed it, or have it signed.",
    )
}

/// 28000
pub fn forged_note() -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
        "the signature of this key is not of this text",
        "The note was changed after it was signed, or was never signed with this key.",
    )
}

/// 22023
pub fn mapping(why: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("the mapping is not accepted: {why}"),
        "Give an object of log columns and sources: operation, table, schema, old, new, \
         old.changed, new.changed, user, role, row.<column>.",
    )
}

/// 22023
pub fn log_of_itself(table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("audit log {table} cannot record its own changes"),
        "Give the table to be audited first, and the log second.",
    )
}

/// 22023
pub fn negative_since(since: i64) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("since is {since}, which is no sequence number"),
        "Give the sequence number of the last entry that you have, or 0 for all.",
    )
}

/// 22003
pub fn beyond_double() -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
        "a number in the JSON is beyond the range of a double",
        "RFC 8785 knows only IEEE 754 doubles. Store the number as a string.",
    )
}
