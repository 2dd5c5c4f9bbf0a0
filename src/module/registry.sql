CREATE SCHEMA IF NOT EXISTS community_state;
COMMENT ON SCHEMA community_state IS
    'community_core: which module is in which schema. Where this schema exists, CREATE EXTENSION installs no module: in a restore the tables come with the dump.';

CREATE TABLE community_state.module (
    schema         text        CONSTRAINT module_pkey PRIMARY KEY,
    module         text        NOT NULL,
    version        text        NOT NULL,
    server_version integer     NOT NULL,
    adopted        text[]      NOT NULL DEFAULT '{}',
    installed_at   timestamptz NOT NULL DEFAULT now(),
    removed_at     timestamptz
);
COMMENT ON TABLE community_state.module IS 'One row for each schema that holds a module.';
COMMENT ON COLUMN community_state.module.server_version IS 'Major version of Postgres whose way of writing definitions module_object holds.';
COMMENT ON COLUMN community_state.module.removed_at IS 'Set while the tables stand without the rules, after remove_module.';
COMMENT ON COLUMN community_state.module.adopted IS 'Tables that were there before the module was installed.';

CREATE TABLE community_state.module_object (
    schema     text    NOT NULL CONSTRAINT module_object_schema_fkey
                       REFERENCES community_state.module (schema) ON DELETE CASCADE,
    ordinal    integer NOT NULL,
    kind       text    NOT NULL,
    relation   text    NOT NULL,
    name       text    NOT NULL,
    definition text    NOT NULL,
    CONSTRAINT module_object_pkey PRIMARY KEY (schema, ordinal)
);
COMMENT ON TABLE community_state.module_object IS 'What each module should hold, as Postgres writes it: verify_module compares the catalogue with this.';

CREATE TABLE community_state.module_step (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT module_step_pkey PRIMARY KEY,
    module       text        NOT NULL,
    schema       text        NOT NULL,
    version      text        NOT NULL,
    step         text        NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at  timestamptz,
    rows_touched bigint,
    error        text
);
COMMENT ON TABLE community_state.module_step IS 'One row for each step of an installation, a repair, a migration or a removal: when, how many rows, and the error of a migration that was undone.';

ALTER TABLE community_state.module ENABLE ROW LEVEL SECURITY;
ALTER TABLE community_state.module_object ENABLE ROW LEVEL SECURITY;
ALTER TABLE community_state.module_step ENABLE ROW LEVEL SECURITY;
