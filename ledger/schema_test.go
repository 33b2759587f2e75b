package ledger_test

import (
	"strings"
	"testing"

	"crier/ledger"
)

// Even plain SQL cannot change what was decided.
func TestHistoryNeverChanges(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		v := history(t, db)
		for _, s := range []string{
			`UPDATE transfers SET amount = 1 WHERE community_id = $1 AND id = 101`,
			`UPDATE transfers SET description = 'x' WHERE community_id = $1 AND id = 101`,
			`UPDATE transfers SET state = 'pending', seq = NULL, hash = NULL WHERE community_id = $1 AND id = 105`,
			`UPDATE transfers SET reminded_at = 1 WHERE community_id = $1 AND id = 104`,
			`UPDATE transfers SET state = 'pending' WHERE community_id = $1 AND id = 107`,
			`UPDATE transfers SET amount = amount WHERE community_id = $1`,
			`DELETE FROM transfers WHERE community_id = $1 AND id = 105`,
			`DELETE FROM transfers WHERE community_id = $1 AND id = 106`,
			`DELETE FROM transfers WHERE community_id = $1 AND id = 107`,
			`UPDATE entries SET amount = 1 WHERE community_id = $1 AND seq = 1`,
			`UPDATE entries SET balance = balance WHERE community_id = $1`,
			`DELETE FROM entries WHERE community_id = $1 AND seq = 5`,
		} {
			if err := v.sql(s); err == nil || !strings.Contains(err.Error(), "never") {
				t.Errorf("%s: %v", s, err)
			}
		}
		v.verify()
		v.wantBalances("anna -2 ben -3 carl 5 village 0")
	})
}

