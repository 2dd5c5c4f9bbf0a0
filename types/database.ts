// The tables of community_core for Kysely. Written by `make types` from a database: do not edit.

import type { ColumnType, Insertable, Selectable, Updateable } from "kysely";

export type Generated<T> = T extends ColumnType<infer S, infer I, infer U>
  ? ColumnType<S, I | undefined, U>
  : ColumnType<T, T | undefined, T>;

export type Int8 = ColumnType<string, bigint | number | string, bigint | number | string>;

export type Json = JsonValue;

export type JsonArray = JsonValue[];

export type JsonObject = {
  [x: string]: JsonValue | undefined;
};

export type JsonPrimitive = boolean | number | string | null;

export type JsonValue = JsonArray | JsonObject | JsonPrimitive;

export type Numeric = ColumnType<string, number | string, number | string>;

export type Timestamp = ColumnType<Date, Date | string, Date | string>;

type Qualified<Schema extends string, Tables> = {
  [Name in keyof Tables & string as `${Schema}.${Name}`]: Tables[Name];
};

export namespace forum {
  export interface CommunityPostLikeTable {
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    post_id: string;
    user_id: string;
  }

  export type CommunityPostLike = Selectable<CommunityPostLikeTable>;
  export type NewCommunityPostLike = Insertable<CommunityPostLikeTable>;
  export type CommunityPostLikeUpdate = Updateable<CommunityPostLikeTable>;

  export interface CommunityPostReplyTable {
    author_id: string;
    /**
     * Not blank, at most 10,000 characters.
     */
    content: string;
    created_at: Generated<Timestamp>;
    /**
     * Set by soft_delete_reply, taken back by restore_reply; then only the author and service_role see the reply.
     */
    deleted_at: Timestamp | null;
    id: Generated<string>;
    post_id: string;
    updated_at: Generated<Timestamp>;
  }

  export type CommunityPostReply = Selectable<CommunityPostReplyTable>;
  export type NewCommunityPostReply = Insertable<CommunityPostReplyTable>;
  export type CommunityPostReplyUpdate = Updateable<CommunityPostReplyTable>;

  export interface CommunityPostTable {
    author_id: string;
    /**
     * Not blank, at most 100,000 characters.
     */
    content: string;
    created_at: Generated<Timestamp>;
    /**
     * Set by soft_delete_post, taken back by restore_post; then only the author and service_role see the post.
     */
    deleted_at: Timestamp | null;
    id: Generated<string>;
    /**
     * On top of the feed; set by pin_post.
     */
    is_pinned: Generated<boolean>;
    /**
     * Kept by the counter engine; app roles cannot write it.
     */
    likes_count: Generated<number>;
    /**
     * Replies that are not deleted; kept by the counter engine, app roles cannot write it.
     */
    replies_count: Generated<number>;
    updated_at: Generated<Timestamp>;
  }

  export type CommunityPost = Selectable<CommunityPostTable>;
  export type NewCommunityPost = Insertable<CommunityPostTable>;
  export type CommunityPostUpdate = Updateable<CommunityPostTable>;

  export interface CommunityResourceTable {
    /**
     * free: a guest may download it for an email address; member-only: members alone.
     */
    access: Generated<"free" | "member-only">;
    category: "client-acquisition" | "development" | "business" | "templates" | "marketing";
    created_at: Generated<Timestamp>;
    /**
     * Set by soft_delete_resource, taken back by restore_resource; then only service_role sees the resource.
     */
    deleted_at: Timestamp | null;
    description: string;
    difficulty: "beginner" | "intermediate" | "advanced" | null;
    /**
     * Kept by the counter engine; app roles cannot write it.
     */
    download_count: Generated<number>;
    file_size: string | null;
    /**
     * Where the file lies. App roles read it in resource_catalog, as members, or by download_resource.
     */
    file_url: string | null;
    format: string;
    id: Generated<string>;
    /**
     * As of the last refresh_resource_flags().
     */
    is_new: Generated<boolean>;
    /**
     * As of the last refresh_resource_flags().
     */
    is_popular: Generated<boolean>;
    /**
     * From when on it is listed; NULL: it is not.
     */
    published_at: Timestamp | null;
    /**
     * Average of the ratings, to two decimals; 0 without any. Kept by the counter engine; app roles cannot write it.
     */
    rating: Generated<Numeric>;
    /**
     * The words of title and description, for search_resources.
     */
    search: Generated<string | null>;
    tags: string[] | null;
    title: string;
    type: "template" | "guide" | "checklist" | "video" | "course" | "tool";
    updated_at: Generated<Timestamp>;
  }

  export type CommunityResource = Selectable<CommunityResourceTable>;
  export type NewCommunityResource = Insertable<CommunityResourceTable>;
  export type CommunityResourceUpdate = Updateable<CommunityResourceTable>;

  export interface CourseTable {
    id: Generated<string>;
  }

  export type Course = Selectable<CourseTable>;
  export type NewCourse = Insertable<CourseTable>;
  export type CourseUpdate = Updateable<CourseTable>;

  export interface GoalMetricTable {
    created_at: Generated<Timestamp>;
    /**
     * Periods of 24 hours begun from started_at to completed_at, pauses included; at least 1.
     */
    days_to_complete: number | null;
    /**
     * days_to_complete against the median of all who completed the goal: fast up to 0.75 of it, slow from 1.25 on, else steady. Kept right when another completes.
     */
    execution_pace: "fast" | "steady" | "slow" | null;
    /**
     * Per cent of the actions that are not lessons, rounded. NULL without actions.
     */
    execution_rate: number | null;
    id: Generated<string>;
    /**
     * Minutes of learning in an hour of activity: 60 × lessons / actions, rounded. NULL without actions.
     */
    learn_rate: number | null;
    /**
     * 1 for the fewest days_to_complete among all who completed the goal; equal days share a rank and the next ones are skipped. Kept right when another completes.
     */
    ranking: number | null;
    updated_at: Generated<Timestamp>;
    user_goal_history_id: string;
  }

  export type GoalMetric = Selectable<GoalMetricTable>;
  export type NewGoalMetric = Insertable<GoalMetricTable>;
  export type GoalMetricUpdate = Updateable<GoalMetricTable>;

  export interface ProfileTable {
    /**
     * The goal the person started or resumed last and is still at; kept by triggers on user_goal_history.
     */
    current_goal_id: string | null;
    /**
     * The application's; nothing here reads or writes it.
     */
    current_track_id: string | null;
    /**
     * The user, as in auth.users.
     */
    id: string;
  }

  export type Profile = Selectable<ProfileTable>;
  export type NewProfile = Insertable<ProfileTable>;
  export type ProfileUpdate = Updateable<ProfileTable>;

  export interface ResourceCatalogTable {
    access: string | null;
    category: string | null;
    created_at: Timestamp | null;
    description: string | null;
    difficulty: string | null;
    download_count: number | null;
    file_size: string | null;
    file_url: string | null;
    format: string | null;
    id: string | null;
    is_new: boolean | null;
    is_popular: boolean | null;
    published_at: Timestamp | null;
    rating: Numeric | null;
    tags: string[] | null;
    title: string | null;
    type: string | null;
    updated_at: Timestamp | null;
  }

  export type ResourceCatalog = Selectable<ResourceCatalogTable>;
  export type NewResourceCatalog = Insertable<ResourceCatalogTable>;
  export type ResourceCatalogUpdate = Updateable<ResourceCatalogTable>;

  export interface ResourceDownloadTable {
    downloaded_at: Generated<Timestamp>;
    /**
     * The guest's address, in lower case; NULL for a member.
     */
    email: string | null;
    id: Generated<string>;
    /**
     * As request_address() tells; goes with the member.
     */
    ip_address: string | null;
    resource_id: string;
    /**
     * As the request's header says; goes with the member.
     */
    user_agent: string | null;
    /**
     * The member; NULL for a guest, and once the member is deleted.
     */
    user_id: string | null;
  }

  export type ResourceDownload = Selectable<ResourceDownloadTable>;
  export type NewResourceDownload = Insertable<ResourceDownloadTable>;
  export type ResourceDownloadUpdate = Updateable<ResourceDownloadTable>;

  export interface ResourceRatingTable {
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    /**
     * 1 to 5.
     */
    rating: number;
    resource_id: string;
    /**
     * At most 10,000 characters.
     */
    review: string | null;
    updated_at: Generated<Timestamp>;
    user_id: string;
  }

  export type ResourceRating = Selectable<ResourceRatingTable>;
  export type NewResourceRating = Insertable<ResourceRatingTable>;
  export type ResourceRatingUpdate = Updateable<ResourceRatingTable>;

  export interface TrackGoalTable {
    id: Generated<string>;
    track_id: string | null;
  }

  export type TrackGoal = Selectable<TrackGoalTable>;
  export type NewTrackGoal = Insertable<TrackGoalTable>;
  export type TrackGoalUpdate = Updateable<TrackGoalTable>;

  export interface UserActionTable {
    /**
     * When it was done, a moment or a day; NULL: when it was recorded.
     */
    action_date: Generated<Timestamp | null>;
    action_type_id: string | null;
    /**
     * The course this action was a lesson of; NULL where it was none.
     */
    course_id: string | null;
    created_at: Generated<Timestamp | null>;
    description: string | null;
    details: string | null;
    goal_id: string | null;
    id: Generated<string>;
    metadata: Json | null;
    points: number | null;
    title: string | null;
    user_id: string;
  }

  export type UserAction = Selectable<UserActionTable>;
  export type NewUserAction = Insertable<UserActionTable>;
  export type UserActionUpdate = Updateable<UserActionTable>;

  export interface UserGoalHistoryTable {
    completed_at: Timestamp | null;
    created_at: Generated<Timestamp>;
    goal_id: string;
    id: Generated<string>;
    paused_at: Timestamp | null;
    /**
     * Per cent, as the person sees it; 100 once completed.
     */
    progress: Generated<number>;
    started_at: Generated<Timestamp>;
    status: Generated<"active" | "completed" | "paused">;
    updated_at: Generated<Timestamp>;
    user_id: string;
  }

  export type UserGoalHistory = Selectable<UserGoalHistoryTable>;
  export type NewUserGoalHistory = Insertable<UserGoalHistoryTable>;
  export type UserGoalHistoryUpdate = Updateable<UserGoalHistoryTable>;

  export interface Database {
    community_post_likes: CommunityPostLikeTable;
    community_post_replies: CommunityPostReplyTable;
    community_posts: CommunityPostTable;
    community_resources: CommunityResourceTable;
    courses: CourseTable;
    goal_metrics: GoalMetricTable;
    profiles: ProfileTable;
    resource_catalog: ResourceCatalogTable;
    resource_downloads: ResourceDownloadTable;
    resource_ratings: ResourceRatingTable;
    track_goals: TrackGoalTable;
    user_actions: UserActionTable;
    user_goal_history: UserGoalHistoryTable;
  }
}

export namespace founders {
  export interface BenchmarkIndustryAggregateTable {
    avg_irs_score: Numeric | null;
    founder_count: Int8 | null;
    industry: string | null;
    median_irs_score: Numeric | null;
  }

  export type BenchmarkIndustryAggregate = Selectable<BenchmarkIndustryAggregateTable>;
  export type NewBenchmarkIndustryAggregate = Insertable<BenchmarkIndustryAggregateTable>;
  export type BenchmarkIndustryAggregateUpdate = Updateable<BenchmarkIndustryAggregateTable>;

  export interface BenchmarkStageAggregateTable {
    avg_irs_score: Numeric | null;
    founder_count: Int8 | null;
    median_irs_score: Numeric | null;
    stage: string | null;
  }

  export type BenchmarkStageAggregate = Selectable<BenchmarkStageAggregateTable>;
  export type NewBenchmarkStageAggregate = Insertable<BenchmarkStageAggregateTable>;
  export type BenchmarkStageAggregateUpdate = Updateable<BenchmarkStageAggregateTable>;

  export interface CohortMemberTable {
    cohort_id: string;
    id: Generated<string>;
    /**
     * Whether the member is in the cohort now.
     */
    is_active: Generated<boolean>;
    joined_at: Generated<Timestamp>;
    left_at: Timestamp | null;
    role: Generated<"member" | "facilitator">;
    user_id: string;
  }

  export type CohortMember = Selectable<CohortMemberTable>;
  export type NewCohortMember = Insertable<CohortMemberTable>;
  export type CohortMemberUpdate = Updateable<CohortMemberTable>;

  export interface CohortTable {
    cohort_type: Generated<"stage" | "industry" | "custom">;
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    match_criteria: Generated<Json | null>;
    /**
     * The most active members; kept under concurrent joins.
     */
    max_members: Generated<number>;
    name: string;
    /**
     * forming and active take members, archived takes nobody.
     */
    status: Generated<"forming" | "active" | "archived">;
    /**
     * When the cohort or who is in it last changed.
     */
    updated_at: Generated<Timestamp>;
  }

  export type Cohort = Selectable<CohortTable>;
  export type NewCohort = Insertable<CohortTable>;
  export type CohortUpdate = Updateable<CohortTable>;

