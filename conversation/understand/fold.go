package understand

// Fold makes what is written alike compare alike: lower case, no accents. It is
// how words of messages, names and ads are compared everywhere.
func Fold(s string) string { return fold(s) }
