package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// A unit is what a row's numbers count. Less is better but for percentages,
// which are shares of what was asked.
type unit string

const (
	microseconds unit = "µs"
	milliseconds unit = "ms"
	seconds      unit = "s"
	kilobytes    unit = "KB"  // 1000 bytes
	kibibytes    unit = "KiB" // 1024 bytes
	count        unit = ""
	percent      unit = "%"
)

// printTable prints rows as a Markdown table under a line that names the machine.
func printTable(w io.Writer, rows []row) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; %s, %s/%s, %d CPUs, %s\n\n",
		backend(), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cpuModel())
	b.WriteString("| work | go-ethereum | Kith | ratio | remarks |\n|---|--:|--:|--:|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n",
			r.Work, r.cell(geth), r.cell(kith), r.ratio(), r.remarks())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *row) cell(side int) string {
	v, ok := r.value(side)
	if !ok {
		return "–"
	}
	digits := 0 // three significant ones, but two behind the point at most
	if v != math.Trunc(v) && v < 99.95 && v >= 0.005 {
		digits = 1
		if v < 9.995 {
			digits = 2
		}
	}
	return strings.TrimSpace(strconv.FormatFloat(v, 'f', digits, 64) + " " + string(r.Unit))
}

// ratio says how many times better Kith is.
func (r *row) ratio() string {
	g, okG := r.value(geth)
	k, okK := r.value(kith)
	if r.Unit == percent {
		g, k = k, g
	}
	switch {
	case !okG || !okK:
		return "–"
	case k <= 0 && g <= 0:
		return "1"
	case k <= 0 || g/k >= 1000:
		return "> 999"
	}
	return strconv.FormatFloat(g/k, 'f', 1, 64)
}

func (r *row) remarks() string {
	var parts []string
	for side, text := range r.Remarks {
		if text != "" {
			parts = append(parts, sideNames[side]+": "+text)
		}
	}
	return strings.Join(parts, "; ")
}

// backend names who does the cryptography.
func backend() string {
	switch {
	case buildSetting("CGO_ENABLED") != "1":
		return "pure Go on both sides"
	case slices.Contains(strings.Split(buildTags(), ","), "libsecp256k1"):
		return "libsecp256k1 on both sides: go-ethereum's own copy, the system's for Kith"
	}
	return "libsecp256k1 in go-ethereum, pure Go in Kith"
}

func buildTags() string { return buildSetting("-tags") }

// buildSetting returns a setting that this program was built with.
func buildSetting(key string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// cpuModel returns the processor's name as Linux tells it.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