  export interface CommunityTable {
    id: Generated<string>;
    is_sponsored: Generated<boolean>;
    /**
     * The community this one is part of; NULL at the top. Never itself nor one below it.
     */
    parent_community_id: string | null;
    /**
     * The tier a member needs: 0 Free, 1 Pro, 2 Studio.
     */
    tier_required: Generated<number>;
  }

  export type Community = Selectable<CommunityTable>;
  export type NewCommunity = Insertable<CommunityTable>;
  export type CommunityUpdate = Updateable<CommunityTable>;

  export interface CommunityDirectoryTable {
    achievements: string[] | null;
    avatar_url: string | null;
    bio: string | null;
    display_name: string | null;
    industry: string | null;
    stage: string | null;
    user_id: string | null;
  }

  export type CommunityDirectory = Selectable<CommunityDirectoryTable>;
  export type NewCommunityDirectory = Insertable<CommunityDirectoryTable>;
  export type CommunityDirectoryUpdate = Updateable<CommunityDirectoryTable>;

  export interface CommunityProfileTable {
    achievements: Generated<string[]>;
    avatar_url: string | null;
    /**
     * At most 5,000 characters.
     */
    bio: Generated<string>;
    created_at: Generated<Timestamp>;
    /**
     * At most 100 characters, one of which at least can be seen.
     */
    display_name: string;
    id: Generated<string>;
    industry: string | null;
    stage: string | null;
    updated_at: Generated<Timestamp>;
    user_id: string;
    /**
     * show_name, show_stage, show_industry, show_bio, show_achievements: only what is true is shown in the directory.
     */
    visibility_settings: Generated<Json>;
  }

  export type CommunityProfile = Selectable<CommunityProfileTable>;
  export type NewCommunityProfile = Insertable<CommunityProfileTable>;
  export type CommunityProfileUpdate = Updateable<CommunityProfileTable>;

  export interface ConsentAuditLogTable {
    category: string;
    changed_at: Generated<Timestamp>;
    id: Generated<string>;
    /**
     * As the request's headers report it (x-forwarded-for, else x-real-ip): a client can forge it unless a proxy sets it.
     */
    ip_address: string | null;
    new_value: boolean;
    previous_value: boolean;
    user_agent: string | null;
    /**
     * Whose consent; NULL once that user is deleted. No foreign key, so that the entry stays.
     */
    user_id: string | null;
  }

  export type ConsentAuditLog = Selectable<ConsentAuditLogTable>;
  export type NewConsentAuditLog = Insertable<ConsentAuditLogTable>;
  export type ConsentAuditLogUpdate = Updateable<ConsentAuditLogTable>;

  export interface ConsentPreferenceTable {
    category: "benchmarks" | "social_feed" | "directory" | "messaging" | "investor_intros";
    enabled: Generated<boolean>;
    id: Generated<string>;
    updated_at: Generated<Timestamp>;
    user_id: string;
  }

  export type ConsentPreference = Selectable<ConsentPreferenceTable>;
  export type NewConsentPreference = Insertable<ConsentPreferenceTable>;
  export type ConsentPreferenceUpdate = Updateable<ConsentPreferenceTable>;

  export interface EngagementStreakTable {
    /**
     * Days in a row up to last_checkin_date.
     */
    current_streak: Generated<number>;
    id: Generated<string>;
    last_checkin_date: Timestamp | null;
    longest_streak: Generated<number>;
    streak_started_at: Timestamp | null;
    total_checkins: Generated<number>;
    updated_at: Generated<Timestamp>;
    user_id: string;
  }

  export type EngagementStreak = Selectable<EngagementStreakTable>;
  export type NewEngagementStreak = Insertable<EngagementStreakTable>;
  export type EngagementStreakUpdate = Updateable<EngagementStreakTable>;

  export interface ExpertListingTable {
    created_at: Generated<Timestamp>;
    /**
     * Not blank, at most 10,000 characters.
     */
    description: string;
    expertise_type: "design_review" | "tech_architecture" | "gtm_strategy" | "fundraising" | "legal" | "other";
    id: Generated<string>;
    is_active: Generated<boolean>;
    /**
     * Not blank, at most 200 characters.
     */
    title: string;
    updated_at: Generated<Timestamp>;
    user_id: string;
  }

  export type ExpertListing = Selectable<ExpertListingTable>;
  export type NewExpertListing = Insertable<ExpertListingTable>;
  export type ExpertListingUpdate = Updateable<ExpertListingTable>;

  export interface FounderConnectionTable {
    /**
     * Which of the two block the other; both may. Only who blocks can unblock.
     */
    blocked_by: Generated<string[]>;
    created_at: Generated<Timestamp>;
    /**
     * When the recipient declined; a block does not make it undone.
     */
    declined_at: Timestamp | null;
    id: Generated<string>;
    recipient_id: string;
    /**
     * Who asked, or blocked first.
     */
    requester_id: string;
    source: Generated<"directory" | "cohort" | "fred_suggestion" | "community">;
    /**
     * pending, then accepted or declined by the recipient; blocked by either, at any time.
     */
    status: Generated<"pending" | "accepted" | "blocked" | "declined">;
    updated_at: Generated<Timestamp>;
  }

  export type FounderConnection = Selectable<FounderConnectionTable>;
  export type NewFounderConnection = Insertable<FounderConnectionTable>;
  export type FounderConnectionUpdate = Updateable<FounderConnectionTable>;

  export interface FounderMessageTable {
    /**
     * Not blank, at most 10,000 characters.
     */
    content: string;
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    /**
     * Set by the service role when it sends.
     */
    is_fred_facilitated: Generated<boolean>;
    /**
     * Set by the recipient and by nobody else.
     */
    is_read: Generated<boolean>;
    metadata: Generated<Json | null>;
    recipient_id: string;
    sender_id: string;
  }

  export type FounderMessage = Selectable<FounderMessageTable>;
  export type NewFounderMessage = Insertable<FounderMessageTable>;
  export type FounderMessageUpdate = Updateable<FounderMessageTable>;

  export interface InvestorReadinessScoreTable {
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    overall_score: Numeric;
    user_id: string;
  }

  export type InvestorReadinessScore = Selectable<InvestorReadinessScoreTable>;
  export type NewInvestorReadinessScore = Insertable<InvestorReadinessScoreTable>;
  export type InvestorReadinessScoreUpdate = Updateable<InvestorReadinessScoreTable>;

  export interface IrsByGroupTable {
    average: Numeric | null;
    contributors: Int8 | null;
    industry: string | null;
    median: Numeric | null;
    p25: Numeric | null;
    p75: Numeric | null;
    p90: Numeric | null;
    released_at: Timestamp | null;
    stage: string | null;
  }

  export type IrsByGroup = Selectable<IrsByGroupTable>;
  export type NewIrsByGroup = Insertable<IrsByGroupTable>;
  export type IrsByGroupUpdate = Updateable<IrsByGroupTable>;

  export interface MilestoneTable {
    id: Generated<string>;
  }

  export type Milestone = Selectable<MilestoneTable>;
  export type NewMilestone = Insertable<MilestoneTable>;
  export type MilestoneUpdate = Updateable<MilestoneTable>;

  export interface ProfileTable {
    /**
     * The user, as in auth.users.
     */
    id: string;
    industry: string | null;
    stage: string | null;
  }

  export type Profile = Selectable<ProfileTable>;
  export type NewProfile = Insertable<ProfileTable>;
  export type ProfileUpdate = Updateable<ProfileTable>;

  export interface ReputationEventTable {
    created_at: Generated<Timestamp>;
    event_type: "intro_made" | "roundtable_participation" | "help_given" | "expertise_shared" | "mentor_session";
    id: Generated<string>;
    metadata: Generated<Json | null>;
    points: Generated<number>;
    source_id: string | null;
    source_type: string | null;
    user_id: string;
  }

  export type ReputationEvent = Selectable<ReputationEventTable>;
  export type NewReputationEvent = Insertable<ReputationEventTable>;
  export type ReputationEventUpdate = Updateable<ReputationEventTable>;

  export interface ReputationLeaderboardTable {
    display_name: string | null;
    points: Int8 | null;
    rank: Int8 | null;
    user_id: string | null;
  }

  export type ReputationLeaderboard = Selectable<ReputationLeaderboardTable>;
  export type NewReputationLeaderboard = Insertable<ReputationLeaderboardTable>;
  export type ReputationLeaderboardUpdate = Updateable<ReputationLeaderboardTable>;

  export interface SocialFeedCommentTable {
    author_id: string;
    /**
     * Not blank, at most 10,000 characters.
     */
    content: string;
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    /**
     * The comment this one answers; NULL on the post itself.
     */
    parent_comment_id: string | null;
    post_id: string;
    updated_at: Generated<Timestamp>;
  }

  export type SocialFeedComment = Selectable<SocialFeedCommentTable>;
  export type NewSocialFeedComment = Insertable<SocialFeedCommentTable>;
  export type SocialFeedCommentUpdate = Updateable<SocialFeedCommentTable>;

  export interface SocialFeedPostTable {
    author_id: string;
    /**
     * Kept by the counter engine; app roles cannot write it.
     */
    comment_count: Generated<number>;
    /**
     * Not blank, at most 100,000 characters.
     */
    content: string;
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    is_public: Generated<boolean>;
    metadata: Generated<Json | null>;
    milestone_id: string | null;
    post_type: Generated<"milestone" | "achievement" | "update" | "shoutout">;
    /**
     * Kept by the counter engine; app roles cannot write it.
     */
    reaction_count: Generated<number>;
    /**
     * At most 300 characters; may be empty.
     */
    title: Generated<string>;
    updated_at: Generated<Timestamp>;
    /**
     * Written by the service role.
     */
    view_count: Generated<number>;
  }

  export type SocialFeedPost = Selectable<SocialFeedPostTable>;
  export type NewSocialFeedPost = Insertable<SocialFeedPostTable>;
  export type SocialFeedPostUpdate = Updateable<SocialFeedPostTable>;

  export interface SocialFeedReactionTable {
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    post_id: string;
    reaction_type: Generated<"encourage" | "celebrate" | "insightful">;
    user_id: string;
  }

  export type SocialFeedReaction = Selectable<SocialFeedReactionTable>;
  export type NewSocialFeedReaction = Insertable<SocialFeedReactionTable>;
  export type SocialFeedReactionUpdate = Updateable<SocialFeedReactionTable>;

  export interface SubcommunitySponsorTable {
    community_id: string;
    created_at: Generated<Timestamp>;
    expires_at: Timestamp | null;
    id: Generated<string>;
    is_active: Generated<boolean>;
    is_featured: Generated<boolean>;
    sponsor_logo_url: string | null;
    sponsor_name: string;
    sponsor_url: string | null;
    /**
     * The sponsor's user, if there is one; a sponsorship outlives it.
     */
    sponsor_user_id: string | null;
    started_at: Generated<Timestamp>;
    updated_at: Generated<Timestamp>;
  }

  export type SubcommunitySponsor = Selectable<SubcommunitySponsorTable>;
  export type NewSubcommunitySponsor = Insertable<SubcommunitySponsorTable>;
  export type SubcommunitySponsorUpdate = Updateable<SubcommunitySponsorTable>;

  export interface Database {
    benchmark_industry_aggregates: BenchmarkIndustryAggregateTable;
    benchmark_stage_aggregates: BenchmarkStageAggregateTable;
    cohort_members: CohortMemberTable;
    cohorts: CohortTable;
    communities: CommunityTable;
    community_directory: CommunityDirectoryTable;
    community_profiles: CommunityProfileTable;
    consent_audit_log: ConsentAuditLogTable;
    consent_preferences: ConsentPreferenceTable;
    engagement_streaks: EngagementStreakTable;
    expert_listings: ExpertListingTable;
    founder_connections: FounderConnectionTable;
    founder_messages: FounderMessageTable;
    investor_readiness_scores: InvestorReadinessScoreTable;
    irs_by_group: IrsByGroupTable;
    milestones: MilestoneTable;
    profiles: ProfileTable;
    reputation_events: ReputationEventTable;
    reputation_leaderboard: ReputationLeaderboardTable;
    social_feed_comments: SocialFeedCommentTable;
    social_feed_posts: SocialFeedPostTable;
    social_feed_reactions: SocialFeedReactionTable;
    subcommunity_sponsors: SubcommunitySponsorTable;
  }
}

export namespace linkup {
  export type ConversationMode = "awaiting_invite_reply" | "idle" | "interviewing" | "linkup_forming" | "safety_hold";

  export type InviteState = "accepted" | "closed" | "declined" | "expired" | "pending";

  export type LinkupState = "broadcasting" | "canceled" | "completed" | "draft" | "expired" | "locked";

  export type ProfileState = "complete_full" | "complete_mvp" | "empty" | "partial" | "stale";

  export type RegionState = "closed" | "open" | "waitlisted";

  export type SafetyHoldState = "hard_hold" | "none" | "soft_hold";

