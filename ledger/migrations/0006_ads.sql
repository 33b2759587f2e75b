-- An offer may have a stock, which counts down as it is taken.

-- stock: how much there was, in thousandths of measure ("kg", in the member's words; '': pieces); NULL: it is not counted. stock_left:
-- how much is still to be had. per_measure: 1 where the price is for one measure. emptied_at: when the last of it was taken, which also
-- took the ad down. dated: 1 where the member has said until when it stays.
ALTER TABLE ads ADD COLUMN stock BIGINT CHECK (stock > 0);
ALTER TABLE ads ADD COLUMN stock_left BIGINT NOT NULL DEFAULT 0 CHECK (stock_left >= 0);
ALTER TABLE ads ADD COLUMN measure TEXT NOT NULL DEFAULT '';
ALTER TABLE ads ADD COLUMN per_measure BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ads ADD COLUMN emptied_at BIGINT;
ALTER TABLE ads ADD COLUMN dated BIGINT NOT NULL DEFAULT 0;

-- Who has taken how much of a stock, until it is paid for or given back.
CREATE TABLE ad_shares (
	community_id BIGINT NOT NULL,
	number       BIGINT NOT NULL,
	member_id    BIGINT NOT NULL,
	amount       BIGINT NOT NULL CHECK (amount > 0),
	PRIMARY KEY (community_id, number, member_id),
	FOREIGN KEY (community_id, number) REFERENCES ads (community_id, number),
	FOREIGN KEY (community_id, member_id) REFERENCES members (community_id, id)
);
