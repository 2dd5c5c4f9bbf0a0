-- What the founders document takes for existing: who is a founder, the milestones and the readiness
-- scores of the application, and its communities. A table of this name that is there already is
-- adopted with its rows and its own columns. They stay the application's: the module adds no policy
-- for app roles to them, so on a fresh database only service_role reads and writes them, until the
-- application says otherwise.

CREATE TABLE profiles (
    id       uuid NOT NULL,
    stage    text,
    industry text,
    CONSTRAINT profiles_pkey PRIMARY KEY (id),
    CONSTRAINT profiles_id_fkey FOREIGN KEY (id) REFERENCES auth.users (id) ON DELETE CASCADE
);
COMMENT ON TABLE profiles IS
    'The application''s founders, one row per user: stage and industry are what benchmarks are grouped by.';
COMMENT ON COLUMN profiles.id IS 'The user, as in auth.users.';

CREATE TABLE milestones (
    id @type_of:milestones.id:uuid DEFAULT gen_random_uuid()@ NOT NULL,
    CONSTRAINT milestones_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE milestones IS
    'The application''s milestones, which a feed post can be about. An existing table may have an id of any type.';

CREATE TABLE investor_readiness_scores (
    id            uuid         NOT NULL DEFAULT gen_random_uuid(),
    user_id       uuid         NOT NULL,
    overall_score numeric(5,2) NOT NULL,
    created_at    timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT investor_readiness_scores_pkey PRIMARY KEY (id),
    CONSTRAINT investor_readiness_scores_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT investor_readiness_scores_overall_score_check CHECK (overall_score BETWEEN 0 AND 100)
);
COMMENT ON TABLE investor_readiness_scores IS
    'Investor readiness as the application measured it, from 0 to 100; a founder''s newest row counts.';
CREATE INDEX investor_readiness_scores_user_id_created_at_idx
    ON investor_readiness_scores (user_id, created_at DESC);

CREATE TABLE communities (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    CONSTRAINT communities_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE communities IS 'The application''s communities. One below another is a subcommunity.';
