-- The journey of messages, and what is remembered of conversations. Times in microseconds since 1970 (UTC).

CREATE TABLE inbox (
	id           BIGINT PRIMARY KEY,
	community_id BIGINT NOT NULL REFERENCES communities (id),
	channel      TEXT   NOT NULL,
	external_id  TEXT   NOT NULL,
	sender       TEXT   NOT NULL,
	name         TEXT   NOT NULL,
	text         TEXT   NOT NULL,
	trust        BIGINT NOT NULL,
	locale       TEXT   NOT NULL,
	question     BIGINT NOT NULL,
	edited       BIGINT NOT NULL,
	received_at  BIGINT NOT NULL,
	state        TEXT   NOT NULL CHECK (state IN ('pending', 'done', 'failed')),
	attempts     BIGINT NOT NULL DEFAULT 0,
	next_at      BIGINT NOT NULL,
	error        TEXT   NOT NULL DEFAULT '',
	UNIQUE (channel, external_id)
);

CREATE INDEX inbox_pending ON inbox (community_id, id) WHERE state = 'pending';

CREATE TABLE outbox (
	id           BIGINT PRIMARY KEY,
	community_id BIGINT NOT NULL REFERENCES communities (id),
	channel      TEXT   NOT NULL,
	address      TEXT   NOT NULL,
	locale       TEXT   NOT NULL,
	text         TEXT   NOT NULL,
	choices      TEXT   NOT NULL,
	question     BIGINT NOT NULL,
	reply_to     TEXT   NOT NULL,
	priority     BIGINT NOT NULL,
	state        TEXT   NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
	attempts     BIGINT NOT NULL DEFAULT 0,
	next_at      BIGINT NOT NULL,
	created_at   BIGINT NOT NULL,
	ended_at     BIGINT,
	provider_id  TEXT   NOT NULL DEFAULT '',
	error        TEXT   NOT NULL DEFAULT ''
);

CREATE INDEX outbox_queue ON outbox (channel, priority, id) WHERE state = 'queued';
CREATE INDEX outbox_failed ON outbox (community_id, id) WHERE state = 'failed';

-- What is remembered of the conversation with a member.
CREATE TABLE talks (
	community_id BIGINT NOT NULL,
	member_id    BIGINT NOT NULL,
	talk         TEXT   NOT NULL,
	PRIMARY KEY (community_id, member_id),
	FOREIGN KEY (community_id, member_id) REFERENCES members (community_id, id)
);

-- Who writes from an address that several use, or from one that nobody has yet.
CREATE TABLE desks (
	community_id BIGINT NOT NULL REFERENCES communities (id),
	channel      TEXT   NOT NULL,
	address      TEXT   NOT NULL,
	desk         TEXT   NOT NULL,
	PRIMARY KEY (community_id, channel, address)
);

-- Who has taken which ad, until the job is done.
CREATE TABLE takes (
	community_id BIGINT NOT NULL,
	ad           BIGINT NOT NULL,
	member_id    BIGINT NOT NULL,
	taken_at     BIGINT NOT NULL,
	PRIMARY KEY (community_id, ad, member_id),
	FOREIGN KEY (community_id, ad) REFERENCES ads (community_id, number)
);

-- A community's own wording of a text.
CREATE TABLE wordings (
	community_id BIGINT NOT NULL REFERENCES communities (id),
	locale       TEXT   NOT NULL,
	text_key     TEXT   NOT NULL,
	text         TEXT   NOT NULL,
	PRIMARY KEY (community_id, locale, text_key)
);

-- Which process does what only one may do at a time.
CREATE TABLE leases (
	name   TEXT   PRIMARY KEY,
	holder TEXT   NOT NULL,
	until  BIGINT NOT NULL
);
