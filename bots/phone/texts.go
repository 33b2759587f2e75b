package phone

// DefaultTexts returns the page's own words, in English. Config.Texts replaces
// any of them, to show the page in another language: "lang" and "dir" (ltr or
// rtl) then say which. What stands in {braces} is filled in by the page.
func DefaultTexts() map[string]string {
	return map[string]string{
		"lang": "en",
		"dir":  "ltr",

		"lead":      "Every phone here belongs to a member. Write on one, and see what the others get.",
		"empty":     "Nothing here yet. Write:",
		"try":       "pay luc 5 for eggs",
		"no_phones": "No phones on the table. Add one, and write as its owner.",

		"sms":      "Texts",
		"email":    "Mailbox",
		"telegram": "Telegram",

		"inbox":    "Inbox",
		"messages": "Messages of {name}",
		"write":    "Write as {name}",
		"answer":   "Your letter",
		"reply":    "Your answer",
		"source":   "Source of the mail",
		"send":     "Send",
		"you":      "You",
		"sms_used": "{used}/{room} · {segments} SMS",
		"special":  "special letters",

		"sending":  "sending…",
		"sent":     "sent",
		"failed":   "could not be sent",
		"too_long": "too long to send",
		"retry":    "Try again",

		"add":    "Add a phone",
		"find":   "Name or number",
		"nobody": "Nobody by that name.",
		"remove": "Put away {name}’s phone",
		"close":  "Close",
		"jump":   "Phones",
		"unseen": "new",

		"live":       "Connected",
		"lost":       "Connection lost. Trying again…",
		"key_needed": "This page needs its key. Open it with the whole address that Crier showed when it started.",
	}
}
