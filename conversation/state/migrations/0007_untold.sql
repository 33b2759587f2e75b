-- What the owner of an ad could not be told of when it was taken: how much of its stock, in thousandths, or 1 where there is nothing to count.
ALTER TABLE takes ADD COLUMN untold BIGINT NOT NULL DEFAULT 0;
