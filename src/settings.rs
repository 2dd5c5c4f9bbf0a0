//! The settings. Each is registered when the library is loaded, and read through a function here,
//! so that a session that never loaded the library cannot pass off a placeholder for the setting.

use crate::error;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::prelude::*;
use std::ffi::{CStr, CString};

static MODULES: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"all"));
static CONSENT_GATES: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(Some(c"benchmarks,directory"));
/// The consent categories there are; `none` gates nothing.
const CATEGORIES: [&str; 6] = [
    "benchmarks",
    "directory",
    "investor_intros",
    "messaging",
    "none",
    "social_feed",
];
static MIN_K: GucSetting<i32> = GucSetting::<i32>::new(5);

/// A whole number that a module's SQL reads by `forum_setting` or `linkup_setting`.
struct ModuleSetting {
    name: &'static str,
    guc: &'static CStr,
    what: &'static CStr,
    value: GucSetting<i32>,
    least: i32,
}

static FORUM: [ModuleSetting; 5] = [
    ModuleSetting {
        name: "popular_downloads",
        guc: c"community_core.popular_downloads",
        what: c"Downloads from which on a resource is popular.",
        value: GucSetting::<i32>::new(100),
        least: 1,
    },
    ModuleSetting {
        name: "new_days",
        guc: c"community_core.new_days",
        what: c"Days for which a published resource is new.",
        value: GucSetting::<i32>::new(30),
        least: 0,
    },
    ModuleSetting {
        name: "downloads_per_email",
        guc: c"community_core.downloads_per_email",
        what: c"Downloads in 24 hours for one email address of a guest.",
        value: GucSetting::<i32>::new(10),
        least: 0,
    },
    ModuleSetting {
        name: "downloads_per_address",
        guc: c"community_core.downloads_per_address",
        what: c"Downloads in 24 hours by guests from one network address.",
        value: GucSetting::<i32>::new(30),
        least: 0,
    },
    ModuleSetting {
        name: "trusted_proxies",
        guc: c"community_core.trusted_proxies",
        what: c"Proxies before the API that append to X-Forwarded-For; 0 ignores that header.",
        value: GucSetting::<i32>::new(1),
        least: 0,
    },
];

static LINKUP: [ModuleSetting; 10] = [
    ModuleSetting {
        name: "minimum_age",
        guc: c"community_core.linkup_minimum_age",
        what: c"Years of age from which a user is verified.",
        value: GucSetting::<i32>::new(18),
        least: 13,
    },
    ModuleSetting {
        name: "otp_attempts",
        guc: c"community_core.linkup_otp_attempts",
        what: c"Guesses at a one-time code before it is void.",
        value: GucSetting::<i32>::new(5),
        least: 1,
    },
    ModuleSetting {
        name: "sms_attempts",
        guc: c"community_core.linkup_sms_attempts",
        what: c"Attempts at sending a message before its job is failed.",
        value: GucSetting::<i32>::new(5),
        least: 1,
    },
    ModuleSetting {
        name: "sms_lease",
        guc: c"community_core.linkup_sms_lease",
        what: c"Seconds until a worker that has claimed a job is taken for dead.",
        value: GucSetting::<i32>::new(300),
        least: 1,
    },
    ModuleSetting {
        name: "sms_backoff",
        guc: c"community_core.linkup_sms_backoff",
        what: c"Seconds until a failed job is tried again; doubled with each attempt.",
        value: GucSetting::<i32>::new(30),
        least: 1,
    },
    ModuleSetting {
        name: "grace_days",
        guc: c"community_core.linkup_grace_days",
        what: c"Days that an entitlement outlives a paid period or a failed payment.",
        value: GucSetting::<i32>::new(3),
        least: 0,
    },
    ModuleSetting {
        name: "soft_hold_points",
        guc: c"community_core.linkup_soft_hold_points",
        what: c"Points of active strikes that put a soft hold.",
        value: GucSetting::<i32>::new(3),
        least: 1,
    },
    ModuleSetting {
        name: "hard_hold_points",
        guc: c"community_core.linkup_hard_hold_points",
        what: c"Points of active strikes that put a hard hold.",
        value: GucSetting::<i32>::new(6),
        least: 1,
    },
    ModuleSetting {
        name: "soft_hold_days",
        guc: c"community_core.linkup_soft_hold_days",
        what: c"Days that a soft hold lasts.",
        value: GucSetting::<i32>::new(14),
        least: 1,
    },
    ModuleSetting {
        name: "hard_hold_days",
        guc: c"community_core.linkup_hard_hold_days",
        what: c"Days that a hard hold lasts.",
        value: GucSetting::<i32>::new(90),
        least: 1,
    },
];

