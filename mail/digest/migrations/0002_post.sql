-- A digest that went to the community's group as well: place is where (digests.place at that time), '' for nowhere; post_id is the outbox id.
ALTER TABLE cries ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE cries ADD COLUMN post_id BIGINT NOT NULL DEFAULT 0;
