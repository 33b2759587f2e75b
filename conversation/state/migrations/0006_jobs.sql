-- What a request asks to be paid for: an ad that a member has taken, and how much of its stock, in thousandths. Where nothing comes of
-- the request they have still taken it.
CREATE TABLE asked_jobs (
	community_id BIGINT NOT NULL REFERENCES communities (id),
	transfer_id  BIGINT NOT NULL,
	ad           BIGINT NOT NULL,
	member_id    BIGINT NOT NULL,
	amount       BIGINT NOT NULL,
	PRIMARY KEY (community_id, transfer_id),
	FOREIGN KEY (community_id, ad) REFERENCES ads (community_id, number)
);
