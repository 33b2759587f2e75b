-- The rows that the first release wrote in a community.
INSERT INTO communities (id, slug, name, unit_kind, unit_words, decimals, locale, timezone, threshold, grace_seconds, limit_lower, limit_upper, ad_days, receipt_salt, directory_version, created_at)
	VALUES (1, 'riverbank', 'Riverbank', 'unit', 'acorn/acorns', 0, 'en', 'Europe/Brussels', 3, 600, -100, NULL, 90, 77, 3, 1777888800000000);
INSERT INTO members (community_id, id, number, name, place, locale, role, status, version, created_at)
	VALUES (1, 302373273600004000, 1, 'anna', 'Ghent', 'nl', 'coordinator', 'active', 1, 1777888800000000);
INSERT INTO members (community_id, id, number, name, place, locale, role, status, version, created_at)
	VALUES (1, 302373273600004001, 2, 'ben', '', 'en', 'member', 'active', 2, 1777888800000000);
INSERT INTO members (community_id, id, number, name, place, locale, role, status, version, created_at)
	VALUES (1, 302373273600004039, 3, 'carl', '', 'en', 'member', 'active', 3, 1777888800000000);
INSERT INTO addresses (community_id, member_id, channel, address, status, reason, used_at)
	VALUES (1, 302373273600004000, 'sms', '+32470000003', 'active', '', 1777888800000000);
INSERT INTO addresses (community_id, member_id, channel, address, status, reason, used_at)
	VALUES (1, 302373273600004000, 'telegram', '1003', 'paused', 'blocked', 1777888800000000);
INSERT INTO addresses (community_id, member_id, channel, address, status, reason, used_at)
	VALUES (1, 302373273600004039, 'sms', '+32470000003', 'active', '', 1777888800000000);
INSERT INTO accounts (community_id, id, balance, lower, upper)
	VALUES (1, 1, 0, NULL, NULL);
INSERT INTO accounts (community_id, id, balance, lower, upper)
	VALUES (1, 302373273600004000, -2, -20, NULL);
INSERT INTO accounts (community_id, id, balance, lower, upper)
	VALUES (1, 302373273600004001, -3, NULL, 20);
INSERT INTO accounts (community_id, id, balance, lower, upper)
	VALUES (1, 302373273600004039, 5, -100, NULL);
INSERT INTO transfers (community_id, id, payer, payee, amount, description, state, asked_by, created_at, expires_at, reminded_at, decided_at, reverses, seq, previous, hash)
	VALUES (1, 101, 302373273600004000, 302373273600004001, 5, 'bread', 'completed', 302373273600004000, 1777888800000000, NULL, NULL, 1777888800000000, NULL, 1, '', '884d240351a247492366e12f77ac668f15e63f8872b2b304cc66e4dc9a78e671');
INSERT INTO transfers (community_id, id, payer, payee, amount, description, state, asked_by, created_at, expires_at, reminded_at, decided_at, reverses, seq, previous, hash)
	VALUES (1, 102, 302373273600004001, 302373273600004039, 3, 'jam', 'completed', 302373273600004001, 1777888800000000, NULL, NULL, 1777888800000000, NULL, 2, '884d240351a247492366e12f77ac668f15e63f8872b2b304cc66e4dc9a78e671', 'defe3226af6b4eb533273eae3e4def8477333212ed277f6f1516bdc96084c20d');
INSERT INTO transfers (community_id, id, payer, payee, amount, description, state, asked_by, created_at, expires_at, reminded_at, decided_at, reverses, seq, previous, hash)
	VALUES (1, 103, 302373273600004039, 302373273600004000, 2, 'wood', 'completed', 302373273600004039, 1777888800000000, NULL, NULL, 1777888800000000, NULL, 3, 'defe3226af6b4eb533273eae3e4def8477333212ed277f6f1516bdc96084c20d', '0de30bb4d122dac7def62fe3d32fd879be891299af62235f1aeb9c76eb7e569b');
INSERT INTO transfers (community_id, id, payer, payee, amount, description, state, asked_by, created_at, expires_at, reminded_at, decided_at, reverses, seq, previous, hash)
	VALUES (1, 104, 302373273600004000, 302373273600004039, 4, 'asked for', 'completed', 302373273600004000, 1777888800000000, NULL, NULL, 1777888800000000, NULL, 4, '0de30bb4d122dac7def62fe3d32fd879be891299af62235f1aeb9c76eb7e569b', 'e4e8fa00e3e62950bdcca1d3b89999496060b0b9259c379f759e6bb3228657a9');
