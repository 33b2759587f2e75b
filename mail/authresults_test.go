package mail_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"crier/conversation"
	"crier/mail"
)

// dead is a DNS without an answer: only our mail server's word can help.
var dead = dns{"k1._domainkey.example.org": "down", "_dmarc.example.org": "down", "_dmarc.mail.example.org": "down"}

const (
	pass    = "Authentication-Results: mx.lets.test; dkim=pass header.d=example.org; dmarc=pass header.from=example.org\n"
	fail    = "Authentication-Results: mx.lets.test; dmarc=fail header.from=example.org\n"
	spf     = "Authentication-Results: mx.lets.test; spf=pass smtp.mailfrom=luc@example.org; dmarc=pass header.from=example.org\n"
	byUs    = "Received: from mail.example.org (mail.example.org [192.0.2.1])\n by mx.lets.test (Postfix) with ESMTPS id 1; Mon, 2 Mar 2026 09:59:00 +0000\n"
	byOurs  = "Received: from mx.lets.test by store.lets.test with LMTP id 2; Mon, 2 Mar 2026 09:59:01 +0000\n"
	byLocal = "Received: from mx.lets.test by localhost with LMTP id 2; Mon, 2 Mar 2026 09:59:01 +0000\n"
	byThem  = "Received: from [10.0.0.7] by mail.example.org with ESMTPSA id 3; Mon, 2 Mar 2026 09:58:00 +0000\n"
)

