package postgres

import (
	"strings"
	"testing"
)

func TestSuitable(t *testing.T) {
	for _, c := range []struct {
		version  int
		encoding string
		want     string // part of the error
	}{
		{150000, "UTF8", ""},
		{180001, "UTF8", ""},
		{140012, "UTF8", "PostgreSQL 14"},
		{90624, "UTF8", "PostgreSQL 9"},
		{160002, "LATIN1", "LATIN1"},
	} {
		err := suitable(c.version, c.encoding)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("version %d in %s: %v", c.version, c.encoding, err)
		}
	}
}
