-- Amounts are in the smallest part of the community's unit, times in microseconds since 1970 (UTC).
-- Every row belongs to a community. Community 0 is the host itself: it holds nobody's balance.

CREATE TABLE communities (
	id                BIGINT PRIMARY KEY,
	slug              TEXT   NOT NULL UNIQUE,
	name              TEXT   NOT NULL,
	unit_kind         TEXT   NOT NULL CHECK (unit_kind IN ('hour', 'unit')),
	unit_words        TEXT   NOT NULL,
	decimals          BIGINT NOT NULL CHECK (decimals BETWEEN 0 AND 2),
	locale            TEXT   NOT NULL,
	timezone          TEXT   NOT NULL,
	threshold         BIGINT NOT NULL DEFAULT 0 CHECK (threshold >= 0),
	grace_seconds     BIGINT NOT NULL DEFAULT 0 CHECK (grace_seconds >= 0),
	limit_lower       BIGINT,
	limit_upper       BIGINT,
	ad_days           BIGINT NOT NULL DEFAULT 90 CHECK (ad_days > 0),
	receipt_salt      BIGINT NOT NULL,
	directory_version BIGINT NOT NULL DEFAULT 0,
	created_at        BIGINT NOT NULL
);

CREATE TABLE members (
	community_id BIGINT NOT NULL REFERENCES communities (id),
	id           BIGINT NOT NULL,
	number       BIGINT NOT NULL CHECK (number > 0),
	name         TEXT   NOT NULL CHECK (name <> ''),
	place        TEXT   NOT NULL DEFAULT '',
	locale       TEXT   NOT NULL,
	role         TEXT   NOT NULL CHECK (role IN ('member', 'coordinator')),
	status       TEXT   NOT NULL CHECK (status IN ('invited', 'active', 'frozen', 'left')),
	version      BIGINT NOT NULL,
	created_at   BIGINT NOT NULL,
	PRIMARY KEY (community_id, id),
	UNIQUE (community_id, number)
);

CREATE INDEX members_version ON members (community_id, version);

CREATE TABLE addresses (
	community_id BIGINT NOT NULL,
	member_id    BIGINT NOT NULL,
	channel      TEXT   NOT NULL,
	address      TEXT   NOT NULL,
	status       TEXT   NOT NULL CHECK (status IN ('active', 'paused', 'stopped')),
	reason       TEXT   NOT NULL DEFAULT '',
	used_at      BIGINT NOT NULL,
	PRIMARY KEY (community_id, channel, address, member_id),
	FOREIGN KEY (community_id, member_id) REFERENCES members (community_id, id)
);

CREATE INDEX addresses_member ON addresses (community_id, member_id);

-- The one question that is asked across communities: who has this address.
CREATE INDEX addresses_route ON addresses (channel, address);

-- A member's account has the member's id, the community's own account the community's.
CREATE TABLE accounts (
	community_id BIGINT NOT NULL REFERENCES communities (id),
	id           BIGINT NOT NULL,
	balance      BIGINT NOT NULL DEFAULT 0,
	lower        BIGINT,
	upper        BIGINT,
	PRIMARY KEY (community_id, id)
);

CREATE TABLE transfers (
	community_id BIGINT NOT NULL,
	id           BIGINT NOT NULL,
	payer        BIGINT NOT NULL,
	payee        BIGINT NOT NULL,
	amount       BIGINT NOT NULL CHECK (amount > 0),
	description  TEXT   NOT NULL,
	state        TEXT   NOT NULL CHECK (state IN ('pending', 'completed', 'declined', 'cancelled', 'expired')),
	asked_by     BIGINT NOT NULL,
	created_at   BIGINT NOT NULL,
	expires_at   BIGINT,
	reminded_at  BIGINT,
	decided_at   BIGINT,
	reverses     BIGINT,
	seq          BIGINT CHECK (seq > 0),
	previous     TEXT,
	hash         TEXT,
	PRIMARY KEY (community_id, id),
	UNIQUE (community_id, seq),
	CHECK (payer <> payee),
	CHECK ((state = 'completed') = (seq IS NOT NULL)),
	CHECK ((seq IS NULL) = (hash IS NULL)),
	FOREIGN KEY (community_id, payer) REFERENCES accounts (community_id, id),
	FOREIGN KEY (community_id, payee) REFERENCES accounts (community_id, id)
);

CREATE INDEX transfers_pending ON transfers (community_id, expires_at) WHERE state = 'pending';
CREATE INDEX transfers_payer_pending ON transfers (community_id, payer) WHERE state = 'pending';
CREATE INDEX transfers_payee_pending ON transfers (community_id, payee) WHERE state = 'pending';
CREATE UNIQUE INDEX transfers_reverses ON transfers (community_id, reverses) WHERE reverses IS NOT NULL AND state IN ('pending', 'completed');

-- bound is the limit that the entry was checked against: the lowest balance where it takes, the highest where it gives.
CREATE TABLE entries (
	community_id BIGINT NOT NULL,
	account_id   BIGINT NOT NULL,
	seq          BIGINT NOT NULL,
	amount       BIGINT NOT NULL CHECK (amount <> 0),
	balance      BIGINT NOT NULL,
	bound        BIGINT,
	PRIMARY KEY (community_id, account_id, seq),
	FOREIGN KEY (community_id, seq) REFERENCES transfers (community_id, seq)
);

CREATE TABLE ads (
	community_id BIGINT NOT NULL,
	number       BIGINT NOT NULL CHECK (number > 0),
	kind         TEXT   NOT NULL CHECK (kind IN ('offer', 'want')),
	member_id    BIGINT NOT NULL,
	text         TEXT   NOT NULL CHECK (text <> ''),
	price        BIGINT,
	per          TEXT   NOT NULL DEFAULT '',
	quantity     TEXT   NOT NULL DEFAULT '',
	place        TEXT   NOT NULL DEFAULT '',
	category     TEXT   NOT NULL DEFAULT '',
	idempotency_key TEXT NOT NULL,
	created_at   BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL,
	asked_at     BIGINT,
	removed_at   BIGINT,
	PRIMARY KEY (community_id, number),
	UNIQUE (community_id, idempotency_key),
	FOREIGN KEY (community_id, member_id) REFERENCES members (community_id, id)
);

CREATE INDEX ads_member ON ads (community_id, member_id);
CREATE INDEX ads_live ON ads (community_id, expires_at) WHERE removed_at IS NULL;

CREATE TABLE ad_words (
	community_id BIGINT NOT NULL,
	word         TEXT   NOT NULL,
	number       BIGINT NOT NULL,
	PRIMARY KEY (community_id, word, number),
	FOREIGN KEY (community_id, number) REFERENCES ads (community_id, number)
);

CREATE TABLE invitations (
	community_id BIGINT NOT NULL,
	code         TEXT   NOT NULL PRIMARY KEY,
	member_id    BIGINT NOT NULL,
	channel      TEXT   NOT NULL DEFAULT '',
	address      TEXT   NOT NULL DEFAULT '',
	created_at   BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL,
	used_at      BIGINT,
	FOREIGN KEY (community_id, member_id) REFERENCES members (community_id, id)
);

INSERT INTO communities (id, slug, name, unit_kind, unit_words, decimals, locale, timezone, receipt_salt, created_at)
	VALUES (0, '', 'Host', 'unit', '', 0, 'en', 'UTC', 0, 0);
