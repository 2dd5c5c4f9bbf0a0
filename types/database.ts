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
    /**
     * The words of content, for search_posts.
     */
    search: Generated<string | null>;
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
