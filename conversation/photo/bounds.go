package photo

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"slices"
)

const (
	// pixelsMost is what good cameras take, and more than any screen shows.
	pixelsMost = 40_000_000

	// decodeMost is how many bytes a picture may take while it is decoded.
	decodeMost = 200 << 20

	// scansMost is how often a JPEG file may go over its picture. Programs write
	// about ten scans; a file of a few megabytes has room for hundreds of
	// thousands, each of which costs the time of the whole picture.
	scansMost = 64
)

// mayDecode says whether a picture is worth the memory and the time. The files
// are small: what they claim to hold is not.
func mayDecode(data []byte, format string, config image.Config) error {
	size := config.Width * config.Height
	if config.Width > pixelsMost || config.Height > pixelsMost || size > pixelsMost {
		return ErrLarge
	}
	need := size * 4
	switch format {
	case "jpeg":
		if bytes.Count(data, []byte{0xff, 0xda}) > scansMost {
			return ErrLarge
		}
		need = int(float64(size) * jpegBytes(data))
	case "png":
		if config.ColorModel == color.NRGBA64Model || config.ColorModel == color.RGBA64Model {
			need = size * 8
		}
		if len(data) > 28 && data[28] != 0 { // interlaced: each pass is a picture of its own
			need *= 2
		}
	case "webp":
		inside := webpSize(data) // the decoder believes that, and not what is outside
		if inside.X*inside.Y > pixelsMost {
			return ErrLarge
		}
		need = max(size, inside.X*inside.Y) * 5
	}
	if need > decodeMost {
		return ErrLarge
	}
	return nil
}

// jpegBytes is how many bytes a pixel takes while a JPEG file is decoded: one
// for each sample, four more in a progressive one, whose coefficients are all
// kept to the end, and four for what has four colours. Source: ITU-T T.81, B.2.2.
func jpegBytes(data []byte) float64 {
	const worst = 24
	for marker, body := range jpegSegments(data) {
		if marker < 0xc0 || marker > 0xc2 {
			continue
		}
		if len(body) < 6 || len(body) < 6+3*int(body[5]) {
			return worst
		}
		var blocks []int // of each component, in the square that all repeat
		widest, highest := 1, 1
		for i := range int(body[5]) {
			sampling := body[7+3*i]
			across, down := int(sampling>>4), int(sampling&15)
			blocks = append(blocks, across*down)
			widest, highest = max(widest, across), max(highest, down)
		}
		samples := 0.0
		for _, n := range blocks {
			samples += float64(n) / float64(widest*highest)
		}
		if marker == 0xc2 {
			samples *= 5
		}
		if len(blocks) == 4 {
			samples += 4
		}
		return samples
	}
	return worst
}

// jpegSegments goes through the segments of a JPEG file up to its first scan.
// Source: ITU-T T.81, B.1.1.
func jpegSegments(data []byte) func(yield func(marker byte, body []byte) bool) {
	return func(yield func(byte, []byte) bool) {
		if len(data) < 2 || data[0] != 0xff || data[1] != 0xd8 {
			return
		}
		for rest := data[2:]; len(rest) >= 4; {
			if rest[0] != 0xff || rest[1] == 0xff || rest[1] == 0 { // padding, or what decoders skip
				rest = rest[1:]
				continue
			}
			marker := rest[1]
			if marker >= 0xd0 && marker <= 0xd8 || marker == 0x01 { // they have no body
				rest = rest[2:]
				continue
			}
			length := int(binary.BigEndian.Uint16(rest[2:]))
			if marker == 0xda || marker == 0xd9 || length < 2 || len(rest) < 2+length || !yield(marker, rest[4:2+length]) {
				return
			}
			rest = rest[2+length:]
		}
	}
}

// webpChunks goes through the chunks of a WebP file. Source: RFC 9649, 2.3.
func webpChunks(data []byte) func(yield func(name string, body []byte) bool) {
	return func(yield func(string, []byte) bool) {
		if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WEBP" {
			return
		}
		for rest := data[12:]; len(rest) >= 8; {
			name, length := string(rest[:4]), uint64(binary.LittleEndian.Uint32(rest[4:]))
			body := rest[8:]
			if !yield(name, body[:min(length, uint64(len(body)))]) {
				return
			}
			rest = body[min(length+length%2, uint64(len(body))):]
		}
	}
}

// webpSize is the largest picture in a WebP file. Source: RFC 9649, 2.5 and
// 3.4; RFC 6386, 9.1.
func webpSize(data []byte) (largest image.Point) {
	for name, body := range webpChunks(data) {
		var size image.Point
		switch {
		case name == "VP8 " && len(body) >= 10:
			size = image.Pt(int(binary.LittleEndian.Uint16(body[6:])&0x3fff), int(binary.LittleEndian.Uint16(body[8:])&0x3fff))
		case name == "VP8L" && len(body) >= 5:
			bits := binary.LittleEndian.Uint32(body[1:])
			size = image.Pt(int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1)
		}
		if size.X*size.Y > largest.X*largest.Y {
			largest = size
		}
	}
	return largest
}

// isHEIC tells a HEIC file by its first box. Source: ISO/IEC 23008-12, annex B.
func isHEIC(data []byte) bool {
	return len(data) >= 12 && string(data[4:8]) == "ftyp" &&
		slices.Contains([]string{"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"}, string(data[8:12]))
}
