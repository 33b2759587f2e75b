-- Pictures are kept small, and belong to the member who has sent them.

-- photos is how many lie beside the message, unusable why another does not. album names pictures that were sent together.
ALTER TABLE inbox ADD COLUMN photos BIGINT NOT NULL DEFAULT 0;
ALTER TABLE inbox ADD COLUMN unusable TEXT NOT NULL DEFAULT '';
ALTER TABLE inbox ADD COLUMN album TEXT NOT NULL DEFAULT '';

UPDATE inbox SET photos = (SELECT COUNT(*) FROM photos WHERE photos.community_id = inbox.community_id AND photos.message_id = inbox.id)
WHERE state = 'pending';

-- thumb is the same picture, smaller, base64 too: '' where neither was made small yet. member_id is whose ad it may go to, 0 for nobody's yet.
ALTER TABLE photos ADD COLUMN thumb TEXT NOT NULL DEFAULT '';
ALTER TABLE photos ADD COLUMN member_id BIGINT NOT NULL DEFAULT 0;

CREATE INDEX photos_as_they_came ON photos (community_id, message_id) WHERE thumb = '';
CREATE INDEX photos_member ON photos (community_id, member_id, received_at) WHERE member_id <> 0;
