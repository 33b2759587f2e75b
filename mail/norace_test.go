//go:build !race

package mail_test

// slower is how much longer everything may take.
const slower = 1
