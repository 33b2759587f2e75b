package smstest

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

// The worked example that every description of the format has: "hellohello".
func TestSeptets(t *testing.T) {
	codes, ok := septets("hellohello")
	if got := strings.ToUpper(hex.EncodeToString(pack(codes, 0))); !ok || got != "E8329BFD4697D9EC37" {
		t.Errorf("packed %s", got)
	}
	if _, ok := septets("ç"); ok {
		t.Error("ç is in the alphabet")
	}
	for _, text := range []string{"@£$ ¤", "{€}", strings.Repeat("a", 160)} {
		if codes, ok := septets(text); ok && fromSeptets(codes) != text {
			t.Errorf("%q came back as %q", text, fromSeptets(codes))
		}
	}
}

func TestDeliver(t *testing.T) {
	at := time.Date(2026, 11, 25, 5, 15, 34, 0, time.FixedZone("", -3600-1800))
	got := deliver("+32470000001", at, userData{body: []byte("hi")})
	// Service centre, flags, sender, protocol, coding, time with its zone, length, text.
	if want := "06912374000099" + "04" + "0B912374000000F1" + "00" + "00" + "62115250514368" + "02" + "E834"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := hex.EncodeToString(address("MyBank")); got != "0bd0cdbc30ec5e03" {
		t.Errorf("a name is %s", got)
	}
	if got := hex.EncodeToString(address("8880")); got != "04818808" {
		t.Errorf("a short code is %s", got)
	}
}

// The second is the first part of two.
func TestParseSubmit(t *testing.T) {
	for _, test := range []struct{ pdu, to, text, ref string }{
		{"00310B0B912374000000F10000FF03C22013", "+32470000001", "BAL", ""},
		{"0071000B912374000000F10008AA0C0500032A0201043704380438", "+32470000001", "зии", "2a"},
	} {
		s, err := parseSubmit(test.pdu)
		if err != nil {
			t.Errorf("%s: %v", test.pdu, err)
			continue
		}
		if ref, _, _ := s.place(); s.to != test.to || s.text() != test.text || !s.report || ref != test.ref {
			t.Errorf("%s is %q to %s, part of %q", test.pdu, s.text(), s.to, ref)
		}
	}
	for _, broken := range []string{"", "xx", "00", "0031", "00310B0B912374000000F10000FF0441E119", "0071000B912374000000F10008AA0C0500032A02010437"} {
		if _, err := parseSubmit(broken); err == nil {
			t.Errorf("%q was taken", broken)
		}
	}
}
