package gammu

import (
	"testing"
	"time"
)

// HurryUp has a text that is not sent give way after that time, until the test
// ends.
func HurryUp(t *testing.T, after time.Duration) {
	was := frontFor
	frontFor = after
	t.Cleanup(func() { frontFor = was })
}
