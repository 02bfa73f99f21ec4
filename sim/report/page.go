package report

import (
	"crypto/sha256"
	_ "embed" // the styles and the script
	"encoding/base64"
	"strconv"
	"strings"
)

// figureCSS goes with figures that are saved, the others don't.
//
//go:embed figure.css
var figureCSS string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// policy lets the page load nothing, and run and wear only what is ours. Should escaping
// ever fail, a script in someone's name still does nothing.
func policy() string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src" + hash(figureCSS) + hash(pageCSS) + "; script-src" + hash(pageJS)
}

// html is the page. It is well-formed XML but for its first line, the styles and the
// script.
func (p *Page) html() string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n" +
		`<meta name="viewport" content="width=device-width, initial-scale=1"/>` + "\n" +
		`<meta http-equiv="Content-Security-Policy" content="` + escape(policy()) + "\"/>\n" +
		"<title>" + escape(oneLine(p.Title, 200)) + "</title>\n" +
		`<style id="figure-style">` + figureCSS + "</style>\n<style>" + pageCSS + "</style>\n</head>\n<body>\n<main>\n")
	b.WriteString("<header>\n<h1>" + escape(oneLine(p.Title, 200)) + "</h1>\n")
	paragraphs(&b, p.Lead, "lead")
	b.WriteString("</header>\n")
	b.WriteString(facts(p.Facts))
	figures := 0
	p.contents(&b)
	for i := range p.Sections {
		p.Sections[i].html(&b, i+1, &figures)
	}
	b.WriteString("</main>\n<script>" + pageJS + "</script>\n</body>\n</html>\n")
	return b.String()
}

// facts is the table at the top.
func facts(list []Fact) string {
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("<table class=\"facts\">\n")
	for _, f := range list[:min(len(list), maxRows)] {
		b.WriteString(`<tr><th scope="row">` + escape(cut(f.Name, maxText)) + "</th><td>" + escape(cut(f.Value, maxText)) +
			`</td><td class="note">` + escape(cut(f.Note, maxText)) + "</td></tr>\n")
	}
	b.WriteString("</table>\n")
	if len(list) > maxRows {
		b.WriteString(`<p class="note">` + leftOut(maxRows, len(list), "facts") + "</p>\n")
	}
	return b.String()
}

// contents lists the sections of a long page.
func (p *Page) contents(b *strings.Builder) {
	if len(p.Sections) < 4 {
		return
	}
	b.WriteString("<nav aria-label=\"Contents\">\n<ol>\n")
	for i, s := range p.Sections {
		if title := oneLine(s.Title, 200); title != "" {
			b.WriteString(`<li><a href="#section-` + strconv.Itoa(i+1) + `">` + escape(title) + "</a></li>\n")
		}
	}
	b.WriteString("</ol>\n</nav>\n")
}

// paragraphs writes text, parted at empty lines.
func paragraphs(b *strings.Builder, text, class string) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	for _, s := range strings.Split(clean(cut(text, 4*maxText)), "\n\n") {
		if s = strings.TrimSpace(s); s != "" {
			b.WriteString("<p" + class + ">" + escape(s) + "</p>\n")
		}
	}
}

func (s *Section) html(b *strings.Builder, number int, figures *int) {
	b.WriteString(`<section id="section-` + strconv.Itoa(number) + "\">\n")
	if title := oneLine(s.Title, 200); title != "" {
		b.WriteString("<h2>" + escape(title) + "</h2>\n")
	}
	paragraphs(b, s.Text, "")
	for _, f := range s.Figures {
		if f != nil {
			*figures++
			b.WriteString(figureHTML(f.draw(), *figures))
		}
	}
	if s.Table != nil {
		b.WriteString(s.Table.html())
	}
	if s.Pre != "" {
		b.WriteString("<pre tabindex=\"0\">" + escape(s.Pre[:min(len(s.Pre), maxPre)]) + "</pre>\n")
		if left := len(s.Pre) - maxPre; left > 0 {
			b.WriteString(`<p class="note">` + escape(Bytes.Format(float64(left))) + " more are left out.</p>\n")
		}
	}
	b.WriteString("</section>\n")
}

