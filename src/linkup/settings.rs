//! The numbers the linkup module goes by.

use crate::error;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::prelude::*;
use std::ffi::CStr;

/// A number that the linkup module goes by.
struct LinkupSetting {
    name: &'static str,
    guc: &'static CStr,
    meaning: &'static CStr,
    value: GucSetting<i32>,
    range: (i32, i32),
}

macro_rules! linkup_setting {
    ($name:literal, $default:literal, $range:expr, $meaning:literal) => {
        LinkupSetting {
            name: $name,
            guc: match CStr::from_bytes_with_nul(
                concat!("community_core.linkup_", $name, "\0").as_bytes(),
            ) {
                Ok(name) => name,
                Err(_) => c"",
            },
            meaning: $meaning,
            value: GucSetting::<i32>::new($default),
            range: $range,
        }
    };
}

#[rustfmt::skip]
static LINKUP: [LinkupSetting; 10] = [
    linkup_setting!("minimum_age", 18, (13, 120), c"Years of age from which linkup verifies a user."),
    linkup_setting!("otp_attempts", 5, (1, 100), c"Guesses at a one-time code before it is void."),
    linkup_setting!("sms_attempts", 5, (1, 100), c"Attempts at sending a message before its job is failed."),
    linkup_setting!("sms_lease", 300, (1, 86_400), c"Seconds until a worker that has claimed a job is taken for dead."),
    linkup_setting!("sms_backoff", 30, (1, 86_400), c"Seconds until a failed job is tried again; doubled with each attempt."),
    linkup_setting!("grace_days", 3, (0, 365), c"Days that an entitlement outlives a paid period or a failed payment."),
    linkup_setting!("soft_hold_points", 3, (1, 1_000_000), c"Points of active strikes that put a soft hold."),
    linkup_setting!("hard_hold_points", 6, (1, 1_000_000), c"Points of active strikes that put a hard hold."),
    linkup_setting!("soft_hold_days", 14, (1, 36_500), c"Days that a soft hold lasts."),
    linkup_setting!("hard_hold_days", 90, (1, 36_500), c"Days that a hard hold lasts."),
];

pub fn register() {
    for setting in &LINKUP {
        GucRegistry::define_int_guc(
            setting.guc,
            setting.meaning,
            c"Superusers only: users must not choose the rules they are under.",
            &setting.value,
            setting.range.0,
            setting.range.1,
            GucContext::Suset,
            GucFlags::default(),
        );
    }
}

/// The value of the setting `community_core.linkup_<name>`. Stable, parallel safe. Error: 22023 no
/// such setting.
///
/// ```sql
/// SELECT community_core.linkup_setting('otp_attempts');
/// ```
#[pg_extern(stable, parallel_safe, strict)]
fn linkup_setting(name: &str) -> i32 {
    match LINKUP.iter().find(|setting| setting.name == name) {
        Some(setting) => setting.value.get(),
        None => error::raise(error::linkup::unknown_setting(
            name,
            &LINKUP.each_ref().map(|setting| setting.name),
        )),
    }
}

extension_sql!(
    r#"
COMMENT ON FUNCTION linkup_setting(text) IS
'The value of the setting community_core.linkup_<name>. NULL gives NULL. Stable, parallel safe. Error: 22023 no such setting. Example: SELECT community_core.linkup_setting(''otp_attempts'')';
"#,
    name = "linkup_settings_comments",
    requires = [linkup_setting]
);
