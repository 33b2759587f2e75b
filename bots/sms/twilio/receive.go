package twilio

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"crier/bots/sms"
	"crier/conversation"
)

// nothing is the answer that has Twilio send nothing by itself.
var nothing = sms.Answer{Type: "text/xml; charset=utf-8", Body: `<?xml version="1.0" encoding="UTF-8"?><Response/>`}

// Call takes a text or a receipt.
func (g *gateway) Call(ctx context.Context, call sms.Call) (sms.Answer, error) {
	if !g.signed(call) {
		return sms.Answer{}, sms.ErrForged
	}
	fields, err := fieldsOf(call)
	if err != nil {
		return sms.Answer{}, err
	}
	if call.Path == "receipt" {
		return nothing, g.receipt(ctx, fields, call.Query.Get("id"))
	}
	return nothing, g.hear(ctx, fields)
}

// hear takes a text. STOP and its like, which Twilio has acted upon, are texts
// like any other (OptOutType).
func (g *gateway) hear(ctx context.Context, fields url.Values) error {
	sid := fields.Get("MessageSid")
	if !isID(sid) || fields.Get("From") == "" || !fields.Has("Body") {
		return sms.ErrMalformed
	}
	return g.line.Hear(ctx, sms.Heard{ID: sid, From: fields.Get("From"), Text: fields.Get("Body")})
}

// receipt takes a receipt. Twilio calls with what has become of a message, in
// no certain order.
func (g *gateway) receipt(ctx context.Context, fields url.Values, id string) error {
	sid, status := fields.Get("MessageSid"), fields.Get("MessageStatus")
	if !isID(sid) || status == "" {
		return sms.ErrMalformed
	}
	r := conversation.Receipt{ProviderID: sid}
	ours, err := strconv.ParseInt(id, 10, 64)
	if err == nil && ours > 0 {
		r = conversation.Receipt{ID: ours}
	}
	switch status {
	case "accepted", "scheduled", "queued", "sending", "sent":
		r.Status = conversation.Underway
	case "delivered", "read":
		r.Status = conversation.Delivered
	case "undelivered", "failed", "canceled":
		r.Status, r.Reason = conversation.Failed, status
		if code, err := strconv.Atoi(fields.Get("ErrorCode")); err == nil && code > 0 && code <= 99999 {
			r.Reason = strconv.Itoa(code)
			r.OptedOut = code == 21610
			if r.Again = r.ID != 0 && passing(code); r.Again {
				r.ProviderID = sid
			}
			// The number is of nobody, or not of a telephone that gets texts.
			r.Dead = slices.Contains([]int{21211, 21614, 21635, 30005, 30006}, code)
		}
	default:
		return nil // one that Twilio has thought of since
	}
	return g.line.Receipt(ctx, r)
}

// passing reports whether a message that has failed by that code was not even
// tried: too many waited at Twilio, or the account was suspended meanwhile, as
// a rule for want of money.
func passing(code int) bool { return code == 30001 || code == 30002 }

// isID reports whether a SID can be one: they are 34 letters and digits.
func isID(sid string) bool {
	return sid != "" && len(sid) <= 64 && !strings.ContainsFunc(sid, func(r rune) bool { return r <= ' ' || r > '~' })
}

// fieldsOf are the fields of a call, whether it is a form or JSON.
func fieldsOf(call sms.Call) (url.Values, error) {
	if !call.Query.Has(bodyHash) {
		return call.Form, nil
	}
	var values map[string]any
	if err := json.Unmarshal(call.Body, &values); err != nil || values == nil {
		return nil, sms.ErrMalformed
	}
	fields := url.Values{}
	for key, value := range values {
		switch value := value.(type) {
		case string:
			fields.Set(key, value)
		case float64: // ErrorCode
			fields.Set(key, strconv.FormatFloat(value, 'f', -1, 64))
		}
	}
	return fields, nil
}

// bodyHash is the field of the query that holds the hash of a body that is no
// form.
const bodyHash = "bodySHA256"

// signed checks X-Twilio-Signature
// (https://www.twilio.com/docs/usage/webhooks/webhooks-security): the HMAC, in
// base64, of the whole URL and of all fields of the form, sorted, each name
// followed by its value.
func (g *gateway) signed(call sms.Call) bool {
	shown, err := base64.StdEncoding.DecodeString(call.Header.Get("X-Twilio-Signature"))
	if err != nil {
		return false
	}
	// Twilio signs with a key of the operator's, and SHA-256, where its webhook
	// rules say so (https://www.twilio.com/docs/usage/webhooks/webhook-shared-keys).
	algorithm := sha1.New
	if strings.Contains(call.Header.Get("X-Twilio-Webhooks-Signature-Settings"), "algorithm=HMAC_SHA256") {
		algorithm = sha256.New
	}
	fields := ""
	if hash := call.Query.Get(bodyHash); call.Query.Has(bodyHash) {
		if sum := sha256.Sum256(call.Body); !hmac.Equal([]byte(hex.EncodeToString(sum[:])), []byte(strings.ToLower(hash))) {
			return false
		}
	} else {
		// What is no form has to have its hash in the query, even if empty.
		if len(call.Body) > 0 && len(call.Form) == 0 {
			return false
		}
		fields = concatenated(call.Form)
	}
	right := false
	for _, address := range variants(call.URL) {
		right = hmac.Equal(g.signature(algorithm, address+fields), shown) || right
	}
	return right
}

func (g *gateway) signature(algorithm func() hash.Hash, text string) []byte {
	key := g.settings.Signing
	if key == "" {
		key = g.settings.Secret
	}
	mac := hmac.New(algorithm, []byte(key))
	_, _ = io.WriteString(mac, text)
	return mac.Sum(nil)
}

func concatenated(form url.Values) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(form)) {
		values := slices.Clone(form[key])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			b.WriteString(key)
			b.WriteString(value)
		}
	}
	return b.String()
}

// variants are the ways Twilio may have written an address: it is not of one
// mind about the port.
func variants(address string) []string {
	u, err := url.Parse(address)
	if err != nil {
		return []string{address}
	}
	port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	host := u.Host
	if u.Port() != "" {
		host = strings.TrimSuffix(host, ":"+u.Port())
		port = ":" + u.Port()
	}
	with, without := *u, *u
	with.Host, without.Host = host+port, host
	return []string{address, with.String(), without.String()}
}
