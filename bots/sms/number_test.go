package sms

import (
	"errors"
	"testing"
)

func TestNumber(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ region, in, want string }{
		// As people of a country write their numbers.
		{"AT", "0661 123456", "+43661123456"},
		{"AU", "0412 345 678", "+61412345678"},
		{"BE", "0470 00 00 12", "+32470000012"},
		{"BE", "0470/00.00.12", "+32470000012"},
		{"BE", "470000012", "+32470000012"},
		{"BR", "(11) 91234-5678", "+5511912345678"},
		{"CH", "079 123 45 67", "+41791234567"},
		{"DE", "0176 123 45678", "+4917612345678"},
		{"DE", "0176/12345678", "+4917612345678"},
		{"DK", "20 12 34 56", "+4520123456"},
		{"ES", "612 34 56 78", "+34612345678"},
		{"FR", "06 12 34 56 78", "+33612345678"},
		{"FR", "06.12.34.56.78", "+33612345678"},
		{"GB", "07700 900123", "+447700900123"},
		{"IN", "098765 43210", "+919876543210"},
		{"IT", "333 123 4567", "+393331234567"},
		{"IT", "06 698 12345", "+390669812345"}, // the zero stays in Italy
		{"JP", "090-1234-5678", "+819012345678"},
		{"KE", "0712 345 678", "+254712345678"},
		{"NG", "0803 123 4567", "+2348031234567"},
		{"NL", "06-12345678", "+31612345678"},
		{"PL", "512 345 678", "+48512345678"},
		{"PT", "912 345 678", "+351912345678"},
		{"RU", "8 (912) 345-67-89", "+79123456789"},
		{"SE", "070-123 45 67", "+46701234567"},
		{"US", "(212) 555-2368", "+12125552368"},
		{"US", "1-212-555-2368", "+12125552368"},
		{"ZA", "082 123 4567", "+27821234567"},

		// With their country.
		{"", "+32470000012", "+32470000012"},
		{"NL", "+32 470 00 00 12", "+32470000012"},
		{"", " +32.470.00.00.12\n", "+32470000012"},
		{"", "+32 (0)470 00 00 12", "+32470000012"},
		{"", "+44 (0)7700 900123", "+447700900123"},
		{"", "+32\u00a0470\u00a000\u00a000\u00a012", "+32470000012"},
		{"BE", "0032470000012", "+32470000012"},
		{"BE", "0031 6 12345678", "+31612345678"},
		{"US", "011 44 7700 900123", "+447700900123"},
		{"BE", "32470000012", "+32470000012"},

		// In other digits.
		{"BE", "０４７０００００１２", "+32470000012"},
		{"", "＋３２４７０００００１２", "+32470000012"},
		{"", "+٣٢٤٧٠٠٠٠٠١٢", "+32470000012"},
		{"IR", "۰۹۱۲۳۴۵۶۷۸۹", "+989123456789"},
	} {
		got, err := Number(test.in, test.region)
		if err != nil || got != test.want {
			t.Errorf("Number(%q, %q) = %q, %v; want %q", test.in, test.region, got, err, test.want)
		}
		keepsNumber(t, test.in, test.region)
	}
}

func TestNoNumber(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		region, in string
		want       error
	}{
		{"NL", "31000", errShortCode},
		{"BE", "8888", errShortCode},
		{"BE", "123456", errShortCode},
		{"BE", "12 34 56", errShortCode},
		{"US", "911", errShortCode},
		{"NL", "٣١٠٠٠", errShortCode},
		{"BE", "LETSBANK", errName},
		{"BE", "Info 4711", errName},
		{"BE", "4711INFO", errName},
		{"BE", "0470000012 gsm", errName},
		{"", "tel:+32470000012", errName},
		{"US", "1-800-FLOWERS", errName},
		{"BE", "", errNumber},
		{"BE", " \t", errNumber},
		{"BE", "+", errNumber},
		{"BE", "()", errNumber},
		{"BE", "1234567", errNumber},
		{"BE", "+0470000012", errNumber},
		{"BE", "*123#470000", errNumber},
		{"BE", "0470000012,0470000013", errNumber},
		{"", "0470000012", errNumber}, // of which country?
		{"XX", "0470000012", errNumber},
		{"", "0032470000012", errNumber}, // 00 does not lead abroad everywhere
		{"", "+999123456789", errNumber},
		{"", "+324700000123", errNumber},
		{"", "+1234567890123456", errNumber},
		{"", "\u202a+32470000012\u202c", errNumber},
	} {
		if got, err := Number(test.in, test.region); !errors.Is(err, test.want) || got != "" {
			t.Errorf("Number(%q, %q) = %q, %v; want the error %v", test.in, test.region, got, err, test.want)
		}
	}
}

func TestInternational(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"32470000012": "+32470000012", "+32470000012": "+32470000012", " 32470000012 ": "+32470000012",
		"4917612345678": "+4917612345678", "12125552368": "+12125552368", "0032470000012": "+32470000012",
		"31000": "31000", "123456": "123456", "LETSBANK": "LETSBANK", "": "",
	} {
		got := International(in)
		if got != want || International(got) != got {
			t.Errorf("International(%q) = %q, and then %q; want %q", in, got, International(got), want)
		}
	}
	// Taken for a national number it would be a valid one of somebody else's.
	if got, err := Number(International("4917612345678"), "DE"); err != nil || got != "+4917612345678" {
		t.Errorf("Number(International(4917612345678), DE) = %q, %v", got, err)
	}
	for _, in := range []string{"31000", "LETSBANK", ""} {
		if got, err := Number(International(in), ""); err == nil {
			t.Errorf("Number(International(%q)) = %q", in, got)
		}
	}
	if got := Digits("+32470000012"); got != "32470000012" || International(got) != "+32470000012" {
		t.Errorf("Digits: %q", got)
	}
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"0470/00.00.12", "+32 (0)470 00 00 12", "00 44 7700 900123", "٠٤٧٠٠٠٠٠١٢", "31000", "LETS", "+44 20 7946 0958#12", "\x00+32470000012"} {
		f.Add(s, "BE")
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, s, region string) {
		keepsNumber(t, s, region)
		keepsNumber(t, International(s), region)
	})
}

// keepsNumber checks what Number promises for anything.
func keepsNumber(t *testing.T, s, region string) {
	t.Helper()
	got, err := Number(s, region)
	if err != nil {
		if got != "" {
			t.Errorf("Number(%q, %q) = %q with the error %v", s, region, got, err)
		}
		return
	}
	if !e164.MatchString(got) {
		t.Errorf("Number(%q, %q) = %q", s, region, got)
	}
	for _, where := range []string{region, "", "US"} {
		if again, err := Number(got, where); err != nil || again != got {
			t.Errorf("Number(%q, %q) = %q, and of that in %q it is %q, %v", s, region, got, where, again, err)
		}
	}
	if again := International(Digits(got)); again != got {
		t.Errorf("International(Digits(%q)) = %q", got, again)
	}
}
