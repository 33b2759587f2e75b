package ledger

// What the tests outside of the package need of its inside.
var (
	SeqOf      = seqOf
	Statements = statements
)

const (
	MaxAmount  = maxAmount
	MaxBalance = maxBalance
)

// HashOf is what the chain keeps of a transfer: a test that forges one needs it.
func (b *Book) HashOf(t Transfer) string { return b.hash(t) }