  export type SubscriptionState = "active" | "canceled" | "none" | "past_due" | "trialing" | "unpaid";

  export type UserState = "active" | "deleted" | "interviewing" | "suspended" | "unverified" | "verified";

  export interface ActivityCatalogueTable {
    activity_key: string;
    created_at: Generated<Timestamp>;
    display_name: string;
    updated_at: Generated<Timestamp>;
  }

  export type ActivityCatalogue = Selectable<ActivityCatalogueTable>;
  export type NewActivityCatalogue = Insertable<ActivityCatalogueTable>;
  export type ActivityCatalogueUpdate = Updateable<ActivityCatalogueTable>;

  export interface AdminAuditLogTable {
    action: string;
    /**
     * Who; NULL where the system did it. No foreign key, so that the entry outlives the admin's account.
     */
    admin_user_id: string | null;
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    /**
     * What changed. Like target_id and reason NULL once the person it was about is erased.
     */
    payload: Generated<Json | null>;
    reason: string | null;
    target_id: string | null;
    target_type: string;
  }

  export type AdminAuditLog = Selectable<AdminAuditLogTable>;
  export type NewAdminAuditLog = Insertable<AdminAuditLogTable>;
  export type AdminAuditLogUpdate = Updateable<AdminAuditLogTable>;

  export interface AdminUserTable {
    created_at: Generated<Timestamp>;
    email: string;
    id: Generated<string>;
    role: "support" | "ops" | "engineering";
    updated_at: Generated<Timestamp>;
  }

  export type AdminUser = Selectable<AdminUserTable>;
  export type NewAdminUser = Insertable<AdminUserTable>;
  export type AdminUserUpdate = Updateable<AdminUserTable>;

  export interface AuthUserMapTable {
    auth_user_id: string;
    created_at: Generated<Timestamp>;
    user_id: string;
  }

  export type AuthUserMap = Selectable<AuthUserMapTable>;
  export type NewAuthUserMap = Insertable<AuthUserMapTable>;
  export type AuthUserMapUpdate = Updateable<AuthUserMapTable>;

  export interface ContactExchangeChoiceTable {
    choice: boolean;
    chooser_user_id: string;
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    linkup_id: string;
    target_user_id: string;
    updated_at: Generated<Timestamp>;
  }

  export type ContactExchangeChoice = Selectable<ContactExchangeChoiceTable>;
  export type NewContactExchangeChoice = Insertable<ContactExchangeChoiceTable>;
  export type ContactExchangeChoiceUpdate = Updateable<ContactExchangeChoiceTable>;

  export interface ContactExchangeTable {
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    linkup_id: string;
    revealed_at: Generated<Timestamp>;
    updated_at: Generated<Timestamp>;
    user_a_id: string;
    user_b_id: string;
  }

  export type ContactExchange = Selectable<ContactExchangeTable>;
  export type NewContactExchange = Insertable<ContactExchangeTable>;
  export type ContactExchangeUpdate = Updateable<ContactExchangeTable>;

  export interface ConversationSessionTable {
    created_at: Generated<Timestamp>;
    expires_at: Timestamp | null;
    id: Generated<string>;
    last_inbound_message_sid: string | null;
    mode: Generated<ConversationMode>;
    state_token: Generated<string>;
    updated_at: Generated<Timestamp>;
    user_id: string;
  }

  export type ConversationSession = Selectable<ConversationSessionTable>;
  export type NewConversationSession = Insertable<ConversationSessionTable>;
  export type ConversationSessionUpdate = Updateable<ConversationSessionTable>;

  export interface DomainEventTable {
    correlation_id: string | null;
    created_at: Generated<Timestamp>;
    entity_id: string;
    entity_type: string;
    event_type: string;
    from_state: string | null;
    id: Generated<string>;
    /**
     * entity:id:transaction:number; an event of an application's own brings its own key.
     */
    idempotency_key: string | null;
    payload: Generated<Json>;
    to_state: string | null;
  }

  export type DomainEvent = Selectable<DomainEventTable>;
  export type NewDomainEvent = Insertable<DomainEventTable>;
  export type DomainEventUpdate = Updateable<DomainEventTable>;

  export interface EntitlementTable {
    created_at: Generated<Timestamp>;
    effective_at: Generated<Timestamp>;
    eligible_to_initiate: Generated<boolean>;
    eligible_to_participate: Generated<boolean>;
    expires_at: Timestamp | null;
    id: Generated<string>;
    /**
     * stripe: follows the subscription. Anything else was given by an admin, and no subscription changes it.
     */
    source: Generated<string>;
    updated_at: Generated<Timestamp>;
    user_id: string;
  }

  export type Entitlement = Selectable<EntitlementTable>;
  export type NewEntitlement = Insertable<EntitlementTable>;
  export type EntitlementUpdate = Updateable<EntitlementTable>;

  export interface LinkupInviteTable {
    closed_at: Timestamp | null;
    created_at: Generated<Timestamp>;
    expires_at: Timestamp | null;
    /**
     * Why this person: scores, reasons, and the filters passed and failed. For the service alone: a failed filter may tell of a block.
     */
    explainability: Generated<Json>;
    id: Generated<string>;
    idempotency_key: string;
    invited_user_id: string;
    linkup_id: string;
    offered_options: Json | null;
    responded_at: Timestamp | null;
    response_message_sid: string | null;
    selected_option: string | null;
    sent_at: Timestamp | null;
    state: Generated<InviteState>;
    updated_at: Generated<Timestamp>;
  }

  export type LinkupInvite = Selectable<LinkupInviteTable>;
  export type NewLinkupInvite = Insertable<LinkupInviteTable>;
  export type LinkupInviteUpdate = Updateable<LinkupInviteTable>;

  export interface LinkupOutcomeTable {
    attendance_response: "attended" | "no_show" | "unsure" | null;
    created_at: Generated<Timestamp>;
    do_again: boolean | null;
    feedback: string | null;
    id: Generated<string>;
    linkup_id: string;
    updated_at: Generated<Timestamp>;
    user_id: string;
  }

  export type LinkupOutcome = Selectable<LinkupOutcomeTable>;
  export type NewLinkupOutcome = Insertable<LinkupOutcomeTable>;
  export type LinkupOutcomeUpdate = Updateable<LinkupOutcomeTable>;

  export interface LinkupParticipantTable {
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    joined_at: Generated<Timestamp>;
    left_at: Timestamp | null;
    linkup_id: string;
    role: "initiator" | "participant";
    status: Generated<"confirmed" | "canceled" | "no_show" | "attended">;
    updated_at: Generated<Timestamp>;
    user_id: string;
  }

  export type LinkupParticipant = Selectable<LinkupParticipantTable>;
  export type NewLinkupParticipant = Insertable<LinkupParticipantTable>;
  export type LinkupParticipantUpdate = Updateable<LinkupParticipantTable>;

  export interface LinkupReminderTable {
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    idempotency_key: string;
    linkup_id: string;
    reminder_type: string;
    scheduled_for: Timestamp;
    sent_at: Timestamp | null;
    status: Generated<"pending" | "sent" | "failed">;
    updated_at: Generated<Timestamp>;
  }

  export type LinkupReminder = Selectable<LinkupReminderTable>;
  export type NewLinkupReminder = Insertable<LinkupReminderTable>;
  export type LinkupReminderUpdate = Updateable<LinkupReminderTable>;

  export interface LinkupTable {
    acceptance_window_ends_at: Timestamp | null;
    /**
     * What is planned; see valid_brief.
     */
    brief: Json;
    canceled_reason: string | null;
    correlation_id: string | null;
    created_at: Generated<Timestamp>;
    event_time: Timestamp | null;
    id: Generated<string>;
    initiator_user_id: string;
    linkup_create_key: string;
    /**
     * Counts the locks: lock_linkup is told the one that its caller has seen.
     */
    lock_version: Generated<number>;
    locked_at: Timestamp | null;
    max_size: Generated<number>;
    min_size: Generated<number>;
    region_id: string;
    state: Generated<LinkupState>;
    updated_at: Generated<Timestamp>;
    venue: Json | null;
  }

  export type Linkup = Selectable<LinkupTable>;
  export type NewLinkup = Insertable<LinkupTable>;
  export type LinkupUpdate = Updateable<LinkupTable>;

  export interface MagicLinkTable {
    consumed_at: Timestamp | null;
    created_at: Generated<Timestamp>;
    expires_at: Timestamp;
    id: Generated<string>;
    linkup_id: string | null;
    purpose: string;
    token_hash: string;
    user_id: string;
  }

  export type MagicLink = Selectable<MagicLinkTable>;
  export type NewMagicLink = Insertable<MagicLinkTable>;
  export type MagicLinkUpdate = Updateable<MagicLinkTable>;

  export interface MessageEventTable {
    correlation_id: string | null;
    created_at: Generated<Timestamp>;
    event_type: string;
    id: Generated<string>;
    payload: Json;
    user_id: string | null;
  }

  export type MessageEvent = Selectable<MessageEventTable>;
  export type NewMessageEvent = Insertable<MessageEventTable>;
  export type MessageEventUpdate = Updateable<MessageEventTable>;

  export interface OtpSessionTable {
    attempts: Generated<number>;
    created_at: Generated<Timestamp>;
    expires_at: Timestamp;
    id: Generated<string>;
    otp_hash: string;
    updated_at: Generated<Timestamp>;
    user_id: string;
    verified_at: Timestamp | null;
  }

  export type OtpSession = Selectable<OtpSessionTable>;
  export type NewOtpSession = Insertable<OtpSessionTable>;
  export type OtpSessionUpdate = Updateable<OtpSessionTable>;

  export interface ProfileEventTable {
    correlation_id: string | null;
    created_at: Generated<Timestamp>;
    event_type: string;
    id: Generated<string>;
    idempotency_key: string;
    /**
     * Each changed column with what it was and what it is.
     */
    payload: Json;
    source: string;
    user_id: string;
  }

  export type ProfileEvent = Selectable<ProfileEventTable>;
  export type NewProfileEvent = Insertable<ProfileEventTable>;
  export type ProfileEventUpdate = Updateable<ProfileEventTable>;

  export interface ProfileTable {
    active_intent: Json | null;
    /**
     * What the person likes to do, when and why; see valid_activity_patterns.
     */
    activity_patterns: Generated<Json>;
    /**
     * What the person does not want; see valid_boundaries.
     */
    boundaries: Generated<Json>;
    completed_at: Timestamp | null;
    created_at: Generated<Timestamp>;
    /**
     * Twelve factors at most, each with range_value and confidence from 0 to 1; see valid_fingerprint.
     */
    fingerprint: Generated<Json>;
    id: Generated<string>;
    last_interview_step: string | null;
    preferences: Generated<Json>;
    stale_at: Timestamp | null;
    state: Generated<ProfileState>;
    updated_at: Generated<Timestamp>;
    user_id: string;
  }

  export type Profile = Selectable<ProfileTable>;
  export type NewProfile = Insertable<ProfileTable>;
  export type ProfileUpdate = Updateable<ProfileTable>;

  export interface RegionMembershipTable {
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    joined_at: Generated<Timestamp>;
    region_id: string;
    released_at: Timestamp | null;
    status: "active" | "waitlisted";
    updated_at: Generated<Timestamp>;
    user_id: string;
  }

  export type RegionMembership = Selectable<RegionMembershipTable>;
  export type NewRegionMembership = Insertable<RegionMembershipTable>;
  export type RegionMembershipUpdate = Updateable<RegionMembershipTable>;

  export interface RegionTable {
    created_at: Generated<Timestamp>;
    display_name: string;
    /**
     * Polygon or zip code definitions.
     */
    geometry: Json;
    id: Generated<string>;
    /**
     * Border rules, minimum density thresholds.
     */
    rules: Generated<Json>;
    slug: string;
    state: Generated<RegionState>;
    updated_at: Generated<Timestamp>;
  }

  export type Region = Selectable<RegionTable>;
  export type NewRegion = Insertable<RegionTable>;
  export type RegionUpdate = Updateable<RegionTable>;

  export interface SafetyHoldTable {
    applied_at: Timestamp | null;
    applied_by_admin: string | null;
    cleared_at: Timestamp | null;
    created_at: Generated<Timestamp>;
    expires_at: Timestamp | null;
    id: Generated<string>;
    reason: string | null;
    state: Generated<SafetyHoldState>;
    updated_at: Generated<Timestamp>;
    user_id: string;
  }

  export type SafetyHold = Selectable<SafetyHoldTable>;
  export type NewSafetyHold = Insertable<SafetyHoldTable>;
  export type SafetyHoldUpdate = Updateable<SafetyHoldTable>;

  export interface SafetyIncidentTable {
    created_at: Generated<Timestamp>;
    details: Generated<Json>;
    id: Generated<string>;
    incident_type: string;
    reporter_phone_hash: string | null;
    reporter_user_id: string | null;
    severity: number;
    status: Generated<"open" | "reviewing" | "resolved">;
    updated_at: Generated<Timestamp>;
    user_id: string | null;
  }

