-- Who has been invited at an address may join by a plain answer.

CREATE INDEX invitations_address ON invitations (community_id, channel, address) WHERE used_at IS NULL;
