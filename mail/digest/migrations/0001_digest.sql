-- What goes to everybody, and who wants it how often. Times in microseconds since 1970 (UTC).

-- When a community's digest goes out. schedule is a cron expression in the community's time zone, '' for never. notice is how long before
-- the coordinators see it, in minutes. least is how many new ads it takes. place is where else it is posted ("telegram:-100123"), '' for nowhere.
-- checked_at is up to when it is known what was due. seen is the newest ad of the last digest.
CREATE TABLE digests (
	community_id BIGINT PRIMARY KEY REFERENCES communities (id),
	schedule     TEXT   NOT NULL,
	notice       BIGINT NOT NULL,
	least        BIGINT NOT NULL,
	place        TEXT   NOT NULL DEFAULT '',
	checked_at   BIGINT NOT NULL,
	seen         BIGINT NOT NULL
);

-- Everything that was cried, or will be. due_at is when it goes out. issue is 1 for a digest that the schedule made, 0 for one that only the
-- members get who want it daily. words are the coordinator's own; audience, as JSON, is who gets a broadcast. cursor is the last member who
-- was looked at. reach is how many got it, new_ads how many ads were new. from_ad and to_ad: the ads that a member gets who has had no digest.
CREATE TABLE cries (
	id           BIGINT PRIMARY KEY,
	community_id BIGINT NOT NULL REFERENCES communities (id),
	kind         TEXT   NOT NULL CHECK (kind IN ('digest', 'broadcast')),
	state        TEXT   NOT NULL CHECK (state IN ('planned', 'going', 'done', 'skipped')),
	due_at       BIGINT NOT NULL,
	issue        BIGINT NOT NULL,
	words        TEXT   NOT NULL DEFAULT '',
	audience     TEXT   NOT NULL DEFAULT '',
	by_member    BIGINT NOT NULL DEFAULT 0,
	from_ad      BIGINT NOT NULL DEFAULT 0,
	to_ad        BIGINT NOT NULL DEFAULT 0,
	cursor       BIGINT NOT NULL DEFAULT 0,
	reach        BIGINT NOT NULL DEFAULT 0,
	new_ads      BIGINT NOT NULL DEFAULT 0,
	previewed_at BIGINT,
	began_at     BIGINT,
	ended_at     BIGINT,
	reported_at  BIGINT,
	UNIQUE (community_id, kind, due_at)
);

-- Communities that were there before digests were: they have none until somebody says when.
INSERT INTO digests (community_id, schedule, notice, least, checked_at, seen)
	SELECT id, '', 1200, 1, 0, COALESCE((SELECT MAX(number) FROM ads WHERE ads.community_id = communities.id), 0) FROM communities WHERE id <> 0;

CREATE INDEX cries_open ON cries (community_id, due_at) WHERE state IN ('planned', 'going');
CREATE INDEX cries_unreported ON cries (community_id, ended_at) WHERE state = 'done' AND reported_at IS NULL;

-- Who got what. message_id is the outbox id. seen is the newest ad of their digest before. tried are the addresses that it was sent to, as
-- "sms:+32470000012 email:maria@example.org".
CREATE TABLE cried (
	cry_id       BIGINT NOT NULL REFERENCES cries (id),
	community_id BIGINT NOT NULL,
	member_id    BIGINT NOT NULL,
	message_id   BIGINT NOT NULL, -- 0: the member had no address that is open
	seen         BIGINT NOT NULL,
	tried        TEXT   NOT NULL,
	PRIMARY KEY (cry_id, member_id),
	FOREIGN KEY (community_id, member_id) REFERENCES members (community_id, id)
);

-- How often each member wants the digest ('' for as the community has it), and what the last one had: seen is its newest ad.
CREATE TABLE subscriptions (
	community_id BIGINT NOT NULL,
	member_id    BIGINT NOT NULL,
	every        TEXT   NOT NULL,
	seen         BIGINT NOT NULL,
	due_at       BIGINT NOT NULL, -- when that one was due
	PRIMARY KEY (community_id, member_id),
	FOREIGN KEY (community_id, member_id) REFERENCES members (community_id, id)
);
