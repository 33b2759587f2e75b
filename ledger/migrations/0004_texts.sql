-- What a community settles about messages that wake people, and about larger payments.

-- pin_above: paying more than this needs the payer's PIN. quiet_from and quiet_to: minutes of the day, equal where there are no quiet
-- hours. region: the country whose telephone numbers are written without one.
ALTER TABLE communities ADD COLUMN pin_above BIGINT;
ALTER TABLE communities ADD COLUMN quiet_from BIGINT NOT NULL DEFAULT 1260;
ALTER TABLE communities ADD COLUMN quiet_to BIGINT NOT NULL DEFAULT 480;
ALTER TABLE communities ADD COLUMN region TEXT NOT NULL DEFAULT '';
