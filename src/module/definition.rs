//! What the modules are: a name, and its topic files in the order they are run.

use crate::error;

pub struct Module {
    pub name: &'static str,
    pub files: &'static [(&'static str, &'static str)],
}

impl Module {
    /// The schema it is installed in where none is named.
    pub fn home(&self) -> &'static str {
        if self.name == IDENTITY.name {
            IDENTITY_SCHEMA
        } else {
            self.name
        }
    }
}

macro_rules! files {
    ($module:literal: $($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!("../../sql/", $module, "/", $file)))),*]
    };
}

pub const MODULES: &[Module] = &[
    Module {
        name: "founders",
        files: files!("founders":
            "01_given.sql",
            "02_subcommunities.sql",
            "03_consent.sql",
            "04_directory.sql",
            "05_cohorts.sql",
            "06_feed.sql",
            "07_connections.sql",
            "08_messages.sql",
            "09_experts.sql",
            "10_reputation.sql",
            "11_benchmarks.sql",
        ),
    },
    Module {
        name: "forum",
        files: files!("forum":
            "01_given.sql",
            "02_people.sql",
            "03_posts.sql",
            "04_answers.sql",
            "05_goals.sql",
            "06_metrics.sql",
            "07_resources.sql",
            "08_downloads.sql",
            "09_ratings.sql",
        ),
    },
    Module {
        name: "tenancy",
        files: files!("tenancy":
            "01_organizations.sql",
            "02_members.sql",
            "03_customers.sql",
            "04_revenue.sql",
            "05_activities.sql",
            "06_audit.sql",
            "07_ai_usage.sql",
            "08_preferences.sql",
        ),
    },
    Module {
        name: "linkup",
        files: files!("linkup":
            "01_states.sql",
            "02_users.sql",
            "03_regions.sql",
            "04_messages.sql",
            "05_profiles.sql",
            "06_billing.sql",
            "07_safety.sql",
            "08_linkups.sql",
            "09_invites.sql",
            "10_lifecycle.sql",
            "11_afterwards.sql",
            "12_admin.sql",
            "13_erasure.sql",
        ),
    },
    Module {
        name: "spaces",
        files: files!("spaces":
            "01_people.sql",
            "02_spaces.sql",
            "03_members.sql",
            "04_sanctions.sql",
            "05_access.sql",
            "06_audit.sql",
            "07_sanctions.sql",
            "09_membership.sql",
            "09_rules.sql",
            "10_reputation.sql",
            "11_privileges.sql",
            "12_templates.sql",
            "13_posts.sql",
            "14_versions.sql",
            "15_tags.sql",
            "16_synonyms.sql",
            "17_topic_pages.sql",
            "20_questions.sql",
            "21_acceptance.sql",
            "22_comments.sql",
            "23_threads.sql",
            "24_votes.sql",
            "25_backfill.sql",
            "30_reports.sql",
            "31_moderation.sql",
            "32_automod.sql",
            "33_staff_actions.sql",
            "40_notifications.sql",
            "41_occasions.sql",
            "45_webhooks.sql",
            "46_deliveries.sql",
            "47_events.sql",
            "50_direct_messages.sql",
            "51_messages.sql",
        ),
    },
];

/// Who there is and who is asking: made before the first module, where the database has no schema
/// `auth`, and in that schema alone.
pub const IDENTITY: Module = Module {
    name: "identity",
    files: files!("identity": "auth.sql"),
};
pub const IDENTITY_SCHEMA: &str = "auth";

pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub fn known() -> Vec<&'static str> {
    MODULES.iter().map(|module| module.name).collect()
}

/// The module called `name`, or an error that lists the known ones.
pub fn find(name: &str) -> &'static Module {
    MODULES
        .iter()
        .chain([&IDENTITY])
        .find(|module| module.name == name)
        .unwrap_or_else(|| error::raise(error::module::unknown(name, &known())))
}

/// What the setting `community_core.modules` asks for: `all`, `none`, or some by name.
pub fn chosen(words: &[String]) -> Vec<&'static Module> {
    match words {
        [] => Vec::new(),
        [word] if word == "none" => Vec::new(),
        [word] if word == "all" => MODULES.iter().collect(),
        names => names.iter().map(|name| find(name)).collect(),
    }
}
