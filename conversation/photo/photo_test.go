package photo_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"

	"crier/conversation/photo"
)

var (
	red   = color.RGBA{0xd0, 0x20, 0x20, 0xff}
	green = color.RGBA{0x20, 0xc0, 0x20, 0xff}
	blue  = color.RGBA{0x20, 0x20, 0xd0, 0xff}
	white = color.RGBA{0xff, 0xff, 0xff, 0xff}
)

// quarters is a picture of four colours: red, green, blue and nothing.
func quarters(w, h int) *image.NRGBA {
	p := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			switch {
			case y < h/2 && x < w/2:
				p.Set(x, y, red)
			case y < h/2:
				p.Set(x, y, green)
			case x < w/2:
				p.Set(x, y, blue)
			}
		}
	}
	return p
}

func onWhite(p *image.NRGBA) image.Image {
	to := image.NewRGBA(p.Rect)
	for y := range p.Rect.Dy() {
		for x := range p.Rect.Dx() {
			if c := p.NRGBAAt(x, y); c.A > 0 {
				to.Set(x, y, c)
			} else {
				to.Set(x, y, white)
			}
		}
	}
	return to
}

func jpegOf(t testing.TB, p image.Image) []byte {
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, p, &jpeg.Options{Quality: 90}))
	return b.Bytes()
}

func pngOf(t testing.TB, p image.Image) []byte {
	var b bytes.Buffer
	must(t, png.Encode(&b, p))
	return b.Bytes()
}

