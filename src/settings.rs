//! The settings. Each is registered when the library is loaded, and read through a function here,
//! so that a session that never loaded the library cannot pass off a placeholder for the setting.

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use std::ffi::CString;

static MODULES: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"all"));
static CONSENT_GATES: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(Some(c"benchmarks,directory"));
static MIN_K: GucSetting<i32> = GucSetting::<i32>::new(5);

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
}

/// The words of a comma list, trimmed, in order, empty ones left out.
fn words(setting: &GucSetting<Option<CString>>) -> Vec<String> {
    let text = setting.get().map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

pub fn modules() -> Vec<String> {
    words(&MODULES)
}

pub fn consent_gates() -> Vec<String> {
    words(&CONSENT_GATES)
}

pub fn min_k() -> i32 {
    MIN_K.get()
}
