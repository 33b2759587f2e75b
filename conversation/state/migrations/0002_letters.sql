-- Channels whose senders prove themselves by answering what they got, and which hear later that something did not arrive.

-- answers is the outbox id whose token a message shows, 0 for none. thread is the channel's own, to answer in the same thread.
ALTER TABLE inbox ADD COLUMN answers BIGINT NOT NULL DEFAULT 0;
ALTER TABLE inbox ADD COLUMN thread TEXT NOT NULL DEFAULT '';

-- holds is the inbox id that waits for a yes to this message, 0 for none. desk is what it asks at the desk, 0 for nothing.
-- answered_by is the inbox id that has used its token.
ALTER TABLE outbox ADD COLUMN thread TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN holds BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN desk BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN answered_by BIGINT;

-- What was taken by the channel and yet never arrived. message_id is the outbox id. hard is 1 where the address does not work.
CREATE TABLE bounces (
	community_id BIGINT NOT NULL REFERENCES communities (id),
	message_id   BIGINT NOT NULL,
	channel      TEXT   NOT NULL,
	address      TEXT   NOT NULL,
	hard         BIGINT NOT NULL,
	reason       TEXT   NOT NULL,
	bounced_at   BIGINT NOT NULL,
	PRIMARY KEY (community_id, message_id)
);

CREATE INDEX bounces_address ON bounces (community_id, channel, address, bounced_at);

-- Who wants nothing that is sent to everybody.
CREATE TABLE unsubscribed (
	community_id BIGINT NOT NULL REFERENCES communities (id),
	channel      TEXT   NOT NULL,
	address      TEXT   NOT NULL,
	since        BIGINT NOT NULL,
	PRIMARY KEY (community_id, channel, address)
);

-- Pictures that came with messages. message_id is the inbox id; ad is the one that they show, 0 for none yet.
CREATE TABLE photos (
	community_id BIGINT NOT NULL REFERENCES communities (id),
	message_id   BIGINT NOT NULL,
	number       BIGINT NOT NULL,
	type         TEXT   NOT NULL,
	data         TEXT   NOT NULL, -- base64
	ad           BIGINT NOT NULL DEFAULT 0,
	received_at  BIGINT NOT NULL,
	PRIMARY KEY (community_id, message_id, number)
);

CREATE INDEX photos_of_no_ad ON photos (community_id, received_at) WHERE ad = 0;
CREATE INDEX photos_ad ON photos (community_id, ad) WHERE ad <> 0;

-- What the processes of one host share: secrets that are made once, and how far something was read.
CREATE TABLE notes (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
);