  export type SafetyIncident = Selectable<SafetyIncidentTable>;
  export type NewSafetyIncident = Insertable<SafetyIncidentTable>;
  export type SafetyIncidentUpdate = Updateable<SafetyIncidentTable>;

  export interface SafetyReportTable {
    created_at: Generated<Timestamp>;
    details: Generated<Json>;
    id: Generated<string>;
    report_type: string;
    reported_user_id: string | null;
    reporter_phone_hash: string | null;
    reporter_user_id: string | null;
    status: Generated<"open" | "reviewing" | "resolved">;
    updated_at: Generated<Timestamp>;
  }

  export type SafetyReport = Selectable<SafetyReportTable>;
  export type NewSafetyReport = Insertable<SafetyReportTable>;
  export type SafetyReportUpdate = Updateable<SafetyReportTable>;

  export interface SmsMessageTable {
    body_ciphertext: Buffer | null;
    body_iv: Buffer | null;
    body_tag: Buffer | null;
    correlation_id: string | null;
    created_at: Generated<Timestamp>;
    direction: "in" | "out";
    from_e164: string;
    id: Generated<string>;
    key_version: Generated<number>;
    last_status_at: Timestamp | null;
    media_count: Generated<number>;
    status: string | null;
    to_e164: string;
    twilio_message_sid: string;
    updated_at: Generated<Timestamp>;
    user_id: string | null;
  }

  export type SmsMessage = Selectable<SmsMessageTable>;
  export type NewSmsMessage = Insertable<SmsMessageTable>;
  export type SmsMessageUpdate = Updateable<SmsMessageTable>;

  export interface SmsOutboundJobTable {
    attempts: Generated<number>;
    /**
     * When a worker may claim the job: after the back-off, or when the worker that has it is taken for dead.
     */
    available_at: Generated<Timestamp>;
    body_ciphertext: Buffer | null;
    body_iv: Buffer | null;
    body_tag: Buffer | null;
    correlation_id: string | null;
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    idempotency_key: string;
    key_version: Generated<number>;
    last_error: string | null;
    purpose: string;
    status: Generated<"pending" | "sent" | "failed">;
    to_e164: string;
    twilio_message_sid: string | null;
    updated_at: Generated<Timestamp>;
    user_id: string | null;
  }

  export type SmsOutboundJob = Selectable<SmsOutboundJobTable>;
  export type NewSmsOutboundJob = Insertable<SmsOutboundJobTable>;
  export type SmsOutboundJobUpdate = Updateable<SmsOutboundJobTable>;

  export interface StripeCustomerTable {
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    stripe_customer_id: string;
    updated_at: Generated<Timestamp>;
    user_id: string;
  }

  export type StripeCustomer = Selectable<StripeCustomerTable>;
  export type NewStripeCustomer = Insertable<StripeCustomerTable>;
  export type StripeCustomerUpdate = Updateable<StripeCustomerTable>;

  export interface StripeEventTable {
    event_type: string;
    id: Generated<string>;
    payload: Json;
    processed_at: Timestamp | null;
    processing_error: string | null;
    received_at: Generated<Timestamp>;
    stripe_event_id: string;
  }

  export type StripeEvent = Selectable<StripeEventTable>;
  export type NewStripeEvent = Insertable<StripeEventTable>;
  export type StripeEventUpdate = Updateable<StripeEventTable>;

  export interface SubscriptionTable {
    cancel_at_period_end: Generated<boolean>;
    created_at: Generated<Timestamp>;
    current_period_end: Timestamp | null;
    grace_until: Timestamp | null;
    id: Generated<string>;
    /**
     * When Stripe made that event: an older one that arrives later changes nothing.
     */
    last_stripe_event_at: Timestamp | null;
    last_stripe_event_id: string | null;
    state: Generated<SubscriptionState>;
    stripe_subscription_id: string | null;
    updated_at: Generated<Timestamp>;
    user_id: string;
  }

  export type Subscription = Selectable<SubscriptionTable>;
  export type NewSubscription = Insertable<SubscriptionTable>;
  export type SubscriptionUpdate = Updateable<SubscriptionTable>;

  export interface UserBlockTable {
    blocked_user_id: string;
    blocker_user_id: string;
    created_at: Generated<Timestamp>;
    id: Generated<string>;
  }

  export type UserBlock = Selectable<UserBlockTable>;
  export type NewUserBlock = Insertable<UserBlockTable>;
  export type UserBlockUpdate = Updateable<UserBlockTable>;

  export interface UserTable {
    age_consent: boolean;
    birthday: Timestamp;
    created_at: Generated<Timestamp>;
    deleted_at: Timestamp | null;
    /**
     * Compared without regard to case wherever it is compared.
     */
    email: string | null;
    first_name: string;
    id: Generated<string>;
    last_name: string;
    phone_e164: string;
    /**
     * phone_hash(e164, pepper): a stable key for logs and safety work. The pepper is in no table.
     */
    phone_hash: string;
    privacy_consent: boolean;
    region_id: string | null;
    sms_consent: boolean;
    state: Generated<UserState>;
    suspended_at: Timestamp | null;
    terms_consent: boolean;
    updated_at: Generated<Timestamp>;
  }

  export type User = Selectable<UserTable>;
  export type NewUser = Insertable<UserTable>;
  export type UserUpdate = Updateable<UserTable>;

  export interface UserStrikeTable {
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    points: number;
    reason: string | null;
    strike_type: string;
    user_id: string;
    window_end: Timestamp;
    window_start: Timestamp;
  }

  export type UserStrike = Selectable<UserStrikeTable>;
  export type NewUserStrike = Insertable<UserStrikeTable>;
  export type UserStrikeUpdate = Updateable<UserStrikeTable>;

  export interface Database {
    activity_catalogue: ActivityCatalogueTable;
    admin_audit_log: AdminAuditLogTable;
    admin_users: AdminUserTable;
    auth_user_map: AuthUserMapTable;
    contact_exchange_choices: ContactExchangeChoiceTable;
    contact_exchanges: ContactExchangeTable;
    conversation_sessions: ConversationSessionTable;
    domain_events: DomainEventTable;
    entitlements: EntitlementTable;
    linkup_invites: LinkupInviteTable;
    linkup_outcomes: LinkupOutcomeTable;
    linkup_participants: LinkupParticipantTable;
    linkup_reminders: LinkupReminderTable;
    linkups: LinkupTable;
    magic_links: MagicLinkTable;
    message_events: MessageEventTable;
    otp_sessions: OtpSessionTable;
    profile_events: ProfileEventTable;
    profiles: ProfileTable;
    region_memberships: RegionMembershipTable;
    regions: RegionTable;
    safety_holds: SafetyHoldTable;
    safety_incidents: SafetyIncidentTable;
    safety_reports: SafetyReportTable;
    sms_messages: SmsMessageTable;
    sms_outbound_jobs: SmsOutboundJobTable;
    stripe_customers: StripeCustomerTable;
    stripe_events: StripeEventTable;
    subscriptions: SubscriptionTable;
    user_blocks: UserBlockTable;
    user_strikes: UserStrikeTable;
    users: UserTable;
  }
}

export namespace spaces {
  export interface ActiveSanctionTable {
    expires_at: Timestamp | null;
    id: string | null;
    profile_id: string | null;
    space_id: string | null;
    target_id: string | null;
    target_type: string | null;
    type: string | null;
  }

  export type ActiveSanction = Selectable<ActiveSanctionTable>;
  export type NewActiveSanction = Insertable<ActiveSanctionTable>;
  export type ActiveSanctionUpdate = Updateable<ActiveSanctionTable>;

  export interface AnswerTable {
    /**
     * The reputation that its acceptance gave, and that taking the acceptance back takes; NULL: none was given yet.
     */
    accepted_points: number | null;
    /**
     * Who wrote it; NULL once that person is deleted.
     */
    author_id: string | null;
    /**
     * Not blank, at most 100,000 characters.
     */
    body: string;
    /**
     * Published comments on the answer; kept by the counter engine, app roles cannot write it.
     */
    comment_count: Generated<number>;
    created_at: Generated<Timestamp>;
    /**
     * When it can be read again although it was quarantined or removed; NULL: not by itself. Follows the sanctions.
     */
    hidden_until: Timestamp | null;
    id: Generated<string>;
    /**
     * Whether it is its question's accepted_answer_id; kept by trigger.
     */
    is_accepted: Generated<boolean>;
    question_id: string;
    /**
     * Up-votes minus down-votes; kept by the counter engine, app roles cannot write it.
     */
    score: Generated<number>;
    space_id: string;
    /**
     * published; held, quarantined or removed by moderation: for the author and moderators; deleted by its author: for moderators. Written by functions.
     */
    state: Generated<"published" | "held" | "quarantined" | "removed" | "deleted">;
    updated_at: Generated<Timestamp>;
  }

  export type Answer = Selectable<AnswerTable>;
  export type NewAnswer = Insertable<AnswerTable>;
  export type AnswerUpdate = Updateable<AnswerTable>;

  export interface AssignmentTable {
    created_at: Generated<Timestamp>;
    description: Generated<string>;
    /**
     * What is handed in later is marked late; NULL: at any time.
     */
    due_at: Timestamp | null;
    id: Generated<string>;
    rubric: Generated<Json>;
    title: string;
    updated_at: Generated<Timestamp>;
    workshop_id: string;
  }

  export type Assignment = Selectable<AssignmentTable>;
  export type NewAssignment = Insertable<AssignmentTable>;
  export type AssignmentUpdate = Updateable<AssignmentTable>;

  export interface AssignmentSubmissionTable {
    assignment_id: string;
    feedback: string | null;
    /**
     * Percent; given by grade_submission.
     */
    grade: Numeric | null;
    id: Generated<string>;
    /**
     * Whether it came after due_at; told by the database.
     */
    is_late: Generated<boolean>;
    /**
     * NULL 24 months after it was handed in; then link and feedback are gone, too.
     */
    profile_id: string | null;
    reviewed_at: Timestamp | null;
    status: Generated<"submitted" | "graded">;
    submission_url: string | null;
    submitted_at: Generated<Timestamp>;
  }

  export type AssignmentSubmission = Selectable<AssignmentSubmissionTable>;
  export type NewAssignmentSubmission = Insertable<AssignmentSubmissionTable>;
  export type AssignmentSubmissionUpdate = Updateable<AssignmentSubmissionTable>;

  export interface AuditLogTable {
    action: "insert" | "update" | "delete" | "truncate";
    /**
     * Who did it; NULL where nobody was signed in, and once that person is erased.
     */
    actor_id: string | null;
    /**
     * staff, owner, moderator or member; another signed-in person is authenticated. Where nobody was signed in: the database role.
     */
    actor_role: string;
    created_at: Generated<Timestamp>;
    /**
     * The row that was changed, by its id, or by the person, post or tag that it belongs to; NULL once that person is erased.
     */
    entity_id: string | null;
    entity_type: string;
    id: Generated<string>;
    /**
     * {"old": …, "new": …}: the columns that changed; of a row that came or went all of them. Times are in UTC. NULL once a person in it is erased.
     */
    metadata: Json | null;
    /**
     * The space that it concerns, also once it is deleted; NULL: the whole site.
     */
    space_id: string | null;
  }

  export type AuditLog = Selectable<AuditLogTable>;
  export type NewAuditLog = Insertable<AuditLogTable>;
  export type AuditLogUpdate = Updateable<AuditLogTable>;

  export interface AutomodRuleTable {
    /**
     * The fields of the type, and for each action (refuse or hold), message (what the author reads) and content (a list of post, answer, comment).
     */
    config: Generated<Json>;
    created_at: Generated<Timestamp>;
    enabled: Generated<boolean>;
    id: Generated<string>;
    /**
     * rate_limit: more than count within seconds; first_post: before count are published; banned_domain: a link to one of domains; trust_score: reputation below minimum.
     */
    rule_type: "rate_limit" | "first_post" | "banned_domain" | "trust_score";
    space_id: string;
    updated_at: Generated<Timestamp>;
  }

  export type AutomodRule = Selectable<AutomodRuleTable>;
  export type NewAutomodRule = Insertable<AutomodRuleTable>;
  export type AutomodRuleUpdate = Updateable<AutomodRuleTable>;

  export interface BountyTable {
    amount: Numeric;
    closed_at: Timestamp | null;
    created_at: Generated<Timestamp>;
    currency: string;
    /**
     * What the ledger holds while there is a dispute. Follows the ledger.
     */
    dispute_balance: Generated<Numeric>;
    dispute_reason: string | null;
    dispute_status: Generated<string>;
    /**
     * What the ledger has in escrow. Follows the ledger.
     */
    escrow_balance: Generated<Numeric>;
    expires_at: Timestamp;
    id: Generated<string>;
    /**
     * To whom it was released; NULL once that person is deleted.
     */
    recipient_id: string | null;
    /**
     * The target's space, by trigger; no foreign key, so that it outlives the space.
     */
    space_id: string | null;
    /**
     * Who put it up; NULL once that person is deleted.
     */
    sponsor_id: string | null;
    /**
     * The type of the last transaction; pending before the first, cancelled where there will be none. Follows the ledger.
     */
    status: Generated<"pending" | "cancelled" | "funded" | "disputed" | "released" | "refunded">;
    target_id: string;
    target_type: "question" | "post" | "event" | "workshop";
    updated_at: Generated<Timestamp>;
  }

