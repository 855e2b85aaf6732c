package zmtp

// A small message is one allocation: a struct with the Frames array in front and the bytes behind. The sizes fill Go's
// size classes (48 to 512); slabs shared by messages would save a few ns and pin kilobytes.
type (
	one24 struct {
		h [1][]byte
		b [24]byte
	}
	one40 struct {
		h [1][]byte
		b [40]byte
	}
	one72 struct {
		h [1][]byte
		b [72]byte
	}
	one104 struct {
		h [1][]byte
		b [104]byte
	}
	one168 struct {
		h [1][]byte
		b [168]byte
	}
	one232 struct {
		h [1][]byte
		b [232]byte
	}
	one360 struct {
		h [1][]byte
		b [360]byte
	}
	one488 struct {
		h [1][]byte
		b [488]byte
	}
	two16 struct {
		h [2][]byte
		b [16]byte
	}
	two48 struct {
		h [2][]byte
		b [48]byte
	}
	two80 struct {
		h [2][]byte
		b [80]byte
	}
	two144 struct {
		h [2][]byte
		b [144]byte
	}
	two208 struct {
		h [2][]byte
		b [208]byte
	}
	two464 struct {
		h [2][]byte
		b [464]byte
	}
	four32 struct {
		h [4][]byte
		b [32]byte
	}
	four96 struct {
		h [4][]byte
		b [96]byte
	}
	four160 struct {
		h [4][]byte
		b [160]byte
	}
	four288 struct {
		h [4][]byte
		b [288]byte
	}
	four416 struct {
		h [4][]byte
		b [416]byte
	}
)

// alloc returns k empty frames and n bytes for their bodies, in one allocation when both are small.
func alloc(k, n int) (frames [][]byte, data []byte) {
	switch {
	case k == 1 && n <= 488:
		return allocOne(n)
	case k == 2 && n <= 464:
		return allocTwo(n)
	case k <= 4 && n <= 416:
		frames, data = allocFour(n)
		return frames[:k:k], data
	}
	return make([][]byte, k), make([]byte, n)
}

func allocOne(n int) ([][]byte, []byte) {
	switch {
	case n <= 24:
		m := new(one24)
		return m.h[:], m.b[:n:n]
	case n <= 40:
		m := new(one40)
		return m.h[:], m.b[:n:n]
	case n <= 72:
		m := new(one72)
		return m.h[:], m.b[:n:n]
	case n <= 104:
		m := new(one104)
		return m.h[:], m.b[:n:n]
	case n <= 168:
		m := new(one168)
		return m.h[:], m.b[:n:n]
	case n <= 232:
		m := new(one232)
		return m.h[:], m.b[:n:n]
	case n <= 360:
		m := new(one360)
		return m.h[:], m.b[:n:n]
	}
	m := new(one488)
	return m.h[:], m.b[:n:n]
}

func allocTwo(n int) ([][]byte, []byte) {
	switch {
	case n <= 16:
		m := new(two16)
		return m.h[:], m.b[:n:n]
	case n <= 48:
		m := new(two48)
		return m.h[:], m.b[:n:n]
	case n <= 80:
		m := new(two80)
		return m.h[:], m.b[:n:n]
	case n <= 144:
		m := new(two144)
		return m.h[:], m.b[:n:n]
	case n <= 208:
		m := new(two208)
		return m.h[:], m.b[:n:n]
	}
	m := new(two464)
	return m.h[:], m.b[:n:n]
}

func allocFour(n int) ([][]byte, []byte) {
	switch {
	case n <= 32:
		m := new(four32)
		return m.h[:], m.b[:n:n]
	case n <= 96:
		m := new(four96)
		return m.h[:], m.b[:n:n]
	case n <= 160:
		m := new(four160)
		return m.h[:], m.b[:n:n]
	case n <= 288:
		m := new(four288)
		return m.h[:], m.b[:n:n]
	}
	m := new(four416)
	return m.h[:], m.b[:n:n]
}
