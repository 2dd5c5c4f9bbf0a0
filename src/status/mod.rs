//! What a DBA watches, as rows (`status`) and as Prometheus text (`metrics`). The engines know how
//! they are; here their answers are put together and given a level, in `sql/extension/status.sql`.

use crate::module::VERSION;
use pgrx::prelude::*;

/// The version of the library that this session has loaded; the extension's own is in
/// `pg_extension`. Stable.
///
/// ```sql
/// SELECT community_core.library_version();
/// ```
#[pg_extern(stable, parallel_safe)]
fn library_version() -> &'static str {
    VERSION
}

extension_sql!(
    r#"
COMMENT ON FUNCTION library_version() IS
'The version of the library that this session has loaded; that of the extension is in pg_extension. Stable, parallel safe. Example: SELECT community_core.library_version()';
"#,
    name = "status_comments",
    requires = [library_version]
);

extension_sql_file!(
    "../../sql/extension/status.sql",
    name = "status",
    // One after the other, or the install script would have them now in this order, now in that.
    requires = [library_version, "status_comments"]
);