  export type Bounty = Selectable<BountyTable>;
  export type NewBounty = Insertable<BountyTable>;
  export type BountyUpdate = Updateable<BountyTable>;

  export interface BountyTransactionTable {
    amount: Numeric;
    bounty_id: string;
    currency: string;
    from_account: string;
    id: Generated<string>;
    /**
     * Which of its bounty's, from 1, without gaps; by trigger.
     */
    number: number;
    processed_at: Generated<Timestamp>;
    reason: string | null;
    /**
     * Who got it. No foreign key: what was paid to whom outlives the account.
     */
    recipient_id: string | null;
    /**
     * Where it comes from: the payment that funded it, or what happened to which bounty. Once.
     */
    reference: string;
    to_account: string;
    transaction_type: string;
  }

  export type BountyTransaction = Selectable<BountyTransactionTable>;
  export type NewBountyTransaction = Insertable<BountyTransactionTable>;
  export type BountyTransactionUpdate = Updateable<BountyTransactionTable>;

  export interface CommentTable {
    /**
     * The answer commented on; NULL: the post itself. As its parent's.
     */
    answer_id: string | null;
    /**
     * Who wrote it; NULL once that person is deleted.
     */
    author_id: string | null;
    /**
     * Not blank, at most 10,000 characters; <@id> mentions a person.
     */
    body: string;
    created_at: Generated<Timestamp>;
    /**
     * When it can be read again although it was quarantined or removed; NULL: not by itself. Follows the sanctions.
     */
    hidden_until: Timestamp | null;
    id: Generated<string>;
    /**
     * The people that body mentions and that may read the space, at most 50; set by the database.
     */
    mentions: Generated<string[]>;
    /**
     * The comment this one answers; NULL: it begins a thread.
     */
    parent_id: string | null;
    /**
     * The ids from the root to the comment; in its order threads stand one after the other, each answer below what it answers, both by time. Set by the database.
     */
    path: string;
    post_id: string;
    space_id: string;
    /**
     * published; held, quarantined or removed by moderation: for the author and moderators; deleted by its author: for moderators. comment_thread shows a tombstone above its answers. Written by functions.
     */
    state: Generated<"published" | "held" | "quarantined" | "removed" | "deleted">;
    /**
     * The comment that began the thread; set by the database.
     */
    thread_root_id: string;
    updated_at: Generated<Timestamp>;
  }

  export type Comment = Selectable<CommentTable>;
  export type NewComment = Insertable<CommentTable>;
  export type CommentUpdate = Updateable<CommentTable>;

  export interface DirectMessageMessageTable {
    attachments: Generated<Json>;
    /**
     * At most 10,000 characters; blank only with an attachment.
     */
    body: Generated<string>;
    created_at: Generated<Timestamp>;
    deleted_at: Timestamp | null;
    id: Generated<string>;
    /**
     * When the recipient read it.
     */
    read_at: Timestamp | null;
    sender_id: string;
    /**
     * sent, or deleted: a tombstone, which leaves 12 months after deleted_at.
     */
    status: Generated<string>;
    thread_id: string;
  }

  export type DirectMessageMessage = Selectable<DirectMessageMessageTable>;
  export type NewDirectMessageMessage = Insertable<DirectMessageMessageTable>;
  export type DirectMessageMessageUpdate = Updateable<DirectMessageMessageTable>;

  export interface DirectMessageTable {
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    /**
     * Since when the initiator takes no messages from the recipient. Nobody is shown who blocked.
     */
    initiator_blocked_at: Timestamp | null;
    /**
     * Who began it.
     */
    initiator_id: string;
    last_message_at: Timestamp | null;
    /**
     * Since when the recipient takes no messages from the initiator. Nobody is shown who blocked.
     */
    recipient_blocked_at: Timestamp | null;
    recipient_id: string;
    /**
     * blocked while either blocks the other: then nobody writes in it.
     */
    status: Generated<string>;
  }

  export type DirectMessage = Selectable<DirectMessageTable>;
  export type NewDirectMessage = Insertable<DirectMessageTable>;
  export type DirectMessageUpdate = Updateable<DirectMessageTable>;

  export interface DonationTable {
    amount: Numeric;
    /**
     * When a worker may be given the donation of a pledge again, because the one that had it is taken for dead.
     */
    available_at: Timestamp | null;
    /**
     * What the donor pays: amount, and the fee where donor_covers_fees. In a refund: what the donor gets back.
     */
    charged_amount: Generated<Numeric | null>;
    created_at: Generated<Timestamp>;
    currency: string;
    donor_covers_fees: Generated<boolean>;
    /**
     * The payment provider's id of the charge or the refund.
     */
    external_id: string | null;
    failure: string | null;
    /**
     * What the payment provider keeps: see donation_fee.
     */
    fee_amount: Generated<Numeric>;
    id: Generated<string>;
    idempotency_key: string | null;
    is_recurring: Generated<boolean>;
    period_start: Timestamp | null;
    pledge_id: string | null;
    /**
     * Who gave; NULL once that person is deleted.
     */
    profile_id: string | null;
    receipt_url: string | null;
    /**
     * What the target gets: amount, less the fee unless donor_covers_fees. In a refund: what the target gives back.
     */
    received_amount: Generated<Numeric | null>;
    refund_of: string | null;
    /**
     * What refunds that have not failed give back of charged_amount; kept by trigger.
     */
    refunded_amount: Generated<Numeric>;
    /**
     * When it was completed or failed; by trigger.
     */
    settled_at: Timestamp | null;
    /**
     * The target's space, by trigger; no foreign key, so that it outlives the space.
     */
    space_id: string | null;
    status: Generated<"pending" | "completed" | "failed">;
    target_id: string;
    target_type: "space" | "profile" | "post" | "event" | "workshop";
    updated_at: Generated<Timestamp>;
  }

  export type Donation = Selectable<DonationTable>;
  export type NewDonation = Insertable<DonationTable>;
  export type DonationUpdate = Updateable<DonationTable>;

  export interface EventCouponTable {
    /**
     * In any case of letters: SUMMER is summer.
     */
    code: string;
    created_at: Generated<Timestamp>;
    discount_type: "percent" | "amount";
    /**
     * Percent of the price, or an amount in the currency of the event.
     */
    discount_value: Numeric;
    event_id: string;
    expires_at: Timestamp | null;
    id: Generated<string>;
    max_redemptions: number | null;
    /**
     * The booked tickets it was used for, by the counter engine: with its CHECK the reason why max_redemptions is never exceeded. A cancelled ticket gives its use back.
     */
    redemptions: Generated<number>;
  }

  export type EventCoupon = Selectable<EventCouponTable>;
  export type NewEventCoupon = Insertable<EventCouponTable>;
  export type EventCouponUpdate = Updateable<EventCouponTable>;

  export interface EventTable {
    accessibility_notes: string | null;
    /**
     * How many places there are; NULL: any number. It does not fall below those that are taken.
     */
    capacity: number | null;
    created_at: Generated<Timestamp>;
    currency: string | null;
    description: Generated<string>;
    end_at: Timestamp;
    id: Generated<string>;
    location: string | null;
    /**
     * For who holds a ticket and the moderators: see event_links. So is recording_url.
     */
    meeting_link: string | null;
    /**
     * The tickets that are booked or kept for somebody, by the counter engine: with its CHECK the reason why no event is overbooked.
     */
    places_taken: Generated<number>;
    price: Generated<Numeric>;
    recording_url: string | null;
    space_id: string;
    start_at: Timestamp;
    status: Generated<"draft" | "published" | "completed" | "cancelled">;
    /**
     * The zone that its times are shown in, by its IANA name: Europe/Berlin, UTC.
     */
    timezone: Generated<string>;
    title: string;
    updated_at: Generated<Timestamp>;
    venue: string | null;
  }

  export type Event = Selectable<EventTable>;
  export type NewEvent = Insertable<EventTable>;
  export type EventUpdate = Updateable<EventTable>;

  export interface EventTicketTable {
    /**
     * Set by check_in, or by a moderator for whoever came without it.
     */
    attended: Generated<boolean>;
    checked_in_at: Timestamp | null;
    coupon_id: string | null;
    created_at: Generated<Timestamp>;
    currency: string | null;
    /**
     * When the event ends, told by the database: attendance is kept for 24 months from then.
     */
    event_end_at: Timestamp;
    event_id: string;
    id: Generated<string>;
    /**
     * What was to be paid when it was booked, after the coupon; it is charged by the application.
     */
    price: Numeric;
    /**
     * NULL once the person is deleted, or 24 months after the event.
     */
    profile_id: string | null;
    /**
     * 244 random bits, which open the door once; see check_in.
     */
    qr_code: Generated<string | null>;
    reserved_until: Timestamp | null;
    status: Generated<"reserved" | "booked" | "cancelled">;
    /**
     * What kind of place it is; given by the moderators, since who books would pick the best.
     */
    ticket_type: Generated<string>;
    updated_at: Generated<Timestamp>;
  }

  export type EventTicket = Selectable<EventTicketTable>;
  export type NewEventTicket = Insertable<EventTicketTable>;
  export type EventTicketUpdate = Updateable<EventTicketTable>;

  export interface EventWaitlistTable {
    created_at: Generated<Timestamp>;
    event_id: string;
    id: Generated<string>;
    /**
     * When the person was told of a place.
     */
    notified_at: Timestamp | null;
    profile_id: string;
    status: Generated<"waiting" | "offered" | "accepted" | "expired" | "left" | "closed">;
  }

  export type EventWaitlist = Selectable<EventWaitlistTable>;
  export type NewEventWaitlist = Insertable<EventWaitlistTable>;
  export type EventWaitlistUpdate = Updateable<EventWaitlistTable>;

  export interface FeatureFlagAuditTable {
    /**
     * Who changed it; NULL where nobody was signed in.
     */
    actor_id: string | null;
    change_type: "added" | "changed" | "removed";
    created_at: Generated<Timestamp>;
    flag_key: string;
    id: Generated<string>;
    /**
     * The value before and after: {"from": …, "to": …}.
     */
    payload: Json;
    space_id: string | null;
  }

  export type FeatureFlagAudit = Selectable<FeatureFlagAuditTable>;
  export type NewFeatureFlagAudit = Insertable<FeatureFlagAuditTable>;
  export type FeatureFlagAuditUpdate = Updateable<FeatureFlagAuditTable>;

  export interface KeyRotationTable {
    /**
     * When no row under an older key was left.
     */
    finished_at: Timestamp | null;
    key_version: number;
    /**
     * The id after which the next chunk begins; NULL: at the beginning.
     */
    resume_token: string | null;
    /**
     * How many were encrypted anew.
     */
    rows: Generated<Int8>;
    started_at: Generated<Timestamp>;
    table_name: "payment_methods" | "payout_accounts";
    updated_at: Generated<Timestamp>;
  }

  export type KeyRotation = Selectable<KeyRotationTable>;
  export type NewKeyRotation = Insertable<KeyRotationTable>;
  export type KeyRotationUpdate = Updateable<KeyRotationTable>;

  export interface MaterialTable {
    created_at: Generated<Timestamp>;
    description: Generated<string>;
    id: Generated<string>;
    /**
     * What it belongs to, and goes with.
     */
    owner_id: string;
    owner_type: "space" | "workshop" | "session" | "assignment" | "event";
    /**
     * The space of what it belongs to; told by the database.
     */
    space_id: string;
    /**
     * A path in the file store, or an address; the database does not look into it.
     */
    storage_path: string;
    title: string;
    updated_at: Generated<Timestamp>;
    visibility: Generated<"public" | "members" | "enrolled">;
    /**
     * The workshop of what it belongs to, if any; told by the database.
     */
    workshop_id: string | null;
  }

  export type Material = Selectable<MaterialTable>;
  export type NewMaterial = Insertable<MaterialTable>;
  export type MaterialUpdate = Updateable<MaterialTable>;

  export interface NotificationPreferenceTable {
    channel: "in_app" | "email" | "push";
    /**
     * The type of the notifications, such as comment.reply.
     */
    content_type: string;
    id: Generated<string>;
    preference: "on" | "off";
    profile_id: string;
    /**
     * NULL: everywhere.
     */
    space_id: string | null;
    updated_at: Generated<Timestamp>;
  }

  export type NotificationPreference = Selectable<NotificationPreferenceTable>;
  export type NewNotificationPreference = Insertable<NotificationPreferenceTable>;
  export type NotificationPreferenceUpdate = Updateable<NotificationPreferenceTable>;

