package main

import (
	"fmt"
	"strings"
)

// money writes a sum of millionths with as many decimals as it has, at least two.
func money(micros int64) string {
	s := fmt.Sprintf("%d.%06d", micros/1_000_000, micros%1_000_000)
	for strings.HasSuffix(s, "0") && len(s)-strings.IndexByte(s, '.') > 3 {
		s = s[:len(s)-1]
	}
	return s
}
