package main

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// splitFrames cuts a line of input into the frames of one message. Without a delimiter the line is one frame. The
// frames share the line's memory.
func splitFrames(line []byte, delim string) [][]byte {
	if delim == "" {
		return [][]byte{line}
	}
	return bytes.Split(line, []byte(delim))
}

// trimLine removes the end of a line, as Unix or Windows writes it.
func trimLine(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = bytes.TrimSuffix(line[:n-1], []byte("\r"))
	}
	return line
}

// appendPrintable appends b to dst; what is not printable UTF-8 becomes a Go escape. Printable text, backslashes too,
// stays as it is: JSON is the format that can be read back.
func appendPrintable(dst, b []byte) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, `\x`...)
			dst = append(dst, hexDigits[b[0]>>4], hexDigits[b[0]&15])
		case strconv.IsPrint(r):
			dst = append(dst, b[:n]...)
		default:
			quoted := strconv.QuoteRune(r)
			dst = append(dst, quoted[1:len(quoted)-1]...)
		}
		b = b[n:]
	}
	return dst
}

const hexDigits = "0123456789abcdef"

func allUTF8(frames [][]byte) bool {
	for _, f := range frames {
		if !utf8.Valid(f) {
			return false
		}
	}
	return true
}

func base64IfBinary(s string) []byte {
	if utf8.ValidString(s) {
		return nil
	}
	return []byte(s)
}

// oneLine joins the lines of a text, such as an error of several.
func oneLine(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

// wrap joins words with spaces into lines of about width characters.
func wrap(words []string, width int) string {
	var b []byte
	column := 0
	for i, w := range words {
		switch {
		case i == 0:
		case column+len(w) >= width:
			b = append(b, '\n')
			column = 0
		default:
			b = append(b, ' ')
		}
		b = append(b, w...)
		column += len(w) + 1
	}
	return string(b)
}