func gifOf(t testing.TB, all ...*image.NRGBA) []byte {
	g := gif.GIF{}
	for _, p := range all {
		to := image.NewPaletted(p.Rect, color.Palette{red, green, blue, color.RGBA{}})
		for y := range p.Rect.Dy() {
			for x := range p.Rect.Dx() {
				to.Set(x, y, p.At(x, y))
			}
		}
		g.Image, g.Delay = append(g.Image, to), append(g.Delay, 10)
	}
	var b bytes.Buffer
	must(t, gif.EncodeAll(&b, &g))
	return b.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// exif is the EXIF data of a camera: how the picture lies, and where it was taken.
func exif(order binary.AppendByteOrder, orientation uint16) []byte {
	mark := "II*\x00"
	if order == binary.AppendByteOrder(binary.BigEndian) {
		mark = "MM\x00*"
	}
	b := order.AppendUint32([]byte(mark), 8)
	b = order.AppendUint16(b, 2)
	entry := func(tag, kind uint16, count uint32) {
		b = order.AppendUint32(order.AppendUint16(order.AppendUint16(b, tag), kind), count)
	}
	entry(0x0112, 3, 1)
	b = order.AppendUint16(order.AppendUint16(b, orientation), 0)
	entry(0x8825, 4, 1) // the GPS directory, right behind this one
	b = order.AppendUint32(order.AppendUint32(b, 38), 0)
	b = order.AppendUint16(b, 1)
	entry(0x001d, 2, 11) // GPSDateStamp
	b = order.AppendUint32(order.AppendUint32(b, 56), 0)
	return append(b, secret...)
}

// secret stands for whatever a file says beside the picture.
const secret = "2026:05:05\x00 50.8503 N 4.3517 E camera 4711"

func jpegWith(data, exif []byte) []byte {
	body := append([]byte("Exif\x00\x00"), exif...)
	b := append([]byte{0xff, 0xd8, 0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(len(body)+2))...)
	b = append(append(b, body...), 0xff, 0xfe, 0, byte(len(secret)+2)) // and a comment
	return append(append(b, secret...), data[2:]...)
}

func pngWith(data, exif []byte) []byte {
	chunk := append([]byte("eXIf"), exif...)
	b := binary.BigEndian.AppendUint32(slices.Clone(data[:33]), uint32(len(exif)))
	b = binary.BigEndian.AppendUint32(append(b, chunk...), crc32.ChecksumIEEE(chunk))
	return append(b, data[33:]...)
}

func webpWith(data, exif []byte) []byte {
	b := binary.LittleEndian.AppendUint32(append(slices.Clone(data), "EXIF"...), uint32(len(exif)))
	b = append(b, exif...)
	if len(exif)%2 == 1 {
		b = append(b, 0)
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

func shrink(t *testing.T, data []byte) (large, thumb image.Image) {
	t.Helper()
	s, err := photo.Shrink(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	check(t, s)
	large, err = jpeg.Decode(bytes.NewReader(s.Large))
	must(t, err)
	thumb, err = jpeg.Decode(bytes.NewReader(s.Thumb))
	must(t, err)
	return large, thumb
}

// check sees to it that what was made is small, and says nothing.
func check(t *testing.T, s photo.Shrunk) {
	t.Helper()
	for _, one := range []struct {
		data        []byte
		side, bytes int
	}{{s.Large, photo.Side, photo.Bytes}, {s.Thumb, photo.ThumbSide, photo.ThumbBytes}} {
		config, format, err := image.DecodeConfig(bytes.NewReader(one.data))
		if err != nil || format != "jpeg" || max(config.Width, config.Height) > one.side || len(one.data) > one.bytes {
			t.Errorf("made a %s of %d x %d and %d bytes (%v)", format, config.Width, config.Height, len(one.data), err)
		}
		for rest := one.data[2:]; len(rest) > 4 && rest[1] != 0xda; rest = rest[2+int(binary.BigEndian.Uint16(rest[2:])):] {
			if !slices.Contains([]byte{0xdb, 0xc0, 0xc4}, rest[1]) { // tables, and the frame
				t.Errorf("a segment %x is kept", rest[1])
			}
		}
	}
}

func near(a, b color.Color) bool {
	r, g, bl, _ := a.RGBA()
	r2, g2, bl2, _ := b.RGBA()
	far := func(x, y uint32) bool { return max(x, y)-min(x, y) > 0x1800 }
	return !far(r, r2) && !far(g, g2) && !far(bl, bl2)
}

// corners are the colours of a picture's quarters: as it is read.
func corners(p image.Image) [4]color.Color {
	b := p.Bounds()
	at := func(x, y int) color.Color { return p.At(b.Min.X+b.Dx()*x/4, b.Min.Y+b.Dy()*y/4) }
	return [4]color.Color{at(1, 1), at(3, 1), at(1, 3), at(3, 3)}
}

func expect(t *testing.T, p image.Image, size image.Point, want [4]color.Color) {
	t.Helper()
	if p.Bounds().Size() != size {
		t.Errorf("%v large, want %v", p.Bounds().Size(), size)
	}
	for i, got := range corners(p) {
		if !near(got, want[i]) {
			t.Errorf("corner %d is %v, want %v", i, got, want[i])
		}
	}
}

func TestShrinksWhatPeopleSend(t *testing.T) {
	read := func(name string) []byte {
		data, err := os.ReadFile("testdata/" + name)
		must(t, err)
		return data
	}
	all := [4]color.Color{red, green, blue, white}
	drawn := [4]color.Color{red, blue, red, white} // in testdata, 900 x 600
	for _, c := range []struct {
		name         string
		data         []byte
		large, thumb image.Point
		want         [4]color.Color
	}{
		{"jpeg", jpegOf(t, onWhite(quarters(4000, 3000))), image.Pt(800, 600), image.Pt(320, 240), all},
		{"upright jpeg", jpegOf(t, onWhite(quarters(1500, 2000))), image.Pt(600, 800), image.Pt(240, 320), all},
		{"png", pngOf(t, quarters(1000, 500)), image.Pt(800, 400), image.Pt(320, 160), all},
		{"webp", read("lossy.webp"), image.Pt(800, 533), image.Pt(320, 213), drawn},
		{"lossless webp", read("lossless.webp"), image.Pt(800, 533), image.Pt(320, 213), drawn},
		{"moving gif", gifOf(t, quarters(900, 900), image.NewNRGBA(image.Rect(0, 0, 900, 900))), image.Pt(800, 800), image.Pt(320, 320), all},
		{"small", pngOf(t, quarters(100, 60)), image.Pt(100, 60), image.Pt(100, 60), all},
	} {
		t.Run(c.name, func(t *testing.T) {
			large, thumb := shrink(t, c.data)
			expect(t, large, c.large, c.want)
			expect(t, thumb, c.thumb, c.want)
		})
	}
}

func TestNarrowPicturesStayPictures(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {30_000, 1}, {1, 30_000}, {1601, 2}} {
		large, thumb := shrink(t, pngOf(t, image.NewGray(image.Rectangle{Max: size})))
		if large.Bounds().Empty() || thumb.Bounds().Empty() {
			t.Errorf("%v has become %v and %v", size, large.Bounds(), thumb.Bounds())
		}
	}
}

// What a camera held in eight ways has written is the same picture.
func TestUpright(t *testing.T) {
	upright := [4]color.Color{red, green, blue, white}
	// lies[o] is which quarter of the upright picture is where in the file.
	lies := [9][4]int{
		{0, 1, 2, 3},
		{0, 1, 2, 3},
		{1, 0, 3, 2},
		{3, 2, 1, 0},
		{2, 3, 0, 1},
		{0, 2, 1, 3},
		{1, 3, 0, 2},
		{3, 1, 2, 0},
		{2, 0, 3, 1},
	}
	for o, quarter := range lies {
		size, want := image.Pt(400, 200), image.Pt(400, 200)
		if o >= 5 {
			size = image.Pt(200, 400)
		}
		p := image.NewRGBA(image.Rectangle{Max: size})
		for y := range size.Y {
			for x := range size.X {
				p.Set(x, y, upright[quarter[2*(2*y/size.Y)+2*x/size.X]])
			}
		}
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			large, thumb := shrink(t, jpegWith(jpegOf(t, p), exif(order, uint16(o))))
			expect(t, large, want, upright)
			expect(t, thumb, image.Pt(320, 160), upright)
		}
		large, _ := shrink(t, pngWith(pngOf(t, p), exif(binary.BigEndian, uint16(o))))
		expect(t, large, want, upright)
	}
	data, err := os.ReadFile("testdata/lossy.webp")
	must(t, err)
	large, _ := shrink(t, webpWith(data, exif(binary.LittleEndian, 3)))
	expect(t, large, image.Pt(800, 533), [4]color.Color{white, red, blue, red})
}

func TestNothingIsSaidOfPlaceAndTime(t *testing.T) {
	data, err := os.ReadFile("testdata/lossless.webp")
	must(t, err)
	where := exif(binary.BigEndian, 6)
	picture := quarters(1200, 900)
	for name, data := range map[string][]byte{
		"jpeg": jpegWith(jpegOf(t, onWhite(picture)), where),
		"png":  pngWith(pngOf(t, picture), where),
		"webp": webpWith(data, where),
		"gif":  append(gifOf(t, picture), secret...),
	} {
		if !bytes.Contains(data, []byte("camera 4711")) {
			t.Errorf("%s: there is nothing to be removed", name)
		}
		s, err := photo.Shrink(t.Context(), data)
		must(t, err)
		check(t, s)
		for _, made := range [][]byte{s.Large, s.Thumb} {
			if bytes.Contains(made, []byte("Exif")) || bytes.Contains(made, []byte("4711")) || bytes.Contains(made, []byte("50.85")) {
				t.Errorf("%s: it says where it was taken", name)
			}
		}
	}
}

func TestNoiseIsSmallToo(t *testing.T) {
	p := image.NewRGBA(image.Rect(0, 0, 1600, 1600))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range p.Pix {
		p.Pix[i] = byte(random.Uint32()) | 0x3f*byte(i%4/3)
	}
	s, err := photo.Shrink(t.Context(), jpegOf(t, p))
	must(t, err)
	check(t, s)
}

// bombs are small files that claim to hold more than anybody's memory, or time.
func bombs(t testing.TB) map[string][]byte {
	sized := func(w, h uint32) []byte { // a PNG file of one row that says it has many
		b := pngOf(t, image.NewGray(image.Rect(0, 0, 1, 1)))
		binary.BigEndian.PutUint32(b[16:], w)
		binary.BigEndian.PutUint32(b[20:], h)
		binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
		return b
	}
	deep := sized(6000, 6000)
	deep[24], deep[25] = 16, 6 // 8 bytes a pixel
	binary.BigEndian.PutUint32(deep[29:], crc32.ChecksumIEEE(deep[12:29]))
	jpegSized := func(sof byte, w, h uint16) []byte {
		b := jpegOf(t, image.NewRGBA(image.Rect(0, 0, 8, 8)))
		i := bytes.Index(b, []byte{0xff, 0xc0})
		b[i+1] = sof
		binary.BigEndian.PutUint16(b[i+5:], h)
		binary.BigEndian.PutUint16(b[i+7:], w)
		b[i+11] = 0x11 // all samples of all three colours
		return b
	}
	long := jpegOf(t, image.NewRGBA(image.Rect(0, 0, 8, 8)))
	scan := long[bytes.Index(long, []byte{0xff, 0xda}) : len(long)-2]
	scans := slices.Concat(long[:len(long)-2], bytes.Repeat(scan, 1000), long[len(long)-2:])
	inside, err := os.ReadFile("testdata/lossy.webp")
	must(t, err)
	i := bytes.Index(inside, []byte("VP8 ")) + 8
	binary.LittleEndian.PutUint16(inside[i+6:], 16383)
	binary.LittleEndian.PutUint16(inside[i+8:], 16383)
	return map[string][]byte{
		"png of 2^30 pixels":               sized(1<<15, 1<<15),
		"png of 2^51 pixels":               sized(1<<31-1, 1<<20),
		"png one row high":                 sized(1<<31-1, 1),
		"png of 16 bits a colour":          deep,
		"jpeg of 65500 x 65500":            jpegSized(0xc0, 65500, 65500),
		"progressive jpeg of 36 megapixel": jpegSized(0xc2, 6000, 6000),
		"jpeg of 1001 scans":               scans,
		"webp larger inside than outside":  inside,
		"gif of 65535 x 65535":             []byte("GIF89a\xff\xff\xff\xff\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x16"),
	}
}

func TestBombsAreRefused(t *testing.T) {
	for name, data := range bombs(t) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := photo.Shrink(t.Context(), data)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, photo.ErrLarge) {
			t.Errorf("%s: %v", name, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%s: took %d bytes", name, took)
		}
	}
}

func TestBrokenFiles(t *testing.T) {
	whole := jpegOf(t, onWhite(quarters(300, 200)))
	for _, c := range []struct {
		data []byte
		want error
	}{
		{nil, photo.ErrBroken},
		{[]byte("hello"), photo.ErrBroken},
		{[]byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), photo.ErrBroken},
		{whole[:len(whole)/3], photo.ErrBroken},
		{pngOf(t, quarters(300, 200))[:60], photo.ErrBroken},
		{[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), photo.ErrHEIC},
	} {
		if _, err := photo.Shrink(t.Context(), c.data); !errors.Is(err, c.want) {
			t.Errorf("%.20q: %v, want %v", c.data, err, c.want)
		}
	}
}

func TestWaitsNoLongerThanItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	whole := pngOf(t, quarters(30, 20))
	for range 20 { // either is possible where both can be
		if _, err := photo.Shrink(ctx, whole); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("failed with %v", err)
		}
	}
}

func FuzzShrink(f *testing.F) {
	small := quarters(40, 30)
	f.Add(jpegWith(jpegOf(f, onWhite(small)), exif(binary.BigEndian, 6)))
	f.Add(jpegWith(jpegOf(f, image.NewGray(image.Rect(0, 0, 9, 9))), exif(binary.LittleEndian, 3)))
	f.Add(pngWith(pngOf(f, small), exif(binary.BigEndian, 8)))
	f.Add(gifOf(f, small, small))
	for _, name := range []string{"lossy.webp", "lossless.webp"} {
		data, err := os.ReadFile("testdata/" + name)
		must(f, err)
		f.Add(webpWith(data, exif(binary.LittleEndian, 5)))
	}
	for _, data := range bombs(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := photo.Shrink(t.Context(), data)
		switch {
		case err == nil:
			check(t, s)
		case !errors.Is(err, photo.ErrBroken) && !errors.Is(err, photo.ErrLarge) && !errors.Is(err, photo.ErrHEIC):
			t.Error(fmt.Errorf("an error that nobody expects: %w", err))
		}
	})
}
