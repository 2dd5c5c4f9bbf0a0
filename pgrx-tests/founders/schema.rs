//! Claims about how the module's schema is made.

#[pgrx::pg_schema]
mod tests {
    use super::super::text;
    use pgrx::prelude::*;

    fn none(sql: &str) {
        assert_eq!(text(sql), "", "{sql}");
    }

    #[pg_test]
    fn every_foreign_key_of_founders_has_an_index() {
        none(
            "SELECT string_agg(c.conname, ', ') FROM pg_constraint c
              WHERE c.connamespace = 'founders'::regnamespace AND c.contype = 'f'
                AND NOT EXISTS (SELECT FROM pg_index i
                    WHERE i.indrelid = c.conrelid
                      AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey
                      AND (i.indpred IS NULL
                           OR pg_get_expr(i.indpred, i.indrelid) LIKE '%IS NOT NULL%'))",
        );
    }

    #[pg_test]
    fn every_table_view_and_function_says_what_it_is() {
        none(
            "SELECT string_agg(relname, ', ') FROM pg_class
              WHERE relnamespace = 'founders'::regnamespace AND relkind IN ('r', 'p', 'v')
                AND obj_description(oid, 'pg_class') IS NULL
                AND relname !~ '^(irs_by_|consent_audit_log_)'",
        );
        none("SELECT string_agg(proname, ', ') FROM pg_proc
              WHERE pronamespace = 'founders'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL");
    }

    #[pg_test]
    fn every_function_has_a_pinned_search_path_and_none_is_open_to_everybody() {
        none(
            "SELECT string_agg(proname, ', ') FROM pg_proc
              WHERE pronamespace = 'founders'::regnamespace
                AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)",
        );
        none(
            "SELECT string_agg(DISTINCT proname, ', ') FROM pg_proc p
              WHERE pronamespace = 'founders'::regnamespace
                AND (has_function_privilege('anon', p.oid, 'EXECUTE')
                     OR EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner)))
                                WHERE grantee = 0))",
        );
    }

    #[pg_test]
    fn there_is_one_policy_for_each_table_operation_and_role() {
        none(
            "SELECT string_agg(tablename || ' ' || cmd, ', ') FROM (
                  SELECT tablename, cmd, roles FROM pg_policies WHERE schemaname = 'founders'
                  GROUP BY tablename, cmd, roles HAVING count(*) > 1) twice",
        );
        none(
            "SELECT string_agg(policyname, ', ') FROM pg_policies
              WHERE schemaname = 'founders' AND (roles = '{public}' OR cardinality(roles) > 1)",
        );
    }

    #[pg_test]
    fn policies_ask_who_is_there_once_and_not_for_every_row() {
        none(
            "SELECT string_agg(policyname, ', ') FROM pg_policies
              WHERE schemaname = 'founders'
                AND regexp_replace(concat(qual, with_check), 'SELECT auth\\.uid\\(\\)', '', 'g')
                    LIKE '%auth.uid()%'",
        );
    }

    #[pg_test]
    fn the_tables_of_the_document_are_there_with_realtime_ready_where_it_says() {
        assert_eq!(
            text(
                "SELECT count(*)::text FROM pg_class WHERE relnamespace = 'founders'::regnamespace
                  AND relkind = 'r' AND relname IN (
                      'community_profiles', 'consent_preferences', 'consent_audit_log',
                      'subcommunity_sponsors', 'cohorts', 'cohort_members', 'social_feed_posts',
                      'social_feed_reactions', 'social_feed_comments', 'founder_messages',
                      'founder_connections', 'expert_listings', 'reputation_events',
                      'engagement_streaks')"
            ),
            "14"
        );
        assert_eq!(
            text("SELECT string_agg(attname || ' ' || format_type(atttypid, -1), ', ' ORDER BY attname)
                  FROM pg_attribute WHERE attrelid = 'founders.communities'::regclass
                  AND attname IN ('parent_community_id', 'is_sponsored', 'tier_required')"),
            "is_sponsored boolean, parent_community_id uuid, tier_required integer"
        );
        assert_eq!(
            text(
                "SELECT string_agg(relname, ', ' ORDER BY relname) FROM pg_class
                  WHERE relnamespace = 'founders'::regnamespace AND relreplident = 'f'"
            ),
            "founder_messages, social_feed_posts"
        );
    }
}
