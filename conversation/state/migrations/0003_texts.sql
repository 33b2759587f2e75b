-- Channels whose messages cost money, arrive or do not, come in parts, and are answered on a small screen.

-- dialled is 1 where the sender waits before a screen, partial where the rest of the message did not come. A text that may hold
-- a PIN is sealed until it is handled, and masked then.
ALTER TABLE inbox ADD COLUMN dialled BIGINT NOT NULL DEFAULT 0;
ALTER TABLE inbox ADD COLUMN partial BIGINT NOT NULL DEFAULT 0;

-- cost is in millionths of the currency. delivered_at is when the channel said that it has arrived.
ALTER TABLE outbox ADD COLUMN segments BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN cost BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN currency TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN delivered_at BIGINT;

CREATE INDEX outbox_provider ON outbox (channel, provider_id) WHERE provider_id <> '';
CREATE INDEX outbox_screens ON outbox (reply_to) WHERE channel = 'ussd';

-- What became of a message that is not known to be sent yet.
CREATE TABLE receipts (
	channel     TEXT   NOT NULL,
	provider_id TEXT   NOT NULL,
	status      BIGINT NOT NULL,
	dead        BIGINT NOT NULL,
	opted_out   BIGINT NOT NULL,
	reason      TEXT   NOT NULL,
	received_at BIGINT NOT NULL,
	PRIMARY KEY (channel, provider_id)
);

-- The parts of a long message, until all are there. done is 1 from then on: what comes again is known by it.
CREATE TABLE parts (
	channel     TEXT   NOT NULL,
	sender      TEXT   NOT NULL,
	ref         TEXT   NOT NULL,
	number      BIGINT NOT NULL,
	total       BIGINT NOT NULL,
	external_id TEXT   NOT NULL,
	community   TEXT   NOT NULL, -- slug of the one that the receiving end serves, or ''
	text        TEXT   NOT NULL, -- sealed
	received_at BIGINT NOT NULL,
	done        BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (channel, sender, ref, number)
);

-- What each community's messages have cost. month is "2026-05", in the community's time zone.
CREATE TABLE costs (
	community_id BIGINT NOT NULL REFERENCES communities (id),
	month        TEXT   NOT NULL,
	channel      TEXT   NOT NULL,
	currency     TEXT   NOT NULL,
	messages     BIGINT NOT NULL,
	segments     BIGINT NOT NULL,
	cost         BIGINT NOT NULL,
	PRIMARY KEY (community_id, month, channel, currency)
);

-- How much of it there may be in a month. warned and reached are the months in which the coordinators were told of it.
CREATE TABLE budgets (
	community_id BIGINT PRIMARY KEY REFERENCES communities (id),
	cost         BIGINT NOT NULL,
	currency     TEXT   NOT NULL,
	warned       TEXT   NOT NULL DEFAULT '',
	reached      TEXT   NOT NULL DEFAULT ''
);

-- Members' PINs, as argon2id hashes. tries counts the wrong ones in a row.
CREATE TABLE pins (
	community_id BIGINT NOT NULL,
	member_id    BIGINT NOT NULL,
	hash         TEXT   NOT NULL,
	tries        BIGINT NOT NULL,
	paused_until BIGINT NOT NULL,
	PRIMARY KEY (community_id, member_id),
	FOREIGN KEY (community_id, member_id) REFERENCES members (community_id, id)
);
