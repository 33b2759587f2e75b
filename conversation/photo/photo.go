// Package photo makes of a picture that somebody sent one that may be kept and
// shown: small, upright, without a word on where, when and by whom it was taken.
// Nothing of the file that came is in what it returns but what can be seen.
package photo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // Decode takes the first picture of a moving one
	"image/jpeg"
	_ "image/png" // for Decode
	"math"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // for Decode
)

// Sizes of what is made: the long side in pixels, and bytes.
const (
	Side       = 800
	Bytes      = 250 << 10
	ThumbSide  = 320
	ThumbBytes = 20 << 10
)

// What can be wrong with a picture.
var (
	ErrHEIC   = errors.New("a picture in the format of iPhones, HEIC")
	ErrLarge  = errors.New("a picture that is too large")
	ErrBroken = errors.New("no picture that can be read")
)

// Shrunk is a picture in two sizes, both JPEG files.
type Shrunk struct {
	Large []byte
	Thumb []byte
}

// one lets one picture be worked on at a time: with decodeMost that bounds the
// memory that all pictures take.
var one = make(chan struct{}, 1)

// Shrink reads a JPEG, PNG, WebP or GIF file of whomever, and makes it small. Its
// errors are ErrHEIC, ErrLarge and ErrBroken, or that of ctx while it waits for
// its turn.
func Shrink(ctx context.Context, data []byte) (Shrunk, error) {
	select {
	case one <- struct{}{}:
		defer func() { <-one }()
	case <-ctx.Done():
		return Shrunk{}, ctx.Err()
	}
	if isHEIC(data) {
		return Shrunk{}, ErrHEIC
	}
	picture, err := decode(data)
	if err != nil {
		return Shrunk{}, err
	}
	large := turned(scaled(reduced(picture), Side), orientation(data))
	return Shrunk{
		Large: encode(large, Bytes, Side, Side/2, Side/4),
		Thumb: encode(large, ThumbBytes, ThumbSide, ThumbSide*3/4, ThumbSide/2),
	}, nil
}

// decode reads a picture that is not too large to. A decoder that stumbles over
// a hostile file has found a broken one.
func decode(data []byte) (picture image.Image, err error) {
	defer func() {
		if r := recover(); r != nil {
			picture, err = nil, fmt.Errorf("%w: %v", ErrBroken, r)
		}
	}()
	config, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if config.Width < 1 || config.Height < 1 {
		return nil, ErrBroken
	}
	if err := mayDecode(data, format, config); err != nil {
		return nil, err
	}
	picture, _, err = image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if picture.Bounds().Empty() {
		return nil, ErrBroken
	}
	return picture, nil
}

// reduced takes the mean of squares of whole pixels, so that less than twice
// Side is left for finer scaling, on white where it was transparent.
func reduced(p image.Image) *image.RGBA {
	b := p.Bounds()
	k := max(1, max(b.Dx(), b.Dy())/Side)
	to := image.NewRGBA(image.Rect(0, 0, (b.Dx()+k-1)/k, (b.Dy()+k-1)/k))
	at := pixels(p)
	for y := range to.Rect.Dy() {
		for x := range to.Rect.Dx() {
			square := image.Rect(x*k, y*k, x*k+k, y*k+k).Add(b.Min).Intersect(b)
			var red, green, blue, n uint64
			for v := square.Min.Y; v < square.Max.Y; v++ {
				for u := square.Min.X; u < square.Max.X; u++ {
					c := at(u, v)
					white := uint64(0xffff - c.A)
					red, green, blue, n = red+uint64(c.R)+white, green+uint64(c.G)+white, blue+uint64(c.B)+white, n+1
				}
			}
			mean := func(sum uint64) uint8 { return uint8(min(sum/n, 0xffff) >> 8) }
			to.SetRGBA(x, y, color.RGBA{mean(red), mean(green), mean(blue), 0xff})
		}
	}
	return to
}

// pixels is p.At without an allocation for each pixel, where that can be.
func pixels(p image.Image) func(x, y int) color.RGBA64 {
	if fast, ok := p.(image.RGBA64Image); ok {
		return fast.RGBA64At
	}
	return func(x, y int) color.RGBA64 { return color.RGBA64Model.Convert(p.At(x, y)).(color.RGBA64) }
}

// scaled makes the long side at most as long as said.
func scaled(p *image.RGBA, side int) *image.RGBA {
	size := p.Rect.Size()
	long := max(size.X, size.Y)
	if long <= side {
		return p
	}
	length := func(n int) int { return max(1, int(math.Round(float64(n)*float64(side)/float64(long)))) }
	to := image.NewRGBA(image.Rect(0, 0, length(size.X), length(size.Y)))
	draw.CatmullRom.Scale(to, to.Rect, p, p.Rect, draw.Src, nil)
	return to
}

// turned puts a picture upright that lies as an EXIF orientation (1 to 8) says:
// where its first row and its first column are. Any other leaves it as it is.
// Source: CIPA DC-008 (Exif 2.32), 4.6.4, tag Orientation.
func turned(p *image.RGBA, orientation int) *image.RGBA {
	w, h := p.Rect.Dx(), p.Rect.Dy()
	from := map[int]func(x, y int) (int, int){
		2: func(x, y int) (int, int) { return w - 1 - x, y },
		3: func(x, y int) (int, int) { return w - 1 - x, h - 1 - y },
		4: func(x, y int) (int, int) { return x, h - 1 - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return y, h - 1 - x },
		7: func(x, y int) (int, int) { return w - 1 - y, h - 1 - x },
		8: func(x, y int) (int, int) { return w - 1 - y, x },
	}[orientation]
	if from == nil {
		return p
	}
	size := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	to := image.NewRGBA(size)
	for y := range size.Dy() {
		for x := range size.Dx() {
			to.SetRGBA(x, y, p.RGBAAt(from(x, y)))
		}
	}
	return to
}

// encode writes a JPEG file of at most so many bytes: of the first of the sides
// that can have it, as good as can be. Of the last side it is what it is.
func encode(p *image.RGBA, most int, sides ...int) []byte {
	var file bytes.Buffer
	for _, side := range sides {
		small := scaled(p, side)
		for _, quality := range []int{82, 70, 55, 40} {
			file.Reset()
			_ = jpeg.Encode(&file, small, &jpeg.Options{Quality: quality}) // memory takes everything
			if file.Len() <= most {
				return file.Bytes()
			}
		}
	}
	return file.Bytes()
}
