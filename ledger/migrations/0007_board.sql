-- What ads are about, and which of them somebody finds wrong.

-- A community's own categories, instead of those that all have. name may name itself in several languages: "Garden; fr Jardin".
-- words are those by which an ad is taken for one of it, as in locales/*/categories.toml.
CREATE TABLE categories (
	community_id BIGINT NOT NULL REFERENCES communities (id),
	key          TEXT   NOT NULL CHECK (key <> ''),
	name         TEXT   NOT NULL CHECK (name <> ''),
	words        TEXT   NOT NULL DEFAULT '',
	position     BIGINT NOT NULL,
	PRIMARY KEY (community_id, key)
);

-- Who has told the coordinators of an ad, once each.
CREATE TABLE ad_reports (
	community_id BIGINT NOT NULL,
	number       BIGINT NOT NULL,
	member_id    BIGINT NOT NULL,
	why          TEXT   NOT NULL,
	created_at   BIGINT NOT NULL,
	PRIMARY KEY (community_id, number, member_id),
	FOREIGN KEY (community_id, number) REFERENCES ads (community_id, number),
	FOREIGN KEY (community_id, member_id) REFERENCES members (community_id, id)
);

CREATE INDEX ad_reports_member ON ad_reports (community_id, member_id, created_at);
