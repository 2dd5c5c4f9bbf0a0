//! Claims about what AI costs and how much it may.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::tenancy::{
        Outcome, World, attempt, count, done, refused, run, value, world,
    };
    use pgrx::prelude::*;

    const QUERY: &str = "00000000-0000-4000-8000-00000000aaaa";

    fn recording(w: &World, query: &str, cost: &str, date: &str) -> String {
        format!(
            "SELECT tenancy.record_ai_usage('{}', '{}', {query}, 'large', 10, 5, {cost}, '{date}')",
            w.a.id, w.a.member
        )
    }

    fn record(w: &World, query: &str, cost: &str, date: &str) -> Outcome {
        attempt("service_role", "", &recording(w, query, cost, date))
    }

    fn budget(w: &World, usd: &str) {
        run(&format!(
            "UPDATE tenancy.organizations SET ai_monthly_budget_usd = {usd} WHERE id = '{}'",
            w.a.id
        ));
    }

    fn spent(w: &World) -> String {
        value(&format!(
            "SELECT coalesce(string_agg(month || ' ' || cost_usd, ', ' ORDER BY month), '')
             FROM tenancy.ai_usage_months WHERE organization_id = '{}'",
            w.a.id
        ))
    }

    #[pg_test]
    fn a_query_is_recorded_once() {
        let w = world();
        let query = format!("'{QUERY}'");
        for _ in 0..2 {
            assert_eq!(record(&w, &query, "0.5", "2026-05-03").state, "00000");
        }
        assert_eq!(record(&w, &query, "0.6", "2026-05-03").state, "23505");
        assert_eq!(spent(&w), "2026-05-01 0.5000");
        let rows = format!(
            "SELECT FROM tenancy.ai_usage_log WHERE organization_id = '{}'",
            w.a.id
        );
        assert_eq!(count(&rows), 1);
        // Another organization's query of the same id is another query.
        let theirs = format!(
            "SELECT tenancy.record_ai_usage('{}', '{}', {query}, 'large', 1, 1, 9)",
            w.b.id, w.b.member
        );
        assert_eq!(attempt("service_role", "", &theirs).state, "00000");
    }

    #[pg_test]
    fn a_budget_is_spent_to_the_last_cent_and_not_beyond() {
        let w = world();
        budget(&w, "1");
        let new = "gen_random_uuid()";
        assert_eq!(record(&w, new, "0.9999", "2026-05-03").state, "00000");
        let beyond = record(&w, new, "0.0002", "2026-05-31");
        assert_eq!(beyond.state, "23514");
        assert!(
            beyond.message.contains("budget") && beyond.message.contains("2026-05"),
            "{}",
            beyond.message
        );
        assert_eq!(record(&w, new, "0.0001", "2026-05-31").state, "00000");
        assert_eq!(
            record(&w, new, "0", "2026-05-31").state,
            "00000",
            "free is free"
        );
        assert_eq!(
            record(&w, new, "1", "2026-06-01").state,
            "00000",
            "the next month"
        );
        assert_eq!(spent(&w), "2026-05-01 1.0000, 2026-06-01 1.0000");
        budget(&w, "0.5");
        run(&format!(
            "UPDATE tenancy.ai_usage_log SET cost_usd = 0.9 WHERE organization_id = '{}' AND cost_usd > 0.9",
            w.a.id
        ));
        assert_eq!(
            spent(&w),
            "2026-05-01 0.9001, 2026-06-01 0.9000",
            "less is always recorded"
        );
        budget(&w, "NULL");
        assert_eq!(record(&w, new, "50", "2026-06-30").state, "00000");
        assert_eq!(
            count("SELECT FROM community_core.verify_counters('tenancy.ai_usage_months')"),
            0
        );
    }

    #[pg_test]
    fn a_row_past_the_function_is_held_to_the_budget_too() {
        let w = world();
        budget(&w, "1");
        let insert = format!(
            "INSERT INTO tenancy.ai_usage_log (user_id, organization_id, query_id, cost_usd, model, date)
             SELECT '{}', '{}', gen_random_uuid(), 0.6, 'large', '2026-05-03'
             FROM generate_series(1, 2)",
            w.a.member, w.a.id
        );
        assert_eq!(attempt("service_role", "", &insert).state, "23514");
        assert_eq!(spent(&w), "");
        // Nor is one made cheap first and dear afterwards, or moved into the month.
        assert_eq!(
            record(&w, "gen_random_uuid()", "0.1", "2026-05-03").state,
            "00000"
        );
        let raise = "UPDATE tenancy.ai_usage_log SET cost_usd = 1.1 WHERE cost_usd = 0.1";
        assert_eq!(attempt("service_role", "", raise).state, "23514");
        assert_eq!(
            record(&w, "gen_random_uuid()", "1", "2026-06-03").state,
            "00000"
        );
        let shift = "UPDATE tenancy.ai_usage_log SET date = '2026-05-04' WHERE cost_usd = 1";
        assert_eq!(attempt("service_role", "", shift).state, "23514");
    }

    #[pg_test]
    fn nobody_is_charged_for_a_stranger_or_below_zero() {
        let w = world();
        let stranger = format!(
            "SELECT tenancy.record_ai_usage('{}', '{}', '{QUERY}', 'large', 1, 1, 1)",
            w.a.id, w.b.member
        );
        assert_eq!(attempt("service_role", "", &stranger).state, "23503");
        assert_eq!(
            record(&w, "gen_random_uuid()", "-1", "2026-05-03").state,
            "23514"
        );
        let tokens = format!(
            "SELECT tenancy.record_ai_usage('{}', '{}', '{QUERY}', 'large', -1, 1, 1)",
            w.a.id, w.a.member
        );
        assert_eq!(attempt("service_role", "", &tokens).state, "23514");
        for person in [&w.a.admin, &w.a.member] {
            let own = recording(&w, &format!("'{QUERY}'"), "1", "2026-05-03");
            assert_eq!(refused(person, &own), "42501");
        }
    }

    #[pg_test]
    fn usage_by_day_is_summed_and_seen_by_its_organization_alone() {
        let w = world();
        for (cost, date) in [
            ("0.25", "2026-05-03"),
            ("0.5", "2026-05-03"),
            ("1", "2026-05-04"),
        ] {
            assert_eq!(record(&w, "gen_random_uuid()", cost, date).state, "00000");
        }
        let sums = value(&format!(
            "SELECT string_agg(concat_ws(' ', date, model, queries, input_tokens, output_tokens, cost_usd),
                               ', ' ORDER BY date)
             FROM tenancy.ai_usage_by_day WHERE organization_id = '{}'",
            w.a.id
        ));
        assert_eq!(
            sums,
            "2026-05-03 large 2 20 10 0.7500, 2026-05-04 large 1 10 5 1.0000"
        );
        assert_eq!(done(&w.a.member, "SELECT FROM tenancy.ai_usage_by_day"), 2);
        assert_eq!(done(&w.a.member, "SELECT FROM tenancy.ai_usage_log"), 3);
        for table in ["ai_usage_by_day", "ai_usage_log", "ai_usage_months"] {
            assert_eq!(
                done(&w.b.admin, &format!("SELECT FROM tenancy.{table}")),
                0,
                "{table}"
            );
        }
    }
}
