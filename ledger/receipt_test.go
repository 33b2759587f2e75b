package ledger_test

import (
	"strings"
	"testing"

	"crier/ledger"
)

// Every place in the chain has one code, which is read as that place and so is
// no other's.
func TestReceipts(t *testing.T) {
	const salt = 0x5eed
	check := func(from, to int64, length int) {
		t.Helper()
		for seq := from; seq <= to; seq++ {
			code := ledger.Receipt(salt, seq)
			if len(code) != length {
				t.Fatalf("the receipt of transfer %d is %q, want %d characters", seq, code, length)
			}
			if got, ok := ledger.SeqOf(salt, code); !ok || got != seq {
				t.Fatalf("the receipt %q of transfer %d is read as %d, %v", code, seq, got, ok)
			}
		}
	}
	check(1, 200_000, 4)
	check(1<<20-500, 1<<20-1, 4)
	check(1<<20, 1<<20+500, 5)
	check(1<<25-500, 1<<25-1, 5)
	check(1<<25, 1<<25+500, 6)
	check(1<<60-1, 1<<60-1, 12)
}

// The codes that follow each other, and those of two communities, look unlike.
func TestReceiptsTellNothing(t *testing.T) {
	same := 0
	for seq := range int64(1000) {
		a, b, c := ledger.Receipt(1, seq+1), ledger.Receipt(1, seq+2), ledger.Receipt(2, seq+1)
		if a[:2] == b[:2] {
			same++
		}
		if a == c {
			same++
		}
	}
	if same > 20 { // chance alone gives about 2
		t.Errorf("%d of 1000 receipts resemble their neighbour", same)
	}
}

func TestReceiptsAreForgiving(t *testing.T) {
	forgiving := map[string][]string{"0": {"O", "o"}, "1": {"I", "i", "L", "l"}}
	found := 0
	for salt := range int64(200) {
		code := ledger.Receipt(salt, 345)
		typed := []string{code, strings.ToLower(code)}
		for digit, letters := range forgiving {
			for _, letter := range letters {
				if strings.Contains(code, digit) {
					typed = append(typed, strings.ReplaceAll(code, digit, letter))
					found++
				}
			}
		}
		for _, s := range typed {
			if seq, ok := ledger.SeqOf(salt, s); !ok || seq != 345 {
				t.Errorf("%q for %q is read as %d, %v", s, code, seq, ok)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d codes had a 0 or a 1", found)
	}
	for _, s := range []string{
		"", "A", "ABC", "7KQU", "7KQ-", "7 KQ4", "7KQé", "ééé", "7KQ4 ", "\x00\x00\x00\x00", "\xff\xff\xff\xff", "ZZZZZZZZZZZZZ",
		strings.Repeat("7", 1000), "👍👍👍👍",
	} {
		if seq, ok := ledger.SeqOf(7, s); ok {
			t.Errorf("%q is read as the receipt of transfer %d", s, seq)
		}
	}
}

// A longer code than a transfer's own is not a second one for it.
func TestReceiptsAreShort(t *testing.T) {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	none := 0
	for i := range 1000 {
		code := string([]byte{alphabet[i%32], alphabet[i/32], alphabet[i*7%32], alphabet[i*11%32], alphabet[i*13%32]})
		switch seq, ok := ledger.SeqOf(7, code); {
		case !ok:
			none++
		case seq < 1<<20:
			t.Errorf("%q is read as the receipt of transfer %d, which is %q", code, seq, ledger.Receipt(7, seq))
		}
	}
	if none < 5 || none > 100 { // one in 32
		t.Errorf("of 1000 codes %d are no receipts", none)
	}
}

func TestTransferByReceipt(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		v := settle(t, db, "anna", "ben")
		made := v.pay(1, "anna", "ben", 5, "eggs")
		v.do(func(b *ledger.Book) error {
			_, err := b.Request(t.Context(), v.transfer(2, "anna", "ben", 3, "waits"))
			return err
		})
		v.view(func(b *ledger.Book) error {
			salt := b.Community().ReceiptSalt
			if made.Seq != 1 || made.Receipt != ledger.Receipt(salt, 1) {
				t.Errorf("the first transfer is %+v", made)
			}
			for _, code := range []string{made.Receipt, strings.ToLower(made.Receipt)} {
				got, err := b.TransferByReceipt(t.Context(), code)
				if got != made {
					t.Errorf("%q finds %+v, %v", code, got, err)
				}
			}
			for _, code := range []string{"", "?", ledger.Receipt(salt, 2), ledger.Receipt(salt+1, 1), "0" + made.Receipt, made.Receipt[:3]} {
				if got, err := b.TransferByReceipt(t.Context(), code); !ledger.IsNotFound(err) {
					t.Errorf("%q finds %+v, %v", code, got, err)
				}
			}
			return nil
		})
	})
}
