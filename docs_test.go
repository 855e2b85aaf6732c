package zmqbus_test

import (
	"go/format"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// docBlocks returns the code blocks of a document in one language.
func docBlocks(t *testing.T, document, language string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	fences := strings.Split(strings.ReplaceAll("\n"+string(text), "\r\n", "\n"), "\n```")
	if len(fences)%2 != 1 {
		t.Fatalf("%s has a block that does not end", document)
	}
	for i := 1; i < len(fences); i += 2 {
		if block, found := strings.CutPrefix(fences[i], language+"\n"); found {
			blocks = append(blocks, block)
		}
	}
	return blocks
}

func guideBlocks(t *testing.T, language string) []string {
	t.Helper()
	return docBlocks(t, "docs/guide.md", language)
}

func isProgram(block string) bool { return strings.HasPrefix(block, "package main\n") }

// codeLines returns the lines without what indents them, and what aligns comments and fields.
func codeLines(text string) []string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.Join(strings.Fields(lines[i]), " ")
	}
	return lines
}

// TestDocsAreTested: each Go block of the guide and of the README is a whole program, which TestGuidePrograms runs, or
// stands in a test of this package, as gofmt would have it.
func TestDocsAreTested(t *testing.T) {
	sources, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tested []string
	for _, name := range sources {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tested = append(tested, codeLines(string(source))...)
	}
	for document, want := range map[string]struct{ programs, pieces int }{
		"docs/guide.md": {2, 4},
		"README.md":     {0, 5},
	} {
		programs, pieces := 0, 0
		for _, block := range docBlocks(t, document, "go") {
			if isProgram(block) {
				programs++
				continue
			}
			pieces++
			code, err := format.Source([]byte(block))
			if err != nil {
				t.Errorf("%s: %v in\n%s", document, err, block)
			} else if !containsLines(tested, codeLines(string(code))) {
				t.Errorf("%s: no test has this block:\n%s", document, block)
			}
		}
		if programs != want.programs || pieces != want.pieces {
			t.Errorf("%s: %d programs and %d pieces of Go: this test knows of %d and %d", document, programs, pieces, want.programs, want.pieces)
		}
	}
}

func containsLines(lines, want []string) bool {
	for i := 0; i+len(want) <= len(lines); i++ {
		if slices.Equal(lines[i:i+len(want)], want) {
			return true
		}
	}
	return false
}
