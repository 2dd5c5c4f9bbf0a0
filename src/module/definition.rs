//! What the modules are: a name, its topic files in the order they are run, and the parts, if any,
//! that it can be installed and removed by.

use crate::error;

pub struct Module {
    pub name: &'static str,
    pub files: &'static [(&'static str, &'static str)],
    /// Each part's name and the number of its first file, in order. A part needs those before it and
    /// none after it. Empty: the module is one whole.
    pub parts: &'static [(&'static str, &'static str)],
}

impl Module {
    /// The files of the first `parts` parts; all of them where the module is one whole.
    pub fn files_of(&self, parts: usize) -> &'static [(&'static str, &'static str)] {
        let end = self
            .parts
            .get(parts)
            .map_or(self.files.len(), |(_, first)| {
                self.files.partition_point(|(file, _)| file < first)
            });
        &self.files[..end]
    }

    /// How many parts there are up to and including the one called `part`, or an error that lists them.
    pub fn parts_through(&self, part: &str) -> usize {
        let position = self.parts.iter().position(|(name, _)| *name == part);
        position.map_or_else(
            || {
                error::raise(error::module::unknown_part(
                    part,
                    self.name,
                    &self.part_names(),
                ))
            },
            |position| position + 1,
        )
    }

    pub fn part_names(&self) -> Vec<&'static str> {
        self.parts.iter().map(|(name, _)| *name).collect()
    }

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
        parts: &[],
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
        parts: &[],
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
        parts: &[],
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
        parts: &[],
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
            "08_currencies.sql",
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
            "55_workshops.sql",
            "56_workshop_enrollments.sql",
            "57_assignments.sql",
            "58_materials.sql",
            "60_payments.sql",
            "61_pledges.sql",
            "62_donations.sql",
            "63_charges.sql",
            "64_payout_accounts.sql",
            "65_payouts.sql",
            "66_bounties.sql",
            "67_escrow.sql",
            "68_bounty_actions.sql",
            "69_bounty_payouts.sql",
            "69_payment_records.sql",
            "70_events.sql",
            "71_event_coupons.sql",
            "72_event_tickets.sql",
            "73_event_waitlist.sql",
            "74_attendance.sql",
            "75_money_news.sql",
        ),
        parts: &[("spaces", "01"), ("content", "10"), ("commerce", "60")],
    },
];

/// Who there is and who is asking: made before the first module, where the database has no schema
/// `auth`, and in that schema alone.
pub const IDENTITY: Module = Module {
    name: "identity",
    files: files!("identity": "auth.sql"),
    parts: &[],
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

/// What the setting `community_core.modules` asks for: `all`, `none`, or some by name, each with the
/// last part wanted after a colon.
pub fn chosen(words: &[String]) -> Vec<(&'static Module, Option<&str>)> {
    match words {
        [] => Vec::new(),
        [word] if word == "none" => Vec::new(),
        [word] if word == "all" => MODULES.iter().map(|module| (module, None)).collect(),
        names => names
            .iter()
            .map(|name| match name.split_once(':') {
                Some((name, part)) => (find(name.trim()), Some(part.trim())),
                None => (find(name), None),
            })
            .collect(),
    }
}

#[cfg(test)]
mod parts {
    use super::*;

    #[test]
    fn the_files_of_a_module_are_in_order_and_each_belongs_to_one_part() {
        for module in MODULES {
            assert!(module.files.is_sorted(), "{}", module.name);
            let counts: Vec<_> = (1..=module.parts.len())
                .map(|parts| module.files_of(parts).len())
                .collect();
            assert!(
                counts.is_sorted_by(|few, more| few < more),
                "{}",
                module.name
            );
            assert_eq!(
                module.files_of(module.parts.len()).len(),
                module.files.len()
            );
        }
    }
}
