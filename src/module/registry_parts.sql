CREATE TABLE community_state.module_part (
    schema       text        NOT NULL CONSTRAINT module_part_schema_fkey
                             REFERENCES community_state.module (schema) ON DELETE CASCADE,
    part         text        NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT now(),
    removed_at   timestamptz,
    CONSTRAINT module_part_pkey PRIMARY KEY (schema, part)
);
COMMENT ON TABLE community_state.module_part IS 'One row for each part of a module that has parts, where its tables stand.';
COMMENT ON COLUMN community_state.module_part.removed_at IS 'Set while the tables of the part stand without its rules.';
ALTER TABLE community_state.module_part ENABLE ROW LEVEL SECURITY;
