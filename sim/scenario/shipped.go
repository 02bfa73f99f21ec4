package scenario

import (
	"embed"
	"fmt"
	"os"
	"slices"
	"strings"
)

//go:embed *.toml
var files embed.FS

// Shipped returns the scenarios that come with the package, by name.
func Shipped() []*Scenario {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // can't be: they are part of the program
	}
	var list []*Scenario
	for _, e := range entries {
		s, err := shipped(strings.TrimSuffix(e.Name(), ".toml"))
		if err != nil {
			panic(err) // can't be: a test decodes them all
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *Scenario) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func shipped(name string) (*Scenario, error) {
	text, err := files.ReadFile(name + ".toml")
	if err != nil {
		return nil, err
	}
	s, err := Decode(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// Load returns the shipped scenario of a name, or the one in a file: a name with a dot
// or a slash in it is that of a file.
func Load(name string) (*Scenario, error) {
	if !strings.ContainsAny(name, `./\`) {
		if s, err := shipped(name); err == nil {
			return s, nil
		}
		var all []string
		for _, s := range Shipped() {
			all = append(all, s.Name)
		}
		return nil, fmt.Errorf("there is no scenario %q: there are %s; a file is given as ./%s", name, strings.Join(all, ", "), name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	s, err := Decode(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}
