// Package command holds what people can ask Crier for, one file per command.
// To add one: a file here, a line in All, its texts in locales/ and a
// transcript.
package command

import "crier/conversation"

// All lists every command.
func All() []conversation.Command {
	return []conversation.Command{
		pay, charge, request, direction, undo, check,
		balance, history, email,
		offer, want, search, myAds, removeAd, renewAd, keep, takeAd, leaveAd, stock, done, photo,
		moveAd, reportAd,
		member, members,
		join, approve, refuse, invite, newAddress, address,
		language, help, start, thanks, hello, human,
		pin, resetPIN, menu,
	}
}
