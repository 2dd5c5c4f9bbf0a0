//! What `\df+` says of each function: arguments, result, NULLs, errors, sources, an example.

use pgrx::extension_sql;

extension_sql!(
    r#"
COMMENT ON FUNCTION create_counter(regclass, name, regclass, name, text, name, integer, boolean) IS
'Keeps column counter of parent equal to the number of rows of child whose child_key is the parent''s parent_key, and sets it right for what is there. counted: an immutable boolean expression over child''s columns; rows for which it is not true do not count; NULL counts all. slots: 0, or over how many rows (1 to 1024) increments of one parent are spread. applied: also count rows that logical replication applies here. Calling it again repairs. Volatile; NULL for any other argument is 22004. Errors: 42501 not the owner of both tables, 42703 no such column, 42830 the key is not unique, 42804 types, 22023 the column does not start at 0, 42P17 counted is not immutable, 42710 the column is another counter''s, 0A000 inheritance. Example: SELECT community_core.create_counter(''comments'', ''post_id'', ''posts'', ''comment_count'', counted => ''deleted_at IS NULL'');';
COMMENT ON FUNCTION create_counter(regclass, text[], regclass, name, text[], text, integer, boolean) IS
'create_counter for keys of several columns, in the same order on both sides; a child with a NULL in its key has no parent. Example: SELECT community_core.create_counter(''posts'', ARRAY[''org'', ''author''], ''members'', ''posts'', ARRAY[''org'', ''person'']);';
COMMENT ON FUNCTION create_sum(regclass, name, name, regclass, name, text, name, boolean) IS
'Keeps column sum of parent equal to the sum of value (smallint, integer, bigint or numeric) over its children; NULL values add nothing, no children are 0. counted, parent_key and applied, volatility and errors as for create_counter; 42804 for a value that cannot be summed exactly. Example: SELECT community_core.create_sum(''payments'', ''order_id'', ''amount'', ''orders'', ''paid'');';
COMMENT ON FUNCTION create_sum(regclass, text[], name, regclass, name, text[], text, boolean) IS
'create_sum for keys of several columns, in the same order on both sides; a child with a NULL in its key has no parent. Example: SELECT community_core.create_sum(''points'', ARRAY[''person'', ''org''], ''amount'', ''members'', ''total'', ARRAY[''person'', ''org'']);';
COMMENT ON FUNCTION create_average(regclass, name, name, regclass, name, name, text, name, text, boolean) IS
'Keeps column average of parent equal to the average of value over its children, and column count (NULL: none) to the number of values. The sum is kept exactly in a table beside the parent, the average is rounded only to the column''s type. empty: what no values give, ''null'' (NULL) or ''default'' (the column''s default). counted, parent_key and applied, volatility and errors as for create_counter. Example: SELECT community_core.create_average(''ratings'', ''resource_id'', ''stars'', ''resources'', ''rating'', empty => ''default'');';
COMMENT ON FUNCTION drop_counter(regclass, name, regclass, name) IS
'Takes the triggers of a counter, sum or average away, and its side table after folding; the column keeps its last value. Volatile; NULL arguments do nothing. Errors: 42501 not the owner, 42704 no such counter. Example: SELECT community_core.drop_counter(''comments'', ''post_id'', ''posts'', ''comment_count'');';
COMMENT ON FUNCTION drop_counter(regclass, text[], regclass, name) IS
'drop_counter for keys of several columns.';
COMMENT ON FUNCTION counters() IS
'Every counter that is attached, read from the triggers themselves: child, its key, parent, its key, the column, kind (count, sum, average), value column, counted, slots, and problem: NULL, or what keeps it from being right. Stable, takes no transaction id. Example: SELECT * FROM community_core.counters() WHERE problem IS NOT NULL;';
COMMENT ON FUNCTION verify_counters(regclass) IS
'One row (parent, key, counter, stored, actual) for each figure of parent, or of every table of the caller''s when NULL, that is not what a recount in the same snapshot gives; none is good. Slots are added to what is stored. Stable, takes no lock and no transaction id. Error: 42501 not the owner of parent. Example: SELECT * FROM community_core.verify_counters(''posts'');';
COMMENT ON FUNCTION counter_drift(integer) IS
'How many parents of a sample have a wrong counter: the cheap form of verify_counters, for monitoring. parents: about how many are looked at for each counter of the caller''s, all where there are not many; whole blocks of the table, other ones each time. Stable, takes no lock and no transaction id. Errors: 22004, 22023. Example: SELECT * FROM community_core.counter_drift() WHERE wrong > 0;';
COMMENT ON FUNCTION recount_counters(regclass, bigint) IS
'Sets right what verify_counters would name, for parent or, when NULL, for every table of the caller''s; at most at_most parents (NULL: all). Only wrong parents are locked, in the order of their keys, before their children are counted; writers of others go on. Tells its progress every 1000 parents. Returns how many parents it set right. Volatile. Error: 42501 not the owner. Example: SELECT community_core.recount_counters(''posts'', 10000);';
COMMENT ON FUNCTION counter_value(regclass, text, name) IS
'The exact value of a counter with what is still in its slots, of the parent with that key; NULL when the caller sees no such parent. Runs with the caller''s rights and row security on the parent. Stable; NULL for NULL. Errors: 42501 no right to read the column, 42704 no such counter. Example: SELECT community_core.counter_value(''posts'', ''7'', ''likes'');';
COMMENT ON FUNCTION counter_value(regclass, text[], name) IS
'counter_value for a key of several columns, in the order in which counters() lists them.';
COMMENT ON FUNCTION fold_counters(regclass) IS
'Moves what is in slots into the counters'' columns, for parent or, when NULL, for every table of the caller''s; returns how many parents changed. Run it every few seconds or minutes; no increment is lost or counted twice. Volatile. Error: 42501 not the owner. Example: SELECT community_core.fold_counters();';
COMMENT ON FUNCTION keep_counter() IS
'Trigger function on a counter''s child. create_counter attaches it; by hand it does nothing that the table''s owner could not do.';
COMMENT ON FUNCTION recount_new_key() IS
'Trigger function on a counter''s parent, for rows whose key is new. create_counter attaches it.';
"#,
    name = "counter_comments",
    requires = [
        keep_counter,
        recount_new_key,
        create_counter,
        create_composite_counter,
        create_sum,
        create_composite_sum,
        create_average,
        drop_counter,
        drop_composite_counter,
        counters,
        verify_counters,
        counter_drift,
        recount_counters,
        counter_value,
        composite_counter_value,
        fold_counters
    ],
);