// figureHTML puts a picture, its title and what belongs to it together.
func figureHTML(d drawing, number int) string {
	name := "Figure " + strconv.Itoa(number)
	title, caption := oneLine(d.title, 200), cut(d.caption, maxText)
	var b strings.Builder
	b.WriteString(`<figure id="figure-` + strconv.Itoa(number) + `"`)
	if d.steps > 0 {
		b.WriteString(` class="steps" data-steps="` + strconv.Itoa(d.steps) + `"`)
	}
	label := sentences(name+".", title)
	if caption != "" {
		label = sentences(label, "–", caption)
	}
	b.WriteString(">\n<div class=\"draw\">" + d.svg.svg(label) + "</div>\n")
	if d.steps > 0 {
		b.WriteString(controls(d.steps, name))
	}
	b.WriteString("<figcaption><b>" + name + ".</b> ")
	if title != "" {
		b.WriteString("<strong>" + escape(title) + "</strong> ")
	}
	b.WriteString(escape(caption))
	if d.note != "" {
		b.WriteString(` <span class="note">` + escape(d.note) + "</span>")
	}
	b.WriteString(` <a class="save" hidden="" href="#figure-` + strconv.Itoa(number) + `" download="figure-` + strconv.Itoa(number) +
		".svg\">save as SVG</a></figcaption>\n" + d.below + "</figure>\n")
	return b.String()
}

// controls step through a figure. They are hidden without scripts.
func controls(steps int, name string) string {
	var b strings.Builder
	b.WriteString(`<div class="controls" hidden="" role="group" aria-label="` + name + ", step by step\">\n")
	for _, do := range []string{"first", "back", "play", "next", "last"} {
		b.WriteString(`<button type="button" data-do="` + do + `">` + do + "</button>\n")
	}
	n := strconv.Itoa(steps)
	b.WriteString(`<input type="range" min="0" max="` + n + `" value="` + n + "\" aria-label=\"step\"/>\n" +
		"<output aria-live=\"polite\"></output>\n</div>\n")
	return b.String()
}

// roomyColumns is how many fit beside each other in the width of the text, as a rule.
const roomyColumns = 8

// html is the table, with columns of numbers aligned to the right.
func (t *Table) html() string {
	rows := t.Rows[:min(len(t.Rows), maxRows)]
	columns := len(t.Header)
	for _, r := range rows {
		columns = max(columns, len(r))
	}
	shown := min(columns, maxColumns)
	class := make([]string, shown)
	for i := range class {
		if numeric(rows, i) {
			class[i] = ` class="number"`
		}
	}
	var b strings.Builder
	wide := ""
	if shown > roomyColumns {
		wide = " wide"
	}
	b.WriteString(`<div class="table` + wide + `" tabindex="0"><table>` + "\n")
	if t.Caption != "" {
		b.WriteString("<caption>" + escape(cut(t.Caption, maxText)) + "</caption>\n")
	}
	line := func(cells []string, open, end string) {
		b.WriteString("<tr>")
		for i := range shown {
			cell := ""
			if i < len(cells) {
				cell = cells[i]
			}
			b.WriteString(open + class[i] + ">" + escape(cut(cell, maxText/10)) + end)
		}
		b.WriteString("</tr>\n")
	}
	if len(t.Header) > 0 {
		b.WriteString("<thead>")
		line(t.Header, `<th scope="col"`, "</th>")
		b.WriteString("</thead>\n")
	}
	b.WriteString("<tbody>\n")
	for _, r := range rows {
		line(r, "<td", "</td>")
	}
	b.WriteString("</tbody>\n</table></div>\n")
	if note := sentences(leftOut(maxRows, len(t.Rows), "rows"), leftOut(maxColumns, columns, "columns")); note != "" {
		b.WriteString(`<p class="note">` + note + "</p>\n")
	}
	return b.String()
}

// numeric reports whether a column has numbers, with or without units, and nothing else.
func numeric(rows [][]string, column int) bool {
	found := false
	for _, r := range rows {
		if column >= len(r) || r[column] == "" || r[column] == "–" || r[column] == "never" {
			continue
		}
		s := strings.TrimPrefix(strings.TrimPrefix(r[column], "−"), "-")
		if s == "" || s[0] < '0' || s[0] > '9' || len(s) > 20 {
			return false
		}
		found = true
	}
	return found
}
