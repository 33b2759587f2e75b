-- What NEWS has shown to members who get no digests: all up to the ad above, and shown ("31 33") beyond. since is where the last time began.
CREATE TABLE news (
	community_id BIGINT NOT NULL,
	member_id    BIGINT NOT NULL,
	since        BIGINT NOT NULL,
	above        BIGINT NOT NULL,
	shown        TEXT   NOT NULL,
	PRIMARY KEY (community_id, member_id),
	FOREIGN KEY (community_id, member_id) REFERENCES members (community_id, id)
);
