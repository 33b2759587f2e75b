//go:build !linux

package smstest

import (
	"errors"
	"os"
)

func pty() (end, line *os.File, err error) {
	return nil, nil, errors.New("the emulated modem needs Linux")
}