func TestOurMailServersWordCounts(t *testing.T) {
	mx := func(results string) string { return "Authentication-Results: mx.lets.test; " + results + "\n" + byUs }
	friend := strings.Replace(letter, "crier@lets.test", "bob@example.net", 1)
	sub := strings.Replace(letter, "luc@example.org", "luc@mail.example.org", 1)
	for name, test := range map[string]struct{ raw, why string }{
		"dkim passes, and dmarc":                 {pass + byUs + signed(letter), "+dkim=pass, signed by example.org"},
		"dkim passes":                            {mx("dkim=pass header.d=example.org") + signed(letter), "+"},
		"dkim passes, an agent is named":         {mx("dkim=pass header.i=@example.org") + signed(letter), "+"},
		"an agent of a part of it":               {mx("dkim=pass header.i=@x.example.org") + signer{tags: "i=@x.example.org; "}.sign(letter), "+"},
		"capitals all over":                      {"authentication-results: MX.Lets.Test 1; DKIM=Pass header.D=Example.ORG\n" + byUs + signed(letter), "+"},
		"in two fields":                          {mx("dmarc=pass header.from=example.org\nAuthentication-Results: mx.lets.test; dkim=pass header.d=example.org") + signed(letter), "+"},
		"dkim passes for somebody else":          {mx("dkim=pass header.d=mailer.example") + signed(letter), "DNS did not answer"},
		"dkim passes for a public suffix":        {mx("dkim=pass header.d=org") + signed(letter), "DNS did not answer"},
		"dkim passes for a part, strict or not":  {mx("dkim=pass header.d=mail.example.org") + signer{domain: "mail.example.org"}.sign(letter), "no key for signature"},
		"dmarc passes for somebody else":         {mx("spf=pass smtp.mailfrom=example.org; dmarc=pass header.from=mailer.example") + letter, "no signature"},
		"nothing was found":                      {mx("none") + letter, "no signature"},
		"neutral is no failure":                  {mx("dkim=neutral header.d=example.org") + signed(letter), "DNS did not answer"},
		"the signature is not there":             {mx("dkim=pass header.d=example.org") + letter, "is not there"},
		"it was written to a friend":             {pass + byUs + signed(friend), "written to somebody else"},
		"only the beginning is signed":           {pass + byUs + signer{tags: "l=20; ", length: 20}.sign(letter), "only the beginning"},
		"To is not signed":                       {pass + byUs + signer{fields: []string{"From", "Date", "Subject"}}.sign(letter), "To is not signed"},
		"From is not signed":                     {pass + byUs + signer{fields: usual[1:]}.sign(letter), "From is not signed"},
		"expired":                                {pass + byUs + signer{tags: fmt.Sprintf("x=%d; ", today.Unix()-1)}.sign(letter), "the signature has expired"},
		"another signature covers what it lacks": {pass + byUs + signer{fields: []string{"From"}}.sign(signed(letter)), "Date is not signed"},
		"two From fields":                        {pass + byUs + "From: bob@example.org\n" + signed(letter), "2 fields from"},
		"too old":                                {pass + byUs + signed(swap("Mon, 2 Mar", "Sat, 21 Feb")), "too old"},

		"spf and dmarc pass":                         {spf + byUs + letter, "+dmarc=pass by spf for example.org"},
		"spf passes for just a domain":               {mx("spf=pass smtp.mailfrom=example.org; dmarc=pass header.from=example.org") + letter, "+"},
		"spf passes, an old mail":                    {spf + byUs + swap("Mon, 2 Mar", "Sat, 21 Feb"), "+"},
		"spf passes, written to a friend":            {spf + byUs + friend, "written to somebody else"},
		"spf passes alone":                           {mx("spf=pass smtp.mailfrom=luc@example.org") + letter, "no signature"},
		"dmarc passes alone":                         {mx("dmarc=pass header.from=example.org") + letter, "no signature"},
		"spf passes for somebody else":               {mx("spf=pass smtp.mailfrom=luc@mailer.example; dmarc=pass header.from=example.org") + letter, "no signature"},
		"spf passes in another field":                {"Authentication-Results: mx.lets.test; spf=pass smtp.mailfrom=luc@example.org\n" + mx("dmarc=pass header.from=example.org") + letter, "no signature"},
		"spf passes for the organisation, maybe":     {mx("spf=pass smtp.mailfrom=luc@example.org; dmarc=pass header.from=mail.example.org") + sub, "no signature"},
		"spf passes for a sender in quotes":          {mx(`spf=pass smtp.mailfrom="x smtp.mailfrom=example.org; dmarc=pass header.from=example.org; z="@mailer.example`) + letter, "no signature"},
		"a comment with what is none":                {mx(`spf=pass (of "a); dkim=pass header.d=example.org (b"@mailer.example)`) + signed(letter), "DNS did not answer"},
		"a comment with results":                     {mx(`spf=none (we say; dkim=pass header.d=example.org)`) + signed(letter), "DNS did not answer"},
		"a comment without an end":                   {mx(`dkim=pass header.d=example.org (and`) + signed(letter), "DNS did not answer"},
		"a comment that only ends":                   {mx(`dkim=pass header.d=example.org and)`) + signed(letter), "DNS did not answer"},
		"a space that is none in ASCII":              {mx("spf=pass smtp.mailfrom=x\u00a0smtp.mailfrom=example.org\u00a0x@mailer.example; dmarc=pass header.from=example.org") + letter, "no signature"},
		"a domain in other letters that looks alike": {mx("dmarc=pass header.from=ｅxample.org; spf=pass smtp.mailfrom=ｅxample.org") + letter, "no signature"},
		"another version":                            {"Authentication-Results: mx.lets.test 2; dkim=pass header.d=example.org\n" + byUs + signed(letter), "DNS did not answer"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, verifier(dead, "other.test", "mx.lets.test"), crlf(test.raw), test.why) })
	}
}

func TestOurMailServersNoIsFinal(t *testing.T) {
	for name, test := range map[string]struct{ raw, why string }{
		"dmarc":                             {fail + byUs, "dmarc=fail"},
		"dmarc, and it passes as well":      {pass + fail + byUs, "dmarc=fail"},
		"dmarc, further down":               {pass + byUs + fail, "dmarc=fail"},
		"dkim":                              {"Authentication-Results: mx.lets.test; dkim=fail (hash) header.d=example.org\n" + byUs, "dkim=fail"},
		"dkim of nobody":                    {"Authentication-Results: mx.lets.test; dkim=hardfail\n" + byUs, "dkim=fail"},
		"dkim of somebody else, not theirs": {"Authentication-Results: mx.lets.test; dkim=fail header.d=mailer.example\n" + byUs, "+DKIM"},
		"of another server, it is not":      {"Authentication-Results: mx.other.test; dmarc=fail\n" + byUs, "+DKIM"},
		"spf fails, as of a forwarder":      {"Authentication-Results: mx.lets.test; spf=fail smtp.mailfrom=example.org\n" + byUs, "+DKIM"},
		"no results that can be read":       {"Authentication-Results: mx.lets.test; dkim\n" + byUs, "+DKIM"},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, verifier(world(nil), "mx.lets.test"), crlf(test.raw)+signed(letter), test.why)
		})
	}
}

