package gammu

import "time"

// HurryUp has a text that is not sent give way after that time.
func HurryUp(d time.Duration) { frontFor = d }
