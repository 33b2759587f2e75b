-- What many get is kept once. sheet is its name in the outbox, '' for a message that has a text of its own.
ALTER TABLE outbox ADD COLUMN sheet TEXT NOT NULL DEFAULT '';

-- name is a hash of what it says. queued_at is when it was last queued, in microseconds since 1970 (UTC).
CREATE TABLE sheets (
	community_id BIGINT NOT NULL REFERENCES communities (id),
	name         TEXT   NOT NULL,
	text         TEXT   NOT NULL,
	sheet        TEXT   NOT NULL, -- JSON
	queued_at    BIGINT NOT NULL,
	PRIMARY KEY (community_id, name)
);