func TestAForgedWordOfOurMailServerNeverCounts(t *testing.T) {
	forgedHop := strings.Replace(byThem, "mail.example.org", "mx.lets.test", 1)
	none := "Authentication-Results: mx.lets.test; dkim=none; dmarc=none header.from=example.org\n"
	for name, test := range map[string]struct {
		raw    string
		proven bool
	}{
		"on top":                             {pass + byUs, true},
		"on top of those who took it in":     {pass + byOurs + byUs, true},
		"below the one that took it in":      {byUs + pass + byThem, true},
		"between ours":                       {byOurs + pass + byUs + byThem, true},
		"below ours":                         {byOurs + byUs + pass + byThem, true},
		"below ours, one without a name":     {byLocal + byUs + pass, true},
		"without any Received":               {pass, false},
		"below theirs":                       {byThem + pass, false},
		"below theirs, which are below ours": {byUs + byThem + pass, false},
		"below theirs, and below one that claims to be ours": {byThem + forgedHop + pass, false},
		"the same, below ours":                               {byUs + byThem + forgedHop + pass, false},
		"below what we say":                                  {none + byUs + pass, false},
		"below what we say, with one that claims to be ours": {none + byUs + forgedHop + pass, false},
		"right below what we say, below ours":                {byUs + none + pass, false},
		"right below what we say and nobody can read":        {byUs + "Authentication-Results: mx.lets.test; spf=none (of \"x)\"@mailer.example)\n" + pass, false},
		"on top, below what nobody can read":                 {"Authentication-Results: mx.lets.test; dkim\n" + pass + byUs, false},
		"below only a machine without a name":                {byLocal + pass, false},
		"below one that does not say who wrote it":           {"Received: (qmail 1 invoked from network); 2 Mar 2026\n" + pass, false},
		"below one that hides its name":                      {"Received: from x (by mx.lets.test) by mail.example.org\n" + pass, false},
		"of a name that only ends like ours":                 {strings.ReplaceAll(pass, "mx.lets.test", "xmx.lets.test") + byUs, false},
		"of a name that only begins like ours":               {strings.ReplaceAll(pass, "mx.lets.test", "mx.lets.test.example") + byUs, false},
		"of a part of us":                                    {strings.ReplaceAll(pass, "mx.lets.test", "lets.test") + byUs, false},
		"of nobody":                                          {strings.ReplaceAll(pass, "mx.lets.test;", "") + byUs, false},
		"in another field":                                   {strings.ReplaceAll(pass, "Auth", "ARC-Auth") + byUs, false},
		"below very many hops":                               {strings.Repeat(byUs, 30) + pass, false},
	} {
		raw := crlf(test.raw) + signed(letter)
		t.Run(name, func(t *testing.T) {
			want := "DNS did not answer"
			if test.proven {
				want = "+our mail server says"
			}
			expect(t, verifier(dead, "mx.lets.test"), raw, want)
			expect(t, verifier(dead), raw, "DNS did not answer") // nobody is to be believed
		})
	}
}

