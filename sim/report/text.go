package report

import (
	"html"
	"strings"
	"unicode/utf8"
)

// escape makes any string safe as text and as a quoted attribute, in HTML and in SVG
// that is saved as XML.
func escape(s string) string { return html.EscapeString(clean(s)) }

// clean replaces what XML forbids, and the characters that turn the direction of the
// text after them: a name must not change how its neighbours read.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return r
		case r == '\r':
			return -1
		case r < 0x20, r == 0x7f, r >= 0x80 && r < 0xa0, r == 0xfffe, r == 0xffff,
			r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}

// oneLine is s cleaned, without line breaks, of at most n runes.
func oneLine(s string, n int) string {
	return cut(strings.Join(strings.Fields(clean(cut(s, 4*n))), " "), n)
}

// cut shortens s to n runes, the last of which says so.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	i := 0
	for at := range s {
		if i == n {
			end := at
			_, last := utf8.DecodeLastRuneInString(s[:at])
			return s[:end-last] + "…"
		}
		i++
	}
	return s
}

// textWidth estimates how wide text is at a font size, in the same unit. There are no
// font metrics here: it is what common sans-serif fonts need, or a little more.
func textWidth(s string, size float64) float64 {
	w := 0.0
	for _, r := range s {
		switch {
		case strings.ContainsRune("iljtfI.,:;'|!()[]·", r):
			w += 0.34
		case r == 'm' || r == 'w' || r == 'M' || r == 'W' || r == '%' || r == '…' || r == '@':
			w += 0.92
		case r >= 'A' && r <= 'Z':
			w += 0.70
		case r == ' ' || r == '\u2009':
			w += 0.32
		case r >= 0x1100: // wide scripts
			w += 1.05
		default:
			w += 0.60
		}
	}
	return w * size
}

// fitText shortens text until it is no wider than most.
func fitText(s string, size, most float64) string {
	s = oneLine(s, 200)
	if textWidth(s, size) <= most {
		return s
	}
	w := textWidth("…", size)
	for i, r := range s {
		if w += textWidth(string(r), size); w > most {
			return strings.TrimRight(s[:i], " ") + "…"
		}
	}
	return s
}
