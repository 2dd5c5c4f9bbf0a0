-- Six members; four of them met and two exchanged contacts; old messages and links that retention emptied.
INSERT INTO linkup.regions (id, slug, display_name, state, geometry)
VALUES ('00000000-0000-4000-8000-0000000000e0', 'town', 'Town', 'open', '{}');
INSERT INTO linkup.users (id, phone_e164, phone_hash, first_name, last_name, birthday,
    sms_consent, age_consent, terms_consent, privacy_consent)
SELECT ('00000000-0000-4000-8000-0000000000d' || n)::uuid, '+1500555000' || n,
       linkup.phone_hash('+1500555000' || n, 'pepper'), 'Member', n::text, '1990-01-01', true, true, true, true
FROM generate_series(1, 6) AS n;
UPDATE linkup.users SET state = 'verified';
UPDATE linkup.users SET state = 'interviewing';
UPDATE linkup.users SET state = 'active';
INSERT INTO linkup.auth_user_map (auth_user_id, user_id)
SELECT a.id, u.id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM auth.users) a
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM linkup.users) u USING (n);
INSERT INTO linkup.region_memberships (user_id, region_id, status)
SELECT id, '00000000-0000-4000-8000-0000000000e0', 'active' FROM linkup.users;
INSERT INTO linkup.entitlements (user_id, eligible_to_participate, eligible_to_initiate)
SELECT id, true, true FROM linkup.users;
SELECT linkup.create_linkup('00000000-0000-4000-8000-0000000000d1', '00000000-0000-4000-8000-0000000000e0',
    '{"activity_key": "coffee", "time_window": "SAT_MORNING", "group_size": {"min": 2, "max": 4}}',
    'a meeting', now() - interval '3 hours', now() + interval '1 day');
SELECT linkup.invite_user(l.id, u.id, 'invite ' || u.id) FROM linkup.linkups l, linkup.users u
WHERE u.id <> l.initiator_user_id;
SELECT linkup.broadcast(id) FROM linkup.linkups;
SELECT linkup.accept_invite(id) FROM linkup.linkup_invites ORDER BY invited_user_id LIMIT 3;
SELECT linkup.lock_linkup(id, lock_version) FROM linkup.linkups;
SELECT linkup.complete(id) FROM linkup.linkups;
INSERT INTO linkup.linkup_outcomes (linkup_id, user_id, attendance_response, do_again)
SELECT linkup_id, user_id, 'attended', true FROM linkup.linkup_participants;
INSERT INTO linkup.contact_exchange_choices (linkup_id, chooser_user_id, target_user_id, choice)
SELECT l.id, a.user_id, b.user_id, true
FROM linkup.linkups l JOIN linkup.linkup_participants a ON a.linkup_id = l.id
JOIN linkup.linkup_participants b ON b.linkup_id = l.id AND b.user_id <> a.user_id
WHERE a.user_id <= '00000000-0000-4000-8000-0000000000d2';
INSERT INTO linkup.magic_links (user_id, token_hash, purpose, expires_at)
SELECT id, encode(sha256(id::text::bytea), 'hex'), 'sign in', '2026-01-01' FROM linkup.users;
INSERT INTO linkup.admin_users (email, role) VALUES ('ops@example.org', 'ops');
INSERT INTO linkup.admin_audit_log (action, target_type, reason) VALUES ('looked', 'user', 'asked to');
