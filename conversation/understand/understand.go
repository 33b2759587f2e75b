// Package understand turns what a member wrote into what they mean. It is a
// pure function of the text, the language, the unit and the names of the
// community: no clock, no database, no memory.
//
// It never guesses about who, how much or which way: where the text leaves a
// doubt, the meaning is Clarify with the Reason and whatever was clear.
package understand

// Intent is what a message asks for.
type Intent string

// The intents. Those up to Unknown are the ones that free text can carry; the
// rest have a keyword of their own in each language's words.
const (
	Pay      Intent = "pay"
	Charge   Intent = "charge"
	Yes      Intent = "yes"
	No       Intent = "no"
	Balance  Intent = "balance"
	History  Intent = "history"
	Offer    Intent = "offer"
	Want     Intent = "want"
	Search   Intent = "search"
	MyAds    Intent = "my_ads"
	RemoveAd Intent = "remove_ad"
	Member   Intent = "member"
	Digest   Intent = "digest" // What: how often, or "" for what is new
	Language Intent = "language"
	Help     Intent = "help"
	Stop     Intent = "stop"
	Start    Intent = "start"
	Undo     Intent = "undo"
	Clarify  Intent = "clarify"
	Unknown  Intent = "unknown"

	Check         Intent = "check"   // is receipt What real?
	Members       Intent = "members" // members whose name starts with What
	More          Intent = "more"    // the next page
	Join          Intent = "join"    // with invitation code What, or "" to ask to join
	RenewAd       Intent = "renew_ad"
	TakeAd        Intent = "take_ad"        // Part of ad What, or all of it
	LeaveAd       Intent = "leave_ad"       // ad What, which was taken
	Stock         Intent = "stock"          // Part is what is left of ad What
	Category      Intent = "category"       // put ad What into a category: "31 garden"; "" lists them
	Report        Intent = "report"         // ad What is wrong, the coordinators should know
	Done          Intent = "done"           // the talk with a person, or job What, is finished
	Approve       Intent = "approve"        // newcomer What
	Refuse        Intent = "refuse"         // newcomer What
	Invite        Intent = "invite"         // What: a name and an address
	Address       Intent = "address"        // add address What to reach me
	Switch        Intent = "switch"         // speak in community What / as member What
	Email         Intent = "email"          // all of it by e-mail
	PIN           Intent = "pin"            // set my PIN
	ResetPIN      Intent = "reset_pin"      // let member What choose a new one
	Human         Intent = "human"          // let me talk to a person
	Broadcast     Intent = "broadcast"      // tell everybody What
	DigestPreview Intent = "digest_preview" // what the next digest will be
	DigestEdit    Intent = "digest_edit"    // with What as the coordinator's own words
	DigestSkip    Intent = "digest_skip"    // not this one
	DigestNow     Intent = "digest_now"     // at once
	DigestWhen    Intent = "digest_when"    // every What from now on
	Tips          Intent = "tips"           // reminders and hints: What is "on" or "off"

	Thanks Intent = "thanks" // thank you, and nothing else
	Hello  Intent = "hello"  // a greeting, and nothing else
)

// Reason says why a meaning is Clarify.
type Reason string

// The reasons. With the first ones Toward, Who, Amount and What hold what was
// clear, and asking for the rest completes the command; with the others the
// member has to say it anew.
const (
	NoWho    Reason = "no_who"    // nobody is named, or only vaguely ("my neighbour", "her")
	NoAmount Reason = "no_amount" // no amount, or only a vague one ("about 6", "the usual")

	NoDirection Reason = "no_direction" // "Lucy 4"
	TwoAmounts  Reason = "two_amounts"  // "pay luc 5 6"
	TwoPeople   Reason = "two_people"   // "pay luc 5 and anna 3"
	TwoCommands Reason = "two_commands"
	Negative    Reason = "negative" // "pay luc -5"
	Zero        Reason = "zero"     // "pay luc 0"
	Self        Reason = "self"     // "pay me 5"
	Negated     Reason = "negated"  // "do not pay luc yet"
	Conditional Reason = "conditional"
	Future      Reason = "future"   // "tomorrow"
	Repeated    Reason = "repeated" // "every month"
	Past        Reason = "past"     // "I gave Anna 5 on Sunday"
	Question    Reason = "question" // "should I give Ruben 4?"
	ThirdParty  Reason = "third_party"
	Currency    Reason = "currency" // a state currency: euro, pound
)

// Unit is what the community counts in.
type Unit string

// The two kinds of unit.
const (
	Hours Unit = "hour"
	Units Unit = "unit"
)

// Names tells which words name a member, so that "pay jo smit bread 5" knows
// where the name ends. It may be nil: then the words around decide alone.
type Names interface {
	// Match returns how many of the leading words name a member (a full name,
	// a first name, a number), 0 if none do. Words are as written.
	Match(words []string) int
}

// Input is all that a meaning depends on.
type Input struct {
	Text   string
	Locale string // the member's language; others are tried after it
	Unit   Unit
	// UnitWords are the community's own words for its unit ("acorn", "acorns"),
	// beside those that the language's words know anyway.
	UnitWords []string
	Names     Names
}

// Meaning is what a text means.
type Meaning struct {
	Intent Intent
	Toward Intent // with Clarify: Pay or Charge, or "" where even that is open
	Reason Reason // with Clarify
	Who    string // as written, without "to", articles and titles around it
	// Amount is in minutes where Input.Unit is Hours, else in hundredths of
	// the unit. 0: none was given.
	Amount int64
	// Inexact says that Amount was rounded ("0.33 h", "2.5051"), or, with
	// NoAmount, that it has three figures behind one mark, and may as well be a
	// thousand times as much ("1.500").
	Inexact bool
	// Guess says that Who was taken for a member's number only because of its
	// place ("pay 7 3"): read it back whatever the threshold.
	Guess  bool
	What   string
	Part   string // of an ad's stock, as written: "5 kg"
	Locale string // the language the text was understood in
}
