-- Each word that ads of a community are found by, once: where a search looks for words that are nearly what was said.

CREATE TABLE vocabulary (
	community_id BIGINT NOT NULL REFERENCES communities (id),
	word         TEXT   NOT NULL,
	PRIMARY KEY (community_id, word)
);

INSERT INTO vocabulary (community_id, word) SELECT DISTINCT community_id, word FROM ad_words;