INSERT INTO transfers (community_id, id, payer, payee, amount, description, state, asked_by, created_at, expires_at, reminded_at, decided_at, reverses, seq, previous, hash)
	VALUES (1, 105, 302373273600004001, 302373273600004000, 5, 'bread', 'completed', 0, 1777888800000000, NULL, NULL, 1777888800000000, 101, 5, 'e4e8fa00e3e62950bdcca1d3b89999496060b0b9259c379f759e6bb3228657a9', '55e5b200c9dbdd10cae8cbac076cc578ce85fbea6cf2c6ef6288b01780c04ff1');
INSERT INTO transfers (community_id, id, payer, payee, amount, description, state, asked_by, created_at, expires_at, reminded_at, decided_at, reverses, seq, previous, hash)
	VALUES (1, 106, 302373273600004000, 302373273600004039, 1, 'asked for', 'pending', 302373273600004000, 1777888800000000, NULL, 1777888800000000, NULL, NULL, NULL, NULL, NULL);
INSERT INTO transfers (community_id, id, payer, payee, amount, description, state, asked_by, created_at, expires_at, reminded_at, decided_at, reverses, seq, previous, hash)
	VALUES (1, 107, 302373273600004000, 302373273600004039, 1, 'asked for', 'declined', 302373273600004000, 1777888800000000, NULL, NULL, 1777888800000000, NULL, NULL, NULL, NULL);
INSERT INTO entries (community_id, account_id, seq, amount, balance, bound)
	VALUES (1, 302373273600004000, 1, -5, -5, -20);
INSERT INTO entries (community_id, account_id, seq, amount, balance, bound)
	VALUES (1, 302373273600004000, 3, 2, -3, NULL);
INSERT INTO entries (community_id, account_id, seq, amount, balance, bound)
	VALUES (1, 302373273600004000, 4, -4, -7, -20);
INSERT INTO entries (community_id, account_id, seq, amount, balance, bound)
	VALUES (1, 302373273600004000, 5, 5, -2, NULL);
INSERT INTO entries (community_id, account_id, seq, amount, balance, bound)
	VALUES (1, 302373273600004001, 1, 5, 5, 20);
INSERT INTO entries (community_id, account_id, seq, amount, balance, bound)
	VALUES (1, 302373273600004001, 2, -3, 2, NULL);
INSERT INTO entries (community_id, account_id, seq, amount, balance, bound)
	VALUES (1, 302373273600004001, 5, -5, -3, NULL);
INSERT INTO entries (community_id, account_id, seq, amount, balance, bound)
	VALUES (1, 302373273600004039, 2, 3, 3, NULL);
INSERT INTO entries (community_id, account_id, seq, amount, balance, bound)
	VALUES (1, 302373273600004039, 3, -2, 1, -100);
INSERT INTO entries (community_id, account_id, seq, amount, balance, bound)
	VALUES (1, 302373273600004039, 4, 4, 5, NULL);
INSERT INTO ads (community_id, number, kind, member_id, text, price, per, quantity, place, category, idempotency_key, created_at, expires_at, asked_at, removed_at)
	VALUES (1, 1, 'offer', 302373273600004000, 'guitar lessons for beginners', 4, 'an hour', '2 a week', 'Ghent', 'music', 'k1', 1777888800000000, 1785664800000000, NULL, NULL);
INSERT INTO ads (community_id, number, kind, member_id, text, price, per, quantity, place, category, idempotency_key, created_at, expires_at, asked_at, removed_at)
	VALUES (1, 2, 'want', 302373273600004001, 'a guitar''s case', NULL, '', '', '', '', 'k2', 1777888800000000, 1785664800000000, NULL, 1777888800000000);
INSERT INTO ad_words (community_id, word, number)
	VALUES (1, 'beginners', 1);
INSERT INTO ad_words (community_id, word, number)
	VALUES (1, 'case', 2);
INSERT INTO ad_words (community_id, word, number)
	VALUES (1, 'guitar', 1);
INSERT INTO ad_words (community_id, word, number)
	VALUES (1, 'guitar', 2);
INSERT INTO ad_words (community_id, word, number)
	VALUES (1, 'lessons', 1);
INSERT INTO invitations (community_id, code, member_id, channel, address, created_at, expires_at, used_at)
	VALUES (1, 'RIVER-7KQ2', 302373273600004001, '', '', 1777888800000000, 1809424800000000, NULL);
INSERT INTO invitations (community_id, code, member_id, channel, address, created_at, expires_at, used_at)
	VALUES (1, 'RIVER-M2XD', 302373273600004001, 'email', 'ben@example.org', 1777888800000000, 1809424800000000, 1777888800000000);