static SPACES: [ModuleSetting; 13] = [
    ModuleSetting {
        name: "comment_depth",
        guc: c"community_core.spaces_comment_depth",
        what: c"Comments below one another before an answer to the deepest is refused.",
        value: GucSetting::<i32>::new(20),
        least: 1,
    },
    ModuleSetting {
        name: "half_life_days",
        guc: c"community_core.spaces_half_life_days",
        what: c"Days in which earned reputation decays to its half.",
        value: GucSetting::<i32>::new(365),
        least: 1,
    },
    ModuleSetting {
        name: "accepted_answer_points",
        guc: c"community_core.spaces_accepted_answer_points",
        what: c"Reputation for an answer that was accepted.",
        value: GucSetting::<i32>::new(15),
        least: 0,
    },
    ModuleSetting {
        name: "up_vote_points",
        guc: c"community_core.spaces_up_vote_points",
        what: c"Reputation for an up-vote.",
        value: GucSetting::<i32>::new(10),
        least: 0,
    },
    ModuleSetting {
        name: "down_vote_points",
        guc: c"community_core.spaces_down_vote_points",
        what: c"Reputation that a down-vote takes.",
        value: GucSetting::<i32>::new(2),
        least: 0,
    },
    ModuleSetting {
        name: "waitlist_hours",
        guc: c"community_core.spaces_waitlist_hours",
        what: c"Hours for which a place is kept for the first of a waitlist.",
        value: GucSetting::<i32>::new(24),
        least: 1,
    },
    ModuleSetting {
        name: "charge_lease",
        guc: c"community_core.spaces_charge_lease",
        what: c"Seconds until a worker that has claimed a pledge's donation is taken for dead.",
        value: GucSetting::<i32>::new(600),
        least: 1,
    },
    ModuleSetting {
        name: "payout_attempts",
        guc: c"community_core.spaces_payout_attempts",
        what: c"Attempts at a payout before its job is dead.",
        value: GucSetting::<i32>::new(5),
        least: 1,
    },
    ModuleSetting {
        name: "payout_lease",
        guc: c"community_core.spaces_payout_lease",
        what: c"Seconds until a worker that has claimed a payout is taken for dead.",
        value: GucSetting::<i32>::new(600),
        least: 1,
    },
    ModuleSetting {
        name: "payout_backoff",
        guc: c"community_core.spaces_payout_backoff",
        what: c"Seconds until a failed payout is tried again; doubled with each attempt.",
        value: GucSetting::<i32>::new(300),
        least: 1,
    },
    ModuleSetting {
        name: "webhook_attempts",
        guc: c"community_core.spaces_webhook_attempts",
        what: c"Attempts at a webhook delivery before it is dead.",
        value: GucSetting::<i32>::new(8),
        least: 1,
    },
    ModuleSetting {
        name: "webhook_lease",
        guc: c"community_core.spaces_webhook_lease",
        what: c"Seconds until a worker that has claimed a delivery is taken for dead.",
        value: GucSetting::<i32>::new(60),
        least: 1,
    },
    ModuleSetting {
        name: "webhook_backoff",
        guc: c"community_core.spaces_webhook_backoff",
        what: c"Seconds until a failed delivery is tried again; doubled with each attempt.",
        value: GucSetting::<i32>::new(30),
        least: 1,
    },
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
    for setting in FORUM.iter().chain(&LINKUP).chain(&SPACES) {
        GucRegistry::define_int_guc(
            setting.guc,
            setting.what,
            c"Of a module. Superusers only: the limits are against its users.",
            &setting.value,
            setting.least,
            1_000_000,
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
    let gates = words(&CONSENT_GATES);
    // A misspelled gate would stand open in silence.
    if let Some(unknown) = gates
        .iter()
        .find(|gate| !CATEGORIES.contains(&gate.as_str()))
    {
        error::raise(error::unknown_consent_gate(unknown, &CATEGORIES));
    }
    gates.iter().any(|gate| gate == category)
}

/// A setting of the forum module by the name it has after `community_core.`: `popular_downloads`,
/// `new_days`, `downloads_per_email`, `downloads_per_address`, `trusted_proxies`. NULL gives NULL;
/// another name is an error (22023). Stable, parallel safe.
///
/// ```sql
/// SELECT community_core.forum_setting('new_days');
/// ```
#[pg_extern(stable, parallel_safe, strict)]
fn forum_setting(name: &str) -> i32 {
    module_setting(&FORUM, name)
}

/// A setting of the linkup module by the name it has after `community_core.linkup_`:
/// `minimum_age`, `otp_attempts`, and so on. NULL gives NULL; another name is an error (22023).
/// Stable, parallel safe.
///
/// ```sql
/// SELECT community_core.linkup_setting('otp_attempts');
/// ```
#[pg_extern(stable, parallel_safe, strict)]
fn linkup_setting(name: &str) -> i32 {
    module_setting(&LINKUP, name)
}

/// A setting of the spaces module by the name it has after `community_core.spaces_`:
/// `comment_depth`, `half_life_days`, and so on. NULL gives NULL; another name is an error (22023).
/// Stable, parallel safe.
///
/// ```sql
/// SELECT community_core.spaces_setting('comment_depth');
/// ```
#[pg_extern(stable, parallel_safe, strict)]
fn spaces_setting(name: &str) -> i32 {
    module_setting(&SPACES, name)
}

fn module_setting(settings: &[ModuleSetting], name: &str) -> i32 {
    match settings.iter().find(|setting| setting.name == name) {
        Some(setting) => setting.value.get(),
        None => {
            let known: Vec<_> = settings.iter().map(|setting| setting.name).collect();
            error::raise(error::unknown_setting(name, &known))
        }
    }
}

extension_sql!(
    r#"
COMMENT ON FUNCTION forum_setting(text) IS
'A setting of the forum module, a whole number: popular_downloads, new_days, downloads_per_email, downloads_per_address or trusted_proxies, each after community_core. NULL gives NULL. Stable, parallel safe. Errors: 22023. Example: SELECT community_core.forum_setting(''new_days'')';
COMMENT ON FUNCTION linkup_setting(text) IS
'A setting of the linkup module, a whole number, by its name after community_core.linkup_. NULL gives NULL. Stable, parallel safe. Errors: 22023. Example: SELECT community_core.linkup_setting(''otp_attempts'')';
COMMENT ON FUNCTION spaces_setting(text) IS
'A setting of the spaces module, a whole number, by its name after community_core.spaces_. NULL gives NULL. Stable, parallel safe. Errors: 22023. Example: SELECT community_core.spaces_setting(''comment_depth'')';
COMMENT ON FUNCTION consent_gated(text) IS
'Whether the setting community_core.consent_gates (default benchmarks,directory) names this consent category. NULL gives NULL. Stable, parallel safe. Example: SELECT community_core.consent_gated(''benchmarks'')';
"#,
    name = "settings_comments",
    requires = [consent_gated, forum_setting, linkup_setting, spaces_setting]
);