  export interface NotificationTable {
    channel: Generated<"in_app" | "email" | "push">;
    created_at: Generated<Timestamp>;
    /**
     * Of email and push: pending until a worker of the service has sent it.
     */
    delivery_status: Generated<"pending" | "delivered" | "failed">;
    /**
     * When it went into a digest.
     */
    digested_at: Timestamp | null;
    id: Generated<string>;
    /**
     * Which rows it is about, by id: what they say is read where they are, by whoever may still read it.
     */
    payload: Generated<Json>;
    profile_id: string;
    read_at: Timestamp | null;
    space_id: string | null;
    type: string;
  }

  export type Notification = Selectable<NotificationTable>;
  export type NewNotification = Insertable<NotificationTable>;
  export type NotificationUpdate = Updateable<NotificationTable>;

  export interface OwnMembershipTable {
    role: string | null;
    space_id: string | null;
  }

  export type OwnMembership = Selectable<OwnMembershipTable>;
  export type NewOwnMembership = Insertable<OwnMembershipTable>;
  export type OwnMembershipUpdate = Updateable<OwnMembershipTable>;

  export interface PaymentMethodTable {
    created_at: Generated<Timestamp>;
    /**
     * When pii_ciphertext was written; kept by trigger.
     */
    encrypted_at: Timestamp | null;
    expires_at: Timestamp | null;
    /**
     * The provider's token. Not read by app roles.
     */
    external_id: string;
    id: Generated<string>;
    key_version: Generated<number>;
    last4: string | null;
    /**
     * What is personal, encrypted by the application under key_version, with pii_iv and pii_tag; not read by app roles.
     */
    pii_ciphertext: Buffer | null;
    pii_iv: Buffer | null;
    pii_tag: Buffer | null;
    profile_id: string;
    provider: string;
    status: Generated<"active" | "expired" | "removed">;
    updated_at: Generated<Timestamp>;
  }

  export type PaymentMethod = Selectable<PaymentMethodTable>;
  export type NewPaymentMethod = Insertable<PaymentMethodTable>;
  export type PaymentMethodUpdate = Updateable<PaymentMethodTable>;

  export interface PayoutAccountTable {
    created_at: Generated<Timestamp>;
    /**
     * When pii_ciphertext was written; kept by trigger.
     */
    encrypted_at: Timestamp | null;
    external_account_id: string;
    id: Generated<string>;
    key_version: Generated<number>;
    /**
     * What the provider says of the check: references and dates, nothing personal. Not read by app roles.
     */
    kyc_metadata: Generated<Json>;
    kyc_status: Generated<"pending" | "verified" | "rejected">;
    /**
     * What is personal, encrypted by the application under key_version, with pii_iv and pii_tag; not read by app roles.
     */
    pii_ciphertext: Buffer | null;
    pii_iv: Buffer | null;
    pii_tag: Buffer | null;
    /**
     * Whose; NULL once that person is deleted, with which the account is closed and what is personal in it goes.
     */
    profile_id: string | null;
    provider: string;
    status: Generated<"active" | "disabled" | "closed">;
    updated_at: Generated<Timestamp>;
  }

  export type PayoutAccount = Selectable<PayoutAccountTable>;
  export type NewPayoutAccount = Insertable<PayoutAccountTable>;
  export type PayoutAccountUpdate = Updateable<PayoutAccountTable>;

  export interface PayoutJobTable {
    amount: Numeric;
    /**
     * Claims so far; the number of a claim is never given again.
     */
    attempts: Generated<number>;
    /**
     * When a worker may claim the job again: after the back-off, or when the worker that has it is taken for dead.
     */
    available_at: Generated<Timestamp>;
    created_at: Generated<Timestamp>;
    currency: string;
    /**
     * Those before it was last queued again by retry_payout_job.
     */
    earlier_attempts: Generated<number>;
    /**
     * The payment provider's id of the payment.
     */
    external_id: string | null;
    id: Generated<string>;
    idempotency_key: string;
    last_error: string | null;
    payout_account_id: string;
    processed_at: Timestamp | null;
    scheduled_for: Generated<Timestamp>;
    /**
     * queued; processing: a worker has it; paid; dead: it failed too often, until retry_payout_job.
     */
    status: Generated<"queued" | "processing" | "paid" | "dead">;
    updated_at: Generated<Timestamp>;
  }

  export type PayoutJob = Selectable<PayoutJobTable>;
  export type NewPayoutJob = Insertable<PayoutJobTable>;
  export type PayoutJobUpdate = Updateable<PayoutJobTable>;

  export interface PledgeTable {
    amount: Numeric;
    cancelled_at: Timestamp | null;
    created_at: Generated<Timestamp>;
    currency: string;
    donor_covers_fees: Generated<boolean>;
    id: Generated<string>;
    interval: "week" | "month" | "quarter" | "year";
    /**
     * When that period begins, by trigger; NULL where nothing will be charged.
     */
    next_charge_at: Timestamp | null;
    payment_method_id: string | null;
    /**
     * The number of the next period to be charged.
     */
    period: Generated<number>;
    /**
     * Who promised; NULL once that person is deleted, with which the pledge is cancelled.
     */
    profile_id: string | null;
    /**
     * The target's space, by trigger; no foreign key, so that it outlives the space.
     */
    space_id: string | null;
    /**
     * When period 0 begins, and the day of the month on which the others begin.
     */
    starts_at: Generated<Timestamp>;
    status: Generated<"active" | "paused" | "cancelled">;
    target_id: string;
    target_type: "space" | "profile" | "post" | "event" | "workshop";
    updated_at: Generated<Timestamp>;
  }

  export type Pledge = Selectable<PledgeTable>;
  export type NewPledge = Insertable<PledgeTable>;
  export type PledgeUpdate = Updateable<PledgeTable>;

  export interface PostTable {
    /**
     * Who wrote it; NULL once that person is deleted.
     */
    author_id: string | null;
    /**
     * The text, at most 100,000 characters.
     */
    body: Generated<string>;
    /**
     * Published comments on the post itself; kept by the counter engine, app roles cannot write it.
     */
    comment_count: Generated<number>;
    /**
     * The editor's structure, an object; the sections of a template are its keys.
     */
    content: Generated<Json>;
    created_at: Generated<Timestamp>;
    /**
     * When it can be read again although it was quarantined or removed; NULL: not by itself. Follows the sanctions.
     */
    hidden_until: Timestamp | null;
    id: Generated<string>;
    post_type: Generated<"post" | "question">;
    /**
     * Up-votes minus down-votes; kept by the counter engine, app roles cannot write it.
     */
    score: Generated<number>;
    space_id: string;
    /**
     * published; held, quarantined or removed by moderation: for the author and moderators; deleted by its author: for moderators. Written by functions.
     */
    state: Generated<"published" | "held" | "quarantined" | "removed" | "deleted">;
    /**
     * The template it was written by, whose required sections content has; NULL: none.
     */
    template_id: string | null;
    title: string;
    updated_at: Generated<Timestamp>;
  }

  export type Post = Selectable<PostTable>;
  export type NewPost = Insertable<PostTable>;
  export type PostUpdate = Updateable<PostTable>;

  export interface PostTagTable {
    post_id: string;
    /**
     * The space of both; left out, the post's.
     */
    space_id: string;
    /**
     * Never a synonym: what is tagged with one gets its tag.
     */
    tag_id: string;
  }

  export type PostTag = Selectable<PostTagTable>;
  export type NewPostTag = Insertable<PostTagTable>;
  export type PostTagUpdate = Updateable<PostTagTable>;

  export interface PostTemplateTable {
    body: Generated<string>;
    /**
     * The form's fields, and required: the keys of the sections that a post's content must fill in, {"required": ["steps"]}.
     */
    config: Generated<Json>;
    /**
     * The post_type of the posts that it is for.
     */
    content_type: Generated<"post" | "question">;
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    space_id: string;
    title: string;
    updated_at: Generated<Timestamp>;
  }

  export type PostTemplate = Selectable<PostTemplateTable>;
  export type NewPostTemplate = Insertable<PostTemplateTable>;
  export type PostTemplateUpdate = Updateable<PostTemplateTable>;

  export interface PostVersionTable {
    /**
     * The post's content then.
     */
    content: Json;
    created_at: Generated<Timestamp>;
    /**
     * Who wrote this version; NULL once that person is deleted, or where nobody was signed in.
     */
    created_by: string | null;
    id: Generated<string>;
    /**
     * The rest of what it said: {"title": …, "body": …, "template_id": …}.
     */
    metadata: Json;
    post_id: string;
    /**
     * From 1, without gaps.
     */
    version_number: number;
  }

  export type PostVersion = Selectable<PostVersionTable>;
  export type NewPostVersion = Insertable<PostVersionTable>;
  export type PostVersionUpdate = Updateable<PostVersionTable>;

  export interface PrivilegeThresholdTable {
    /**
     * vote_down; create_tag; edit: others' posts; suggest_synonym: of a tag; close: and reopen questions.
     */
    action: "vote_down" | "create_tag" | "edit" | "suggest_synonym" | "close";
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    /**
     * Compared with what the reputation has faded to, in whole points.
     */
    required_points: number;
    space_id: string;
  }

  export type PrivilegeThreshold = Selectable<PrivilegeThresholdTable>;
  export type NewPrivilegeThreshold = Insertable<PrivilegeThresholdTable>;
  export type PrivilegeThresholdUpdate = Updateable<PrivilegeThresholdTable>;

  export interface ProfileTable {
    created_at: Generated<Timestamp | null>;
    display_name: string | null;
    /**
     * The user, as in auth.users.
     */
    id: string;
  }

  export type Profile = Selectable<ProfileTable>;
  export type NewProfile = Insertable<ProfileTable>;
  export type ProfileUpdate = Updateable<ProfileTable>;

  export interface QuestionTable {
    /**
     * One of its own answers; written by accept_answer and unaccept_answer.
     */
    accepted_answer_id: string | null;
    /**
     * Published answers; kept by the counter engine, app roles cannot write it.
     */
    answer_count: Generated<number>;
    /**
     * What is held in escrow for a good answer, in bounty_currency; written by the functions of bounties.
     */
    bounty_amount: Numeric | null;
    bounty_currency: string | null;
    bounty_expires_at: Timestamp | null;
    close_reason: string | null;
    /**
     * Since when it takes no answers; NULL: it does. Written by close_question and reopen_question.
     */
    closed_at: Timestamp | null;
    closed_by: string | null;
    post_id: string;
    /**
     * Always question; with post_id it refers to a post of that type.
     */
    post_type: Generated<string>;
    space_id: string;
  }

  export type Question = Selectable<QuestionTable>;
  export type NewQuestion = Insertable<QuestionTable>;
  export type QuestionUpdate = Updateable<QuestionTable>;

  export interface ReportTable {
    /**
     * Made by automod, which holds what it is about until the report is resolved.
     */
    automatic: Generated<boolean>;
    created_at: Generated<Timestamp>;
    handled_at: Timestamp | null;
    handled_by: string | null;
    id: Generated<string>;
    reason: string;
    /**
     * Whose it is, set by the database.
     */
    reported_id: string | null;
    /**
     * NULL once that person is deleted, and where automod reports.
     */
    reporter_id: string | null;
    resolution_notes: string | null;
    /**
     * Where it is, set by the database; NULL: a direct message, which is for staff of the site.
     */
    space_id: string | null;
    /**
     * claimed: a moderator looks at it; upheld: there was something in it; dismissed: there was not.
     */
    status: Generated<"open" | "claimed" | "upheld" | "dismissed">;
    target_id: string;
    target_type: "post" | "answer" | "comment" | "message";
  }

  export type Report = Selectable<ReportTable>;
  export type NewReport = Insertable<ReportTable>;
  export type ReportUpdate = Updateable<ReportTable>;

  export interface ReputationAggregateTable {
    /**
     * The reputation as of last_decay_at, each event halved for every half-life since. As of now: reputation().
     */
    decayed_points: Generated<number>;
    /**
     * The sum of the person's reputation_events; kept by the counter engine.
     */
    event_points: Generated<Int8>;
    last_decay_at: Generated<Timestamp>;
    /**
     * The sum of the person's reputation_months; kept by the counter engine.
     */
    month_points: Generated<Int8>;
    profile_id: string;
    space_id: string;
    /**
     * All that was ever earned less what was lost, without decay.
     */
    total_points: Generated<Int8>;
  }

  export type ReputationAggregate = Selectable<ReputationAggregateTable>;
  export type NewReputationAggregate = Insertable<ReputationAggregateTable>;
  export type ReputationAggregateUpdate = Updateable<ReputationAggregateTable>;

  export interface ReputationEventTable {
    created_at: Generated<Timestamp>;
    /**
     * up_vote, down_vote, vote_withdrawn, answer_accepted, answer_unaccepted, badge, or a word of the application's.
     */
    event_type: string;
    id: Generated<string>;
    metadata: Generated<Json>;
    points: number;
    profile_id: string;
    space_id: string;
  }

  export type ReputationEvent = Selectable<ReputationEventTable>;
  export type NewReputationEvent = Insertable<ReputationEventTable>;
  export type ReputationEventUpdate = Updateable<ReputationEventTable>;

