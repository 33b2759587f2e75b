-- When whoever took an ad was told that it has gone, 0 for never: it may be put up anew, and go again.
ALTER TABLE takes ADD COLUMN over_at BIGINT NOT NULL DEFAULT 0;

CREATE INDEX takes_taken ON takes (community_id, taken_at);