// The schema itself refuses rows that cannot be.
func TestSchemaRefuses(t *testing.T) {
	const transfer = `INSERT INTO transfers (community_id, id, payer, payee, amount, description, state, asked_by, created_at, seq, previous, hash) VALUES `
	const entry = `INSERT INTO entries (community_id, account_id, seq, amount, balance) VALUES `
	const member = `INSERT INTO members (community_id, id, number, name, locale, role, status, version, created_at) VALUES `
	const community = `INSERT INTO communities (id, slug, name, unit_kind, unit_words, decimals, locale, timezone, threshold, grace_seconds, ad_days, receipt_salt, created_at) VALUES `
	engines(t, func(t *testing.T, db ledger.DB) {
		v := history(t, db)
		for what, s := range map[string]string{
			"a negative amount":               transfer + `($1, 1, ANNA, BEN, -1, '', 'pending', 0, 1, NULL, NULL, NULL)`,
			"an amount of nothing":            transfer + `($1, 1, ANNA, BEN, 0, '', 'pending', 0, 1, NULL, NULL, NULL)`,
			"a payment to oneself":            transfer + `($1, 1, ANNA, ANNA, 1, '', 'pending', 0, 1, NULL, NULL, NULL)`,
			"a payment to nobody":             transfer + `($1, 1, ANNA, 404, 1, '', 'pending', 0, 1, NULL, NULL, NULL)`,
			"a payment from nobody":           transfer + `($1, 1, 404, ANNA, 1, '', 'pending', 0, 1, NULL, NULL, NULL)`,
			"an unknown state":                transfer + `($1, 1, ANNA, BEN, 1, '', 'lost', 0, 1, NULL, NULL, NULL)`,
			"completed outside the chain":     transfer + `($1, 1, ANNA, BEN, 1, '', 'completed', 0, 1, NULL, NULL, NULL)`,
			"pending in the chain":            transfer + `($1, 1, ANNA, BEN, 1, '', 'pending', 0, 1, 6, 'x', 'y')`,
			"completed without a hash":        transfer + `($1, 1, ANNA, BEN, 1, '', 'completed', 0, 1, 6, 'x', NULL)`,
			"a hash without a place":          transfer + `($1, 1, ANNA, BEN, 1, '', 'pending', 0, 1, NULL, 'x', 'y')`,
			"place 0":                         transfer + `($1, 1, ANNA, BEN, 1, '', 'completed', 0, 1, 0, 'x', 'y')`,
			"a place that is taken":           transfer + `($1, 1, ANNA, BEN, 1, '', 'completed', 0, 1, 5, 'x', 'y')`,
			"an id that is taken":             transfer + `($1, 101, ANNA, BEN, 1, '', 'pending', 0, 1, NULL, NULL, NULL)`,
			"a second reversal":               `INSERT INTO transfers (community_id, id, payer, payee, amount, description, state, asked_by, created_at, reverses) VALUES ($1, 1, BEN, ANNA, 5, '', 'pending', 0, 1, 101)`,
			"an entry of nothing":             entry + `($1, CARL, 1, 0, 0)`,
			"an entry of no transfer":         entry + `($1, CARL, 99, 1, 1)`,
			"a second entry for an account":   entry + `($1, ANNA, 1, 1, 1)`,
			"an account twice":                `INSERT INTO accounts (community_id, id) VALUES ($1, ANNA)`,
			"an account of no community":      `INSERT INTO accounts (community_id, id) VALUES (404, 404)`,
			"a member of no community":        member + `(404, 1, 9, 'x', 'en', 'member', 'active', 1, 1)`,
			"a member without a name":         member + `($1, 1, 9, '', 'en', 'member', 'active', 1, 1)`,
			"member number 0":                 member + `($1, 1, 0, 'x', 'en', 'member', 'active', 1, 1)`,
			"a number that is taken":          member + `($1, 1, 1, 'x', 'en', 'member', 'active', 1, 1)`,
			"an unknown role":                 member + `($1, 1, 9, 'x', 'en', 'queen', 'active', 1, 1)`,
			"an unknown status":               member + `($1, 1, 9, 'x', 'en', 'member', 'happy', 1, 1)`,
			"an unknown address status":       `INSERT INTO addresses (community_id, member_id, channel, address, status, used_at) VALUES ($1, ANNA, 'sms', '1', 'lost', 1)`,
			"an address of nobody":            `INSERT INTO addresses (community_id, member_id, channel, address, status, used_at) VALUES ($1, 404, 'sms', '1', 'active', 1)`,
			"an ad without a text":            `INSERT INTO ads (community_id, number, kind, member_id, text, idempotency_key, created_at, expires_at) VALUES ($1, 1, 'offer', ANNA, '', 'k', 1, 1)`,
			"an ad that is no offer or want":  `INSERT INTO ads (community_id, number, kind, member_id, text, idempotency_key, created_at, expires_at) VALUES ($1, 1, 'x', ANNA, 'x', 'k', 1, 1)`,
			"an ad of nobody":                 `INSERT INTO ads (community_id, number, kind, member_id, text, idempotency_key, created_at, expires_at) VALUES ($1, 1, 'offer', 404, 'x', 'k', 1, 1)`,
			"a word of no ad":                 `INSERT INTO ad_words (community_id, word, number) VALUES ($1, 'x', 99)`,
			"a slug that is taken":            community + `(1, '', 'x', 'unit', 'x', 0, 'en', 'UTC', 0, 0, 1, 1, 1)`,
			"a unit of nothing known":         community + `(1, 'x', 'x', 'gold', 'x', 0, 'en', 'UTC', 0, 0, 1, 1, 1)`,
			"three decimals":                  community + `(1, 'x', 'x', 'unit', 'x', 3, 'en', 'UTC', 0, 0, 1, 1, 1)`,
			"a negative threshold":            community + `(1, 'x', 'x', 'unit', 'x', 0, 'en', 'UTC', -1, 0, 1, 1, 1)`,
			"a negative grace":                community + `(1, 'x', 'x', 'unit', 'x', 0, 'en', 'UTC', 0, -1, 1, 1, 1)`,
			"ads for no days":                 community + `(1, 'x', 'x', 'unit', 'x', 0, 'en', 'UTC', 0, 0, 0, 1, 1)`,
			"a member who has traded, erased": `DELETE FROM accounts WHERE community_id = $1 AND id = ANNA`,
		} {
			before := v.rows()
			s = strings.NewReplacer("ANNA", v.number("anna"), "BEN", v.number("ben"), "CARL", v.number("carl")).Replace(s)
			if err := v.sql(s); err == nil {
				t.Errorf("%s was taken", what)
			} else if strings.Contains(err.Error(), "syntax") || strings.Contains(err.Error(), "no such") || strings.Contains(err.Error(), "does not exist") {
				t.Errorf("%s: %v", what, err)
			}
			if after := v.rows(); before != after {
				t.Errorf("%s left %s", what, difference(before, after))
			}
		}
	})
}