func TestTheWordOfLargeProviders(t *testing.T) {
	gmail := `Delivered-To: crier@lets.test
Received: by 2002:a05:7300:a0a:b0:12d:1:2 with SMTP id k10csp1; Mon, 2 Mar 2026 01:59:02 -0800 (PST)
X-Received: by 2002:a05:6000:1 with SMTP id x; Mon, 2 Mar 2026 01:59:02 -0800 (PST)
ARC-Authentication-Results: i=1; mx.google.com; dmarc=fail header.from=example.org
Return-Path: <luc@example.org>
Received: from mail.example.org (mail.example.org. [192.0.2.1])
        by mx.google.com with ESMTPS id a1-20020a05si.2 for <crier@lets.test>
        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256); Mon, 2 Mar 2026 01:59:02 -0800 (PST)
Received-SPF: pass (google.com: domain of luc@example.org designates 192.0.2.1 as permitted sender) client-ip=192.0.2.1;
Authentication-Results: mx.google.com;
       dkim=pass header.i=@example.org header.s=k1 header.b="a/+b12";
       spf=pass (google.com: domain of luc@example.org designates 192.0.2.1 as permitted sender) smtp.mailfrom=luc@example.org;
       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=example.org
`
	microsoft := `Received: from A.eurprd02.prod.outlook.com (2603:10a6:1::1)
 by B.eurprd02.prod.outlook.com with HTTPS; Mon, 2 Mar 2026 09:59:02 +0000
Received: from C.eop-eur06.prod.protection.outlook.com
 (2603:10a6:203:a3:cafe::5e) by D.outlook.office365.com
 (2603:10a6:203:a3::22) with Microsoft SMTP Server (version=TLS1_3) id 15.20;
 Mon, 2 Mar 2026 09:59:01 +0000
Authentication-Results: spf=none (sender IP is 192.0.2.1)
 smtp.mailfrom=bounce.mailer.example; dkim=pass (signature was verified)
 header.d=example.org;dmarc=pass action=none
 header.from=example.org;compauth=pass reason=100
Received: from mail.example.org (192.0.2.1) by
 C.mail.protection.outlook.com (10.167.16.1) with Microsoft
 SMTP Server; Mon, 2 Mar 2026 09:59:00 +0000
`
	fastmail := `Received: from phl-compute-01.internal (phl-compute-01.phl.internal [10.202.2.41])
	 by sloti1d2t05 (Cyrus 3.11) with LMTPA; Mon, 02 Mar 2026 04:59:02 -0500
X-Spam-known-sender: no
Received: from phl-mx-05 ([10.202.2.204])
  by phl-compute-01.internal (LMTPProxy); Mon, 02 Mar 2026 04:59:02 -0500
Received: from phl-mx-05.messagingengine.com (localhost [127.0.0.1])
    by phl-mx-05.messagingengine.com (Authentication Milter) with ESMTP id 3;
    Mon, 2 Mar 2026 04:59:01 -0500
Authentication-Results: phl-mx-05.messagingengine.com;
    arc=none (no signatures found);
    dkim=pass (2048-bit rsa key sha256) header.d=example.org
      header.i=@example.org header.b=a/+b12 header.a=rsa-sha256
      header.s=k1 x-bits=2048;
    dmarc=pass policy.published-domain-policy=none
      policy.applied-disposition=none policy.evaluated-disposition=none
      (p=none,d=none,d.eval=none) policy.policy-from=p header.from=example.org;
    iprev=pass smtp.remote-ip=192.0.2.1 (mail.example.org);
    spf=pass smtp.mailfrom=luc@example.org smtp.helo=mail.example.org;
    x-tls=pass smtp.version=TLSv1.3 smtp.cipher=TLS_AES_256_GCM_SHA384
Received: from mail.example.org (mail.example.org [192.0.2.1])
	by phl-mx-05.messagingengine.com (Postfix) with ESMTPS; Mon,  2 Mar 2026 04:59:01 -0500 (EST)
`
	ids := []string{"mx.google.com", "outlook.com", "phl-mx-05.messagingengine.com"}
	for name, header := range map[string]string{"Gmail": gmail, "Microsoft": microsoft, "Fastmail": fastmail} {
		t.Run(name, func(t *testing.T) {
			expect(t, verifier(dead, ids...), crlf(header)+signed(letter), "+dkim=pass")
			expect(t, verifier(dead, ids...), crlf(strings.ReplaceAll(header, "dmarc=pass", "dmarc=fail"))+signed(letter), "dmarc=fail")
			expect(t, verifier(dead, ids...), crlf(byThem+header)+signed(letter), "DNS did not answer")
			expect(t, verifier(dead, "mx.lets.test"), crlf(header)+signed(letter), "DNS did not answer")
			unsigned := "no signature"
			if strings.Contains(header, "spf=pass smtp.mailfrom") || name == "Gmail" {
				unsigned = "+by spf"
			}
			expect(t, verifier(dead, ids...), crlf(header)+crlf(letter), strings.Replace(unsigned, "no signature", "not there", 1))
		})
	}
}

// A mail in a Bcc, or to an alias, names us only in the envelope.
func TestSPFWillDoWithTheEnvelope(t *testing.T) {
	raw := crlf(spf + byUs + strings.Replace(letter, "crier@lets.test", "bob@example.net", 1))
	m, err := mail.Read(strings.NewReader(raw), mail.Envelope{To: []string{"crier@lets.test"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if trust, why := verifier(dead, "mx.lets.test").Verify(context.Background(), []byte(raw), m); trust != conversation.Proven {
		t.Errorf("it is not believed: %s", why)
	}
}
