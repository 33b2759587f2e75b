//go:build race

package mail_test

// slower is how much longer everything may take under the race detector.
const slower = 10
