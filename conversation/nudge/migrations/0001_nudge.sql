-- What members are reminded of and asked, and who wants none of it. Times in microseconds since 1970 (UTC).

-- How far each community has come. day is the day in its time zone whose look at the members was begun last, as 20260505. cursor is the
-- member who was looked at last, -1 where all were. matched is the newest ad that has been brought together with others.
CREATE TABLE nudges (
	community_id BIGINT PRIMARY KEY REFERENCES communities (id),
	day          BIGINT NOT NULL,
	cursor       BIGINT NOT NULL,
	matched      BIGINT NOT NULL
);

-- What is up already in communities that were there before is nothing new.
INSERT INTO nudges (community_id, day, cursor, matched)
	SELECT id, 0, -1, COALESCE((SELECT MAX(number) FROM ads WHERE ads.community_id = communities.id), 0) FROM communities WHERE id <> 0;

-- What each member had. quiet is 1 where they want no more. balance_at and balance_was: when they were reminded of their balance last, and
-- that it was 'low' or 'high'. matched_at: when they were asked last whether an ad is something for them.
CREATE TABLE nudged (
	community_id BIGINT NOT NULL,
	member_id    BIGINT NOT NULL,
	quiet        BIGINT NOT NULL DEFAULT 0,
	balance_at   BIGINT NOT NULL DEFAULT 0,
	balance_was  TEXT   NOT NULL DEFAULT '',
	matched_at   BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (community_id, member_id),
	FOREIGN KEY (community_id, member_id) REFERENCES members (community_id, id)
);

-- How often an invitation was recalled; 3: the coordinators have heard that it was not answered.
CREATE TABLE recalled (
	community_id BIGINT NOT NULL,
	code         TEXT   NOT NULL,
	times        BIGINT NOT NULL,
	PRIMARY KEY (community_id, code)
);

CREATE INDEX invitations_open ON invitations (community_id, created_at) WHERE used_at IS NULL;
CREATE INDEX invitations_used ON invitations (community_id, member_id) WHERE used_at IS NOT NULL;
