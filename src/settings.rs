//! The settings. Each is registered when the library is loaded, and read through a function here,
//! so that a session that never loaded the library cannot pass off a placeholder for the setting.

use crate::error;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::prelude::*;
use std::ffi::{CStr, CString};

static MODULES: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"all"));
static CONSENT_GATES: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(Some(c"benchmarks,directory"));
static MIN_K: GucSetting<i32> = GucSetting::<i32>::new(5);

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
    GucRegistry::define_string_guc(
        c"community_core.modules",
        c"Modules that CREATE EXTENSION community_core installs: all, none, or a comma list.",
        c"Read when the extension is created. An unknown name is an error that lists the known ones.",
        &MODULES,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_string_guc(
        c"community_core.consent_gates",
        c"Consent categories that the database itself enforces, as a comma list.",
        c"Superusers only: whoever can change it decides whose data others see.",
        &CONSENT_GATES,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"community_core.min_k",
        c"The fewest contributors any published figure may be about.",
        c"No benchmark and no k_anonymous aggregate can go below it. Superusers only.",
        &MIN_K,
        2,
        1_000_000,
        GucContext::Suset,
        GucFlags::default(),
    );
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

/// The words of a comma list, trimmed, in order, empty ones left out.
fn words(setting: &GucSetting<Option<CString>>) -> Vec<String> {
    let text = setting
        .get()
        .map(|value| value.to_string_lossy().into_owned())
        .unwrap_or_default();
    text.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

pub fn modules() -> Vec<String> {
    words(&MODULES)
}

pub fn min_k() -> i32 {
    MIN_K.get()
}

/// Whether the database itself enforces consent of this category, by the setting
/// `community_core.consent_gates`. NULL gives NULL. Stable, parallel safe.
///
/// ```sql
/// SELECT community_core.consent_gated('benchmarks');
/// ```
#[pg_extern(stable, parallel_safe, strict)]
fn consent_gated(category: &str) -> bool {
    words(&CONSENT_GATES).iter().any(|gate| gate == category)
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
COMMENT ON FUNCTION consent_gated(text) IS
'Whether the setting community_core.consent_gates (default benchmarks,directory) names this consent category. NULL gives NULL. Stable, parallel safe. Example: SELECT community_core.consent_gated(''benchmarks'')';
"#,
    name = "settings_comments",
    requires = [consent_gated, linkup_setting]
);
