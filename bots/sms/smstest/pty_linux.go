package smstest

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// pty opens a pseudo-terminal: the end of the emulator, and the one that
// daemons take for a serial line. As long as both are open, daemons may come and
// go.
func pty() (end, line *os.File, err error) {
	end, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	var locked, number int32
	err = ioctl(end, syscall.TIOCSPTLCK, unsafe.Pointer(&locked))
	if err == nil {
		err = ioctl(end, syscall.TIOCGPTN, unsafe.Pointer(&number))
	}
	if err == nil {
		line, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err == nil {
		err = raw(line)
	}
	if err != nil {
		_ = end.Close()
		return nil, nil, err
	}
	return end, line, nil
}

// raw has a terminal pass everything on as it is, without an echo.
func raw(end *os.File) error {
	var mode syscall.Termios
	if err := ioctl(end, syscall.TCGETS, unsafe.Pointer(&mode)); err != nil {
		return err
	}
	mode.Iflag, mode.Oflag, mode.Lflag = 0, 0, 0
	return ioctl(end, syscall.TCSETS, unsafe.Pointer(&mode))
}

func ioctl(f *os.File, request uintptr, argument unsafe.Pointer) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var errno syscall.Errno
	if err := conn.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(argument))
	}); err != nil {
		return err
	}
	if errno != 0 {
		return errno
	}
	return nil
}
