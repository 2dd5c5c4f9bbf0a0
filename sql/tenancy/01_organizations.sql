-- Organizations and their people. A person belongs to one organization or to none; everything else
-- in this module belongs to exactly one organization, and is seen by its people alone.

CREATE TABLE organizations (
    id                    uuid        NOT NULL DEFAULT gen_random_uuid(),
    name                  text        NOT NULL,
    slug                  text        NOT NULL,
    admin_count           integer     NOT NULL DEFAULT 0,
    ai_monthly_budget_usd numeric(10,4),
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT organizations_pkey PRIMARY KEY (id),
    CONSTRAINT organizations_name_check CHECK (name ~ '@visible@'),
    CONSTRAINT organizations_slug_check CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    CONSTRAINT organizations_ai_monthly_budget_usd_check CHECK (ai_monthly_budget_usd >= 0)
);
COMMENT ON TABLE organizations IS
    'The tenants. Seen by their own people; made and deleted by the service role.';
COMMENT ON COLUMN organizations.slug IS
    'Names the organization in a URL: lower-case letters, digits, single hyphens. Unique among all, so a taken one is refused.';
COMMENT ON COLUMN organizations.admin_count IS
    'How many admins it has. Kept by the counter engine; app roles cannot write it.';
COMMENT ON COLUMN organizations.ai_monthly_budget_usd IS
    'What AI may cost in one calendar month (UTC), in US dollars; NULL for no limit. Written by the service role.';
CREATE UNIQUE INDEX idx_organizations_slug ON organizations (slug);

CREATE TABLE profiles (
    id              uuid        NOT NULL,
    email           text        NOT NULL,
    full_name       text,
    avatar_url      text,
    organization_id uuid,
    role            text        NOT NULL DEFAULT 'member',
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT profiles_pkey PRIMARY KEY (id),
    CONSTRAINT profiles_id_fkey FOREIGN KEY (id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT profiles_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE SET NULL,
    CONSTRAINT profiles_role_check CHECK (role IN ('admin', 'member'))
);
COMMENT ON TABLE profiles IS
    'People: one row per user, in one organization or in none. Role and organization change by invitation, set_member_role and remove_member only.';
COMMENT ON COLUMN profiles.id IS 'The user, as in auth.users.';
COMMENT ON COLUMN profiles.role IS 'admin or member; means nothing while organization_id is NULL.';
CREATE INDEX idx_profiles_user_org ON profiles (organization_id, id);

-- Policies ask these two instead of reading profiles themselves: a policy of profiles that reads
-- profiles recurses for ever (42P17). One value, not a set, so that an index on
-- (organization_id, created_at) also gives the order; PL/pgSQL, because its plans are kept.
CREATE OR REPLACE FUNCTION current_organization_id() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT p.organization_id FROM @schema@.profiles p WHERE p.id = auth.uid());
END
$$;
COMMENT ON FUNCTION current_organization_id() IS
    'The organization of whoever asks, as uuid; NULL for nobody and for a person without one. Stable. Example: SELECT current_organization_id()';

CREATE OR REPLACE FUNCTION administered_organization_id() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT p.organization_id FROM @schema@.profiles p
            WHERE p.id = auth.uid() AND p.role = 'admin');
END
$$;
COMMENT ON FUNCTION administered_organization_id() IS
    'The organization of which whoever asks is an admin, as uuid; NULL for everybody else. Stable. Example: SELECT administered_organization_id()';
GRANT EXECUTE ON FUNCTION current_organization_id(), administered_organization_id()
    TO authenticated, service_role;

CREATE POLICY organizations_select_people ON organizations
    FOR SELECT TO authenticated USING (id = (SELECT current_organization_id()));
CREATE POLICY organizations_update_admins ON organizations
    FOR UPDATE TO authenticated
    USING (id = (SELECT administered_organization_id()))
    WITH CHECK (id = (SELECT administered_organization_id()));
GRANT UPDATE (name, slug) ON organizations TO authenticated;

CREATE POLICY profiles_select_people ON profiles
    FOR SELECT TO authenticated
    USING (organization_id = (SELECT current_organization_id()) OR id = (SELECT auth.uid()));
CREATE POLICY profiles_update_own_and_admins ON profiles
    FOR UPDATE TO authenticated
    USING (organization_id = (SELECT administered_organization_id()) OR id = (SELECT auth.uid()))
    WITH CHECK (organization_id = (SELECT administered_organization_id()) OR id = (SELECT auth.uid()));
GRANT UPDATE (full_name, avatar_url) ON profiles TO authenticated;

-- The last admin stays. The count is exact under any concurrency, because the counter engine locks
-- the organization before it changes it; so the rule is kept where the count changes.
CREATE OR REPLACE FUNCTION keep_an_admin() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'organization "%" must keep an admin', NEW.slug
        USING ERRCODE = 'check_violation', CONSTRAINT = 'organizations_keep_an_admin',
              HINT = 'Make another member an admin first, or delete the organization.';
END
$$;
COMMENT ON FUNCTION keep_an_admin() IS
    'Trigger function: refuses (23514) to leave an organization without an admin.';
CREATE OR REPLACE TRIGGER organizations_keep_an_admin
    BEFORE UPDATE OF admin_count ON organizations FOR EACH ROW
    WHEN (OLD.admin_count > 0 AND NEW.admin_count = 0)
    EXECUTE FUNCTION keep_an_admin();

SELECT community_core.create_counter('@schema@.profiles', 'organization_id',
                                     '@schema@.organizations', 'admin_count',
                                     counted => $$role = 'admin'$$);
