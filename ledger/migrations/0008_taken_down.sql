-- Which ads a coordinator has taken down, and why: their owners cannot put them up again.

CREATE TABLE ads_taken_down (
	community_id BIGINT NOT NULL,
	number       BIGINT NOT NULL,
	by_member    BIGINT NOT NULL,
	why          TEXT   NOT NULL,
	taken_at     BIGINT NOT NULL,
	PRIMARY KEY (community_id, number),
	FOREIGN KEY (community_id, number) REFERENCES ads (community_id, number)
);
