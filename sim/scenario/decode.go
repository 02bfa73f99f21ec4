package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxText bounds a file: the largest shipped one is under four kilobytes.
const maxText = 1 << 20

// Decode reads a scenario. Errors name the line, where there is one to name.
func Decode(text string) (*Scenario, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("a scenario of %d bytes, at most %d", len(text), maxText)
	}
	s := defaults()
	s.text = text
	md, err := toml.Decode(text, s)
	if err != nil {
		return nil, readable(err)
	}
	if unknown := md.Undecoded(); len(unknown) > 0 {
		slices.SortStableFunc(unknown, func(a, b toml.Key) int { return cmp.Compare(lineOf(text, a), lineOf(text, b)) })
		return nil, unknownKey(text, unknown[0])
	}
	if err := s.complete(); err != nil {
		return nil, err
	}
	return s, nil
}

// lastKey is how the decoder says where a value of the wrong kind is.
var lastKey = regexp.MustCompile(`^line (\d+) \(last key "([^"]*)"\)`)

// readable is an error of the decoder without its own name, on one line.
func readable(err error) error {
	text := strings.TrimPrefix(err.Error(), "toml: ")
	var parse toml.ParseError
	if errors.As(err, &parse) && parse.Position.Line > 0 {
		text = fmt.Sprintf("line %d: %s", parse.Position.Line, parse.Message)
	}
	text = lastKey.ReplaceAllString(text, "line $1: $2")
	return errors.New(strings.Join(strings.Fields(text), " "))
}

// unknownKey says what could have been meant.
func unknownKey(text string, key toml.Key) error {
	typ := reflect.TypeFor[Scenario]()
	for i, part := range key {
		fields := keysOf(typ)
		next, ok := fields[part]
		if !ok {
			where := "a scenario has"
			if i > 0 {
				where = fmt.Sprintf("[%s] has", key[:i])
			}
			return fmt.Errorf("line %d: unknown key %q: %s %s", lineOf(text, key[:i+1]), key[:i+1].String(),
				where, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		}
		for next.Kind() == reflect.Pointer || next.Kind() == reflect.Slice {
			next = next.Elem()
		}
		if typ = next; typ.Kind() != reflect.Struct {
			break
		}
	}
	return fmt.Errorf("line %d: unknown key %q", lineOf(text, key), key.String())
}

// keysOf returns what a table may have.
func keysOf(typ reflect.Type) map[string]reflect.Type {
	keys := make(map[string]reflect.Type)
	for i := range typ.NumField() {
		if f := typ.Field(i); f.Tag.Get("toml") != "" {
			keys[f.Tag.Get("toml")] = f.Type
		}
	}
	return keys
}

var (
	header = regexp.MustCompile(`^\s*\[\[?\s*([^\]]*?)\s*\]`)
	assign = regexp.MustCompile(`^\s*([A-Za-z0-9_."'-]+)\s*=`)
	inner  = regexp.MustCompile(`[{,]\s*([A-Za-z0-9_-]+)\s*=`)
)

// lineOf returns the line on which a key is, as well as can be told without the parser,
// which does not say: 0 if it is not found.
func lineOf(text string, key toml.Key) int {
	want, table := strings.Join(key, "."), ""
	join := func(a, b string) string { return strings.TrimPrefix(a+"."+b, ".") }
	for i, line := range strings.Split(text, "\n") {
		if m := header.FindStringSubmatch(line); m != nil {
			if table = strings.NewReplacer(`"`, "", " ", "").Replace(m[1]); table == want || strings.HasPrefix(table, want+".") {
				return i + 1
			}
			continue
		}
		m := assign.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		own := join(table, strings.NewReplacer(`"`, "", "'", "").Replace(m[1]))
		if own == want || strings.HasPrefix(own, want+".") {
			return i + 1
		}
		for _, in := range inner.FindAllStringSubmatch(line, -1) {
			if join(own, in[1]) == want {
				return i + 1
			}
		}
	}
	return 0
}
