-- What the forum document takes for existing: goals and courses, what people do, and their profiles.
-- A table of this name that is there already is adopted with its rows and its own columns. They stay
-- the application's: the module adds no policy for app roles to them, so on a fresh database only
-- service_role reads and writes them, until the application says otherwise.

CREATE TABLE track_goals (
    id       uuid NOT NULL DEFAULT gen_random_uuid(),
    track_id @type_of:track_goals.track_id:uuid@,
    CONSTRAINT track_goals_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE track_goals IS 'The goals a person can work towards, each on a track of the application.';

CREATE TABLE courses (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    CONSTRAINT courses_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE courses IS 'The application''s courses, which an action can be a lesson of.';

CREATE TABLE profiles (
    id               uuid NOT NULL,
    current_goal_id  uuid,
    current_track_id @type_of:profiles.current_track_id:uuid@,
    CONSTRAINT profiles_pkey PRIMARY KEY (id),
    CONSTRAINT profiles_id_fkey FOREIGN KEY (id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT profiles_current_goal_id_fkey
        FOREIGN KEY (current_goal_id) REFERENCES track_goals (id) ON DELETE SET NULL
);
COMMENT ON TABLE profiles IS 'The application''s people, one row per user.';
COMMENT ON COLUMN profiles.id IS 'The user, as in auth.users.';
COMMENT ON COLUMN profiles.current_goal_id IS
    'The goal the person started or resumed last and is still at; kept by triggers on user_goal_history.';
COMMENT ON COLUMN profiles.current_track_id IS 'The application''s; nothing here reads or writes it.';
CREATE INDEX profiles_current_goal_id_idx ON profiles (current_goal_id);

CREATE TABLE user_actions (
    id             uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id        uuid        NOT NULL,
    action_type_id @type_of:user_actions.action_type_id:uuid@,
    goal_id        uuid,
    points         @type_of:user_actions.points:integer@,
    description    @type_of:user_actions.description:text@,
    metadata       @type_of:user_actions.metadata:jsonb@,
    action_date    @type_of:user_actions.action_date:timestamptz@ DEFAULT now(),
    created_at     @type_of:user_actions.created_at:timestamptz@ DEFAULT now(),
    CONSTRAINT user_actions_pkey PRIMARY KEY (id),
    CONSTRAINT user_actions_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT user_actions_goal_id_fkey
        FOREIGN KEY (goal_id) REFERENCES track_goals (id) ON DELETE SET NULL
);
COMMENT ON TABLE user_actions IS
    'What people do, and for which goal. The metrics of a completed goal are made from it.';
COMMENT ON COLUMN user_actions.action_date IS 'When it was done, a moment or a day; NULL: when it was recorded.';

ALTER TABLE user_actions ADD COLUMN title text;
ALTER TABLE user_actions ADD COLUMN details text;
ALTER TABLE user_actions ADD COLUMN course_id uuid
    CONSTRAINT user_actions_course_id_fkey REFERENCES courses (id) ON DELETE SET NULL;
COMMENT ON COLUMN user_actions.course_id IS 'The course this action was a lesson of; NULL where it was none.';
CREATE INDEX user_actions_user_id_goal_id_action_date_idx ON user_actions (user_id, goal_id, action_date);
CREATE INDEX user_actions_goal_id_idx ON user_actions (goal_id);
CREATE INDEX user_actions_course_id_idx ON user_actions (course_id);
