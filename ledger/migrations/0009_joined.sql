-- When somebody joined, which may be long after they were invited: NULL while
-- they have not. Who was in before is taken to have joined when their invitation
-- was used, or where they came without one, when they were written down.

ALTER TABLE members ADD COLUMN joined_at BIGINT;

UPDATE members SET joined_at = COALESCE((SELECT MIN(i.used_at) FROM invitations i
	WHERE i.community_id = members.community_id AND i.member_id = members.id AND i.created_at = members.created_at), created_at)
	WHERE status <> 'invited';
