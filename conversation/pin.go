package conversation

// PIN is what is known of a member's.
type PIN struct {
	Hash        string // argon2id, in PHC form; "": they have none
	Tries       int    // wrong ones in a row
	PausedUntil int64  // none is taken before; microseconds
}