  export interface ReputationMonthTable {
    event_type: string;
    events: Int8;
    /**
     * Its first day, in UTC.
     */
    month: Timestamp;
    points: Int8;
    profile_id: string;
    space_id: string;
  }

  export type ReputationMonth = Selectable<ReputationMonthTable>;
  export type NewReputationMonth = Insertable<ReputationMonthTable>;
  export type ReputationMonthUpdate = Updateable<ReputationMonthTable>;

  export interface SanctionTable {
    /**
     * What the person says against it, once.
     */
    appeal: string | null;
    appealed_at: Timestamp | null;
    created_at: Generated<Timestamp>;
    created_by: string | null;
    ended_at: Timestamp | null;
    ended_by: string | null;
    /**
     * When it ends by itself; NULL: never.
     */
    expires_at: Timestamp | null;
    id: Generated<string>;
    /**
     * Whom it is against; NULL once that person is deleted.
     */
    profile_id: string | null;
    reason: string;
    /**
     * Where it holds; NULL: on the whole site.
     */
    space_id: string | null;
    /**
     * An appealed sanction holds until it is reversed; an appeal that is turned down leaves it active. expired follows expires_at when expire_sanctions runs.
     */
    status: Generated<"active" | "appealed" | "reversed" | "expired">;
    target_id: string | null;
    target_type: string | null;
    type: "removal" | "quarantine" | "shadow_ban" | "space_ban" | "site_ban";
  }

  export type Sanction = Selectable<SanctionTable>;
  export type NewSanction = Insertable<SanctionTable>;
  export type SanctionUpdate = Updateable<SanctionTable>;

  export interface ShadowBanTable {
    author_id: string | null;
    space_id: string | null;
  }

  export type ShadowBan = Selectable<ShadowBanTable>;
  export type NewShadowBan = Insertable<ShadowBanTable>;
  export type ShadowBanUpdate = Updateable<ShadowBanTable>;

  export interface SpaceMemberTable {
    /**
     * When a ban ends, from which moment on the person is an active member again; NULL: no end. Follows the sanctions.
     */
    banned_until: Timestamp | null;
    invited_by: string | null;
    joined_at: Generated<Timestamp>;
    last_active_at: Timestamp | null;
    profile_id: string;
    role: Generated<"owner" | "moderator" | "member">;
    space_id: string;
    status: Generated<"pending" | "active" | "banned">;
  }

  export type SpaceMember = Selectable<SpaceMemberTable>;
  export type NewSpaceMember = Insertable<SpaceMemberTable>;
  export type SpaceMemberUpdate = Updateable<SpaceMemberTable>;

  export interface SpaceRuleTable {
    id: Generated<string>;
    /**
     * Its place among those of its type, from 1.
     */
    position: number;
    space_id: string;
    type: "rule" | "flair" | "template" | "automod";
    /**
     * What it says, as the application shows it.
     */
    value: Json;
  }

  export type SpaceRule = Selectable<SpaceRuleTable>;
  export type NewSpaceRule = Insertable<SpaceRuleTable>;
  export type SpaceRuleUpdate = Updateable<SpaceRuleTable>;

  export interface SpaceTable {
    created_at: Generated<Timestamp>;
    /**
     * The founder, who became its first owner; NULL once that person is deleted.
     */
    created_by: string | null;
    description: Generated<string>;
    /**
     * Flags that are on or off; each change is in feature_flag_audit.
     */
    feature_flags: Generated<Json>;
    id: Generated<string>;
    name: string;
    rules: Generated<string>;
    /**
     * Its name in an address: lower-case letters and digits, single hyphens between, at most 60 characters.
     */
    slug: string;
    updated_at: Generated<Timestamp>;
    visibility: Generated<"public" | "restricted" | "private">;
  }

  export type Space = Selectable<SpaceTable>;
  export type NewSpace = Insertable<SpaceTable>;
  export type SpaceUpdate = Updateable<SpaceTable>;

  export interface TagTable {
    created_at: Generated<Timestamp>;
    description: Generated<string>;
    id: Generated<string>;
    /**
     * Lower case, without white space, at most 60 characters.
     */
    name: string;
    /**
     * How many posts have it; kept by the counter engine, app roles cannot write it.
     */
    post_count: Generated<number>;
    space_id: string;
  }

  export type Tag = Selectable<TagTable>;
  export type NewTag = Insertable<TagTable>;
  export type TagUpdate = Updateable<TagTable>;

  export interface TagSynonymTable {
    created_at: Generated<Timestamp>;
    created_by: string | null;
    id: Generated<string>;
    space_id: string;
    status: Generated<"proposed" | "approved" | "rejected">;
    /**
     * The tag that is read as tag_id.
     */
    synonym_tag_id: string;
    /**
     * The tag that is meant.
     */
    tag_id: string;
  }

  export type TagSynonym = Selectable<TagSynonymTable>;
  export type NewTagSynonym = Insertable<TagSynonymTable>;
  export type TagSynonymUpdate = Updateable<TagSynonymTable>;

  export interface TopicPageTable {
    /**
     * Posts and events of the space, in order: [{"type": "post", "id": …}, {"type": "event", "id": …}].
     */
    featured_ids: Generated<Json>;
    hero_content: Generated<Json>;
    layout: Generated<Json>;
    space_id: string;
    tag_id: string;
    updated_at: Generated<Timestamp>;
  }

  export type TopicPage = Selectable<TopicPageTable>;
  export type NewTopicPage = Insertable<TopicPageTable>;
  export type TopicPageUpdate = Updateable<TopicPageTable>;

  export interface VoteTable {
    answer_id: string | null;
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    /**
     * The reputation that it gave the author, and that taking it back takes; NULL: none was given yet.
     */
    points: number | null;
    post_id: string | null;
    /**
     * Who voted; NULL for votes that were imported without their voters, and once the person is deleted.
     */
    profile_id: string | null;
    /**
     * The target's; left out, set by the database.
     */
    space_id: string;
    value: number;
  }

  export type Vote = Selectable<VoteTable>;
  export type NewVote = Insertable<VoteTable>;
  export type VoteUpdate = Updateable<VoteTable>;

  export interface WebhookDeliveryTable {
    attempts: Generated<number>;
    /**
     * When it may be claimed: after the back-off, or when the worker that has it is taken for dead.
     */
    available_at: Generated<Timestamp>;
    created_at: Generated<Timestamp>;
    event_type: string;
    id: Generated<string>;
    last_error: string | null;
    /**
     * What is sent; purged after 30 days.
     */
    payload: Json | null;
    response_code: number | null;
    sent_at: Timestamp | null;
    /**
     * sending: a worker has it; dead: given up after as many attempts as the setting spaces_webhook_attempts allows.
     */
    status: Generated<"pending" | "sending" | "delivered" | "dead">;
    webhook_id: string;
  }

  export type WebhookDelivery = Selectable<WebhookDeliveryTable>;
  export type NewWebhookDelivery = Insertable<WebhookDeliveryTable>;
  export type WebhookDeliveryUpdate = Updateable<WebhookDeliveryTable>;

  export interface WebhookTable {
    created_at: Generated<Timestamp>;
    /**
     * Which events it is told of, such as post.created; * is all.
     */
    event_types: Generated<string[]>;
    id: Generated<string>;
    last_delivery_at: Timestamp | null;
    /**
     * What signatures are made with, 32 to 256 bytes. No role but the owner of the table can read it.
     */
    secret: string;
    /**
     * NULL: a webhook of the site, which is told of everything.
     */
    space_id: string | null;
    /**
     * A paused webhook is told of nothing; what waits for it goes out once it is active again.
     */
    status: Generated<"active" | "paused">;
    target_url: string;
    updated_at: Generated<Timestamp>;
  }

  export type Webhook = Selectable<WebhookTable>;
  export type NewWebhook = Insertable<WebhookTable>;
  export type WebhookUpdate = Updateable<WebhookTable>;

  export interface WorkshopEnrollmentTable {
    completed_at: Timestamp | null;
    created_at: Generated<Timestamp>;
    /**
     * 1 to 5, from the person alone, once the workshop has begun.
     */
    feedback_score: number | null;
    id: Generated<string>;
    /**
     * NULL once the person is deleted, or 24 months after the row last changed.
     */
    profile_id: string | null;
    /**
     * Percent. 100 completes, less takes the completion back.
     */
    progress: Generated<number>;
    status: Generated<"enrolled" | "completed" | "dropped">;
    updated_at: Generated<Timestamp>;
    workshop_id: string;
  }

  export type WorkshopEnrollment = Selectable<WorkshopEnrollmentTable>;
  export type NewWorkshopEnrollment = Insertable<WorkshopEnrollmentTable>;
  export type WorkshopEnrollmentUpdate = Updateable<WorkshopEnrollmentTable>;

  export interface WorkshopTable {
    created_at: Generated<Timestamp>;
    /**
     * What is taught, a list in order.
     */
    curriculum: Generated<Json>;
    description: Generated<string>;
    id: Generated<string>;
    materials_url: string | null;
    prerequisites: Generated<string>;
    space_id: string;
    /**
     * draft, published, then completed or cancelled; see keep_lifecycle.
     */
    status: Generated<"draft" | "published" | "completed" | "cancelled">;
    title: string;
    updated_at: Generated<Timestamp>;
  }

  export type Workshop = Selectable<WorkshopTable>;
  export type NewWorkshop = Insertable<WorkshopTable>;
  export type WorkshopUpdate = Updateable<WorkshopTable>;

  export interface WorkshopSessionTable {
    created_at: Generated<Timestamp>;
    end_at: Timestamp;
    id: Generated<string>;
    location: string | null;
    /**
     * For the enrolled and the moderators: see workshop_links.
     */
    meeting_link: string | null;
    /**
     * Given by the database; when a session is deleted, the later ones move up.
     */
    session_number: number;
    start_at: Timestamp;
    updated_at: Generated<Timestamp>;
    workshop_id: string;
  }

  export type WorkshopSession = Selectable<WorkshopSessionTable>;
  export type NewWorkshopSession = Insertable<WorkshopSessionTable>;
  export type WorkshopSessionUpdate = Updateable<WorkshopSessionTable>;

  export interface Database {
    active_sanctions: ActiveSanctionTable;
    answers: AnswerTable;
    assignment_submissions: AssignmentSubmissionTable;
    assignments: AssignmentTable;
    audit_logs: AuditLogTable;
    automod_rules: AutomodRuleTable;
    bounties: BountyTable;
    bounty_transactions: BountyTransactionTable;
    comments: CommentTable;
    direct_message_messages: DirectMessageMessageTable;
    direct_messages: DirectMessageTable;
    donations: DonationTable;
    event_coupons: EventCouponTable;
    event_tickets: EventTicketTable;
    event_waitlist: EventWaitlistTable;
    events: EventTable;
    feature_flag_audit: FeatureFlagAuditTable;
    key_rotations: KeyRotationTable;
    materials: MaterialTable;
    notification_preferences: NotificationPreferenceTable;
    notifications: NotificationTable;
    own_memberships: OwnMembershipTable;
    payment_methods: PaymentMethodTable;
    payout_accounts: PayoutAccountTable;
    payout_jobs: PayoutJobTable;
    pledges: PledgeTable;
    post_tags: PostTagTable;
    post_templates: PostTemplateTable;
    post_versions: PostVersionTable;
    posts: PostTable;
    privilege_thresholds: PrivilegeThresholdTable;
    profiles: ProfileTable;
    questions: QuestionTable;
    reports: ReportTable;
    reputation_aggregates: ReputationAggregateTable;
    reputation_events: ReputationEventTable;
    reputation_months: ReputationMonthTable;
    sanctions: SanctionTable;
    shadow_bans: ShadowBanTable;
    space_members: SpaceMemberTable;
    space_rules: SpaceRuleTable;
    spaces: SpaceTable;
    tag_synonyms: TagSynonymTable;
    tags: TagTable;
    topic_pages: TopicPageTable;
    votes: VoteTable;
    webhook_deliveries: WebhookDeliveryTable;
    webhooks: WebhookTable;
    workshop_enrollments: WorkshopEnrollmentTable;
    workshop_sessions: WorkshopSessionTable;
    workshops: WorkshopTable;
  }
}

export namespace tenancy {
  export interface ActivityTable {
    created_at: Generated<Timestamp>;
    customer_id: string | null;
    id: Generated<string>;
    metadata: Generated<Json | null>;
    organization_id: string;
    type: "signup" | "purchase" | "churn" | "login" | "export";
  }

  export type Activity = Selectable<ActivityTable>;
  export type NewActivity = Insertable<ActivityTable>;
  export type ActivityUpdate = Updateable<ActivityTable>;

  export interface AiUsageByDayTable {
    cost_usd: Numeric | null;
    date: Timestamp | null;
    input_tokens: Int8 | null;
    model: string | null;
    organization_id: string | null;
    output_tokens: Int8 | null;
    queries: Int8 | null;
  }

  export type AiUsageByDay = Selectable<AiUsageByDayTable>;
  export type NewAiUsageByDay = Insertable<AiUsageByDayTable>;
  export type AiUsageByDayUpdate = Updateable<AiUsageByDayTable>;

