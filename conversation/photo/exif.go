package photo

import (
	"bytes"
	"encoding/binary"
)

// orientation is how a picture lies, 1 to 8, by the EXIF data of a JPEG, WebP or
// PNG file; 0 where it says nothing.
func orientation(data []byte) int {
	for marker, body := range jpegSegments(data) {
		if exif, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00")); ok && marker == 0xe1 {
			return tiffOrientation(exif)
		}
	}
	for name, body := range webpChunks(data) {
		if name == "EXIF" {
			return tiffOrientation(bytes.TrimPrefix(body, []byte("Exif\x00\x00")))
		}
	}
	for name, body := range pngChunks(data) {
		if name == "eXIf" {
			return tiffOrientation(body)
		}
	}
	return 0
}

// tiffOrientation reads the tag 0x0112 of the first directory. Source: CIPA
// DC-008 (Exif 2.32), 4.5 and 4.6.4.
func tiffOrientation(exif []byte) int {
	if len(exif) < 8 {
		return 0
	}
	var order binary.ByteOrder
	switch string(exif[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0
	}
	at := uint64(order.Uint32(exif[4:]))
	if at+2 > uint64(len(exif)) {
		return 0
	}
	entries := exif[at+2:]
	for range order.Uint16(exif[at:]) {
		if len(entries) < 12 {
			return 0
		}
		if order.Uint16(entries) == 0x0112 && order.Uint16(entries[2:]) == 3 { // a SHORT
			if value := order.Uint16(entries[8:]); value >= 1 && value <= 8 {
				return int(value)
			}
			return 0
		}
		entries = entries[12:]
	}
	return 0
}

// pngChunks goes through the chunks of a PNG file. Source: PNG (Third Edition), 5.3.
func pngChunks(data []byte) func(yield func(name string, body []byte) bool) {
	return func(yield func(string, []byte) bool) {
		rest, ok := bytes.CutPrefix(data, []byte("\x89PNG\r\n\x1a\n"))
		for ok && len(rest) >= 12 {
			name, length := string(rest[4:8]), uint64(binary.BigEndian.Uint32(rest))
			if uint64(len(rest)) < length+12 || !yield(name, rest[8:8+length]) {
				return
			}
			rest = rest[length+12:]
		}
	}
}