  export interface AiUsageLogTable {
    cost_usd: Generated<Numeric>;
    created_at: Generated<Timestamp>;
    /**
     * The day of the query in UTC.
     */
    date: Timestamp;
    id: Generated<string>;
    input_tokens: Generated<number>;
    model: string;
    /**
     * The month whose budget it is counted against. Set by a trigger, whatever is given.
     */
    month_id: string;
    organization_id: string;
    output_tokens: Generated<number>;
    /**
     * The application's name for the query; recorded once in an organization.
     */
    query_id: string;
    /**
     * Who asked. Refers to nothing: what it cost stays when the person leaves.
     */
    user_id: string;
  }

  export type AiUsageLog = Selectable<AiUsageLogTable>;
  export type NewAiUsageLog = Insertable<AiUsageLogTable>;
  export type AiUsageLogUpdate = Updateable<AiUsageLogTable>;

  export interface AiUsageMonthTable {
    /**
     * In US dollars. Kept by the counter engine.
     */
    cost_usd: Generated<Numeric>;
    id: Generated<string>;
    /**
     * The first day of the month.
     */
    month: Timestamp;
    organization_id: string;
  }

  export type AiUsageMonth = Selectable<AiUsageMonthTable>;
  export type NewAiUsageMonth = Insertable<AiUsageMonthTable>;
  export type AiUsageMonthUpdate = Updateable<AiUsageMonthTable>;

  export interface AuditLogTable {
    /**
     * INSERT, UPDATE or DELETE.
     */
    action: string;
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    new_data: Json | null;
    old_data: Json | null;
    organization_id: string;
    /**
     * The id of the row that was changed.
     */
    record_id: string | null;
    /**
     * The database role that did it: authenticated, service_role, …
     */
    role: string;
    table_name: string;
    /**
     * Who did it; NULL where no user was signed in, as with the service role.
     */
    user_id: string | null;
  }

  export type AuditLog = Selectable<AuditLogTable>;
  export type NewAuditLog = Insertable<AuditLogTable>;
  export type AuditLogUpdate = Updateable<AuditLogTable>;

  export interface CustomerTable {
    company: string | null;
    created_at: Generated<Timestamp>;
    /**
     * From when it is invisible; NULL for not deleted. Set by delete_customer, taken back by restore_customer.
     */
    deleted_at: Timestamp | null;
    email: string | null;
    id: Generated<string>;
    industry: string | null;
    /**
     * Midnight (UTC) of the newest date on which it brought a revenue above zero. Kept by a trigger of revenue; app roles cannot write it.
     */
    last_purchase_date: Timestamp | null;
    name: string;
    organization_id: string;
    status: "active" | "inactive" | "churned";
    /**
     * The sum of its revenue. Kept by the counter engine; app roles cannot write it.
     */
    total_revenue: Generated<Numeric>;
    updated_at: Generated<Timestamp>;
  }

  export type Customer = Selectable<CustomerTable>;
  export type NewCustomer = Insertable<CustomerTable>;
  export type CustomerUpdate = Updateable<CustomerTable>;

  export interface OrganizationInvitationTable {
    accepted_at: Timestamp | null;
    accepted_by: string | null;
    created_at: Generated<Timestamp>;
    email: string;
    /**
     * Seven days after the last time the person was invited.
     */
    expires_at: Generated<Timestamp>;
    id: Generated<string>;
    invited_by: string | null;
    organization_id: string;
    role: Generated<"admin" | "member">;
  }

  export type OrganizationInvitation = Selectable<OrganizationInvitationTable>;
  export type NewOrganizationInvitation = Insertable<OrganizationInvitationTable>;
  export type OrganizationInvitationUpdate = Updateable<OrganizationInvitationTable>;

  export interface OrganizationTable {
    /**
     * How many admins it has. Kept by the counter engine; app roles cannot write it.
     */
    admin_count: Generated<number>;
    /**
     * What AI may cost in one calendar month (UTC), in US dollars; NULL for no limit. Written by the service role.
     */
    ai_monthly_budget_usd: Numeric | null;
    created_at: Generated<Timestamp>;
    id: Generated<string>;
    name: string;
    /**
     * Names the organization in a URL: lower-case letters, digits, single hyphens. Unique among all, so a taken one is refused.
     */
    slug: string;
    updated_at: Generated<Timestamp>;
  }

  export type Organization = Selectable<OrganizationTable>;
  export type NewOrganization = Insertable<OrganizationTable>;
  export type OrganizationUpdate = Updateable<OrganizationTable>;

  export interface ProfileTable {
    avatar_url: string | null;
    created_at: Generated<Timestamp>;
    email: string;
    full_name: string | null;
    /**
     * The user, as in auth.users.
     */
    id: string;
    organization_id: string | null;
    /**
     * admin or member; means nothing while organization_id is NULL.
     */
    role: Generated<"admin" | "member">;
    updated_at: Generated<Timestamp>;
  }

  export type Profile = Selectable<ProfileTable>;
  export type NewProfile = Insertable<ProfileTable>;
  export type ProfileUpdate = Updateable<ProfileTable>;

  export interface RevenueTable {
    /**
     * In the organization's own currency; below zero for a refund.
     */
    amount: Numeric;
    category: string | null;
    created_at: Generated<Timestamp>;
    customer_id: string | null;
    date: Timestamp;
    description: string | null;
    id: Generated<string>;
    organization_id: string;
  }

  export type Revenue = Selectable<RevenueTable>;
  export type NewRevenue = Insertable<RevenueTable>;
  export type RevenueUpdate = Updateable<RevenueTable>;

  export interface UserPreferenceTable {
    theme_preference: Generated<"light" | "dark" | "system">;
    updated_at: Generated<Timestamp>;
    user_id: string;
  }

  export type UserPreference = Selectable<UserPreferenceTable>;
  export type NewUserPreference = Insertable<UserPreferenceTable>;
  export type UserPreferenceUpdate = Updateable<UserPreferenceTable>;

  export interface Database {
    activities: ActivityTable;
    ai_usage_by_day: AiUsageByDayTable;
    ai_usage_log: AiUsageLogTable;
    ai_usage_months: AiUsageMonthTable;
    audit_logs: AuditLogTable;
    customers: CustomerTable;
    organization_invitations: OrganizationInvitationTable;
    organizations: OrganizationTable;
    profiles: ProfileTable;
    revenue: RevenueTable;
    user_preferences: UserPreferenceTable;
  }
}

/** Every table under its qualified name: `new Kysely<Database>(…).selectFrom("tenancy.customers")`. */
export type Database = Qualified<"forum", forum.Database> &
  Qualified<"founders", founders.Database> &
  Qualified<"linkup", linkup.Database> &
  Qualified<"spaces", spaces.Database> &
  Qualified<"tenancy", tenancy.Database>;

/** The qualified name of every table. */
export const TABLE_NAMES = {
  forum: {
    community_post_likes: "forum.community_post_likes",
    community_post_replies: "forum.community_post_replies",
    community_posts: "forum.community_posts",
    community_resources: "forum.community_resources",
    courses: "forum.courses",
    goal_metrics: "forum.goal_metrics",
    profiles: "forum.profiles",
    resource_catalog: "forum.resource_catalog",
    resource_downloads: "forum.resource_downloads",
    resource_ratings: "forum.resource_ratings",
    track_goals: "forum.track_goals",
    user_actions: "forum.user_actions",
    user_goal_history: "forum.user_goal_history",
  },
  founders: {
    benchmark_industry_aggregates: "founders.benchmark_industry_aggregates",
    benchmark_stage_aggregates: "founders.benchmark_stage_aggregates",
    cohort_members: "founders.cohort_members",
    cohorts: "founders.cohorts",
    communities: "founders.communities",
    community_directory: "founders.community_directory",
    community_profiles: "founders.community_profiles",
    consent_audit_log: "founders.consent_audit_log",
    consent_preferences: "founders.consent_preferences",
    engagement_streaks: "founders.engagement_streaks",
    expert_listings: "founders.expert_listings",
    founder_connections: "founders.founder_connections",
    founder_messages: "founders.founder_messages",
    investor_readiness_scores: "founders.investor_readiness_scores",
    irs_by_group: "founders.irs_by_group",
    milestones: "founders.milestones",
    profiles: "founders.profiles",
    reputation_events: "founders.reputation_events",
    reputation_leaderboard: "founders.reputation_leaderboard",
    social_feed_comments: "founders.social_feed_comments",
    social_feed_posts: "founders.social_feed_posts",
    social_feed_reactions: "founders.social_feed_reactions",
    subcommunity_sponsors: "founders.subcommunity_sponsors",
  },
  linkup: {
    activity_catalogue: "linkup.activity_catalogue",
    admin_audit_log: "linkup.admin_audit_log",
    admin_users: "linkup.admin_users",
    auth_user_map: "linkup.auth_user_map",
    contact_exchange_choices: "linkup.contact_exchange_choices",
    contact_exchanges: "linkup.contact_exchanges",
    conversation_sessions: "linkup.conversation_sessions",
    domain_events: "linkup.domain_events",
    entitlements: "linkup.entitlements",
    linkup_invites: "linkup.linkup_invites",
    linkup_outcomes: "linkup.linkup_outcomes",
    linkup_participants: "linkup.linkup_participants",
    linkup_reminders: "linkup.linkup_reminders",
    linkups: "linkup.linkups",
    magic_links: "linkup.magic_links",
    message_events: "linkup.message_events",
    otp_sessions: "linkup.otp_sessions",
    profile_events: "linkup.profile_events",
    profiles: "linkup.profiles",
    region_memberships: "linkup.region_memberships",
    regions: "linkup.regions",
    safety_holds: "linkup.safety_holds",
    safety_incidents: "linkup.safety_incidents",
    safety_reports: "linkup.safety_reports",
    sms_messages: "linkup.sms_messages",
    sms_outbound_jobs: "linkup.sms_outbound_jobs",
    stripe_customers: "linkup.stripe_customers",
    stripe_events: "linkup.stripe_events",
    subscriptions: "linkup.subscriptions",
    user_blocks: "linkup.user_blocks",
    user_strikes: "linkup.user_strikes",
    users: "linkup.users",
  },
  spaces: {
    active_sanctions: "spaces.active_sanctions",
    answers: "spaces.answers",
    assignment_submissions: "spaces.assignment_submissions",
    assignments: "spaces.assignments",
    audit_logs: "spaces.audit_logs",
    automod_rules: "spaces.automod_rules",
    bounties: "spaces.bounties",
    bounty_transactions: "spaces.bounty_transactions",
    comments: "spaces.comments",
    direct_message_messages: "spaces.direct_message_messages",
    direct_messages: "spaces.direct_messages",
    donations: "spaces.donations",
    event_coupons: "spaces.event_coupons",
    event_tickets: "spaces.event_tickets",
    event_waitlist: "spaces.event_waitlist",
    events: "spaces.events",
    feature_flag_audit: "spaces.feature_flag_audit",
    key_rotations: "spaces.key_rotations",
    materials: "spaces.materials",
    notification_preferences: "spaces.notification_preferences",
    notifications: "spaces.notifications",
    own_memberships: "spaces.own_memberships",
    payment_methods: "spaces.payment_methods",
    payout_accounts: "spaces.payout_accounts",
    payout_jobs: "spaces.payout_jobs",
    pledges: "spaces.pledges",
    post_tags: "spaces.post_tags",
    post_templates: "spaces.post_templates",
    post_versions: "spaces.post_versions",
    posts: "spaces.posts",
    privilege_thresholds: "spaces.privilege_thresholds",
    profiles: "spaces.profiles",
    questions: "spaces.questions",
    reports: "spaces.reports",
    reputation_aggregates: "spaces.reputation_aggregates",
    reputation_events: "spaces.reputation_events",
    reputation_months: "spaces.reputation_months",
    sanctions: "spaces.sanctions",
    shadow_bans: "spaces.shadow_bans",
    space_members: "spaces.space_members",
    space_rules: "spaces.space_rules",
    spaces: "spaces.spaces",
    tag_synonyms: "spaces.tag_synonyms",
    tags: "spaces.tags",
    topic_pages: "spaces.topic_pages",
    votes: "spaces.votes",
    webhook_deliveries: "spaces.webhook_deliveries",
    webhooks: "spaces.webhooks",
    workshop_enrollments: "spaces.workshop_enrollments",
    workshop_sessions: "spaces.workshop_sessions",
    workshops: "spaces.workshops",
  },
  tenancy: {
    activities: "tenancy.activities",
    ai_usage_by_day: "tenancy.ai_usage_by_day",
    ai_usage_log: "tenancy.ai_usage_log",
    ai_usage_months: "tenancy.ai_usage_months",
    audit_logs: "tenancy.audit_logs",
    customers: "tenancy.customers",
    organization_invitations: "tenancy.organization_invitations",
    organizations: "tenancy.organizations",
    profiles: "tenancy.profiles",
    revenue: "tenancy.revenue",
    user_preferences: "tenancy.user_preferences",
  },
} as const;
