package socket

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// docRows returns the cells of the tables in docs/options.md, by heading; the head and its rule are left out.
func docRows(t *testing.T, heading string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash("../docs/options.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("docs/options.md has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var rows [][]string
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i, c := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(c), "`")
		}
		rows = append(rows, cells)
	}
	if len(rows) < 3 {
		t.Fatalf("no table under %q", heading)
	}
	return rows[2:]
}

// TestDocsListOptions holds docs/options.md to the table: the same options in the same order, the default that is
// really read back, a field that exists, and tests that exist. Every field of Config must be documented.
func TestDocsListOptions(t *testing.T) {
	rows := docRows(t, "Options")
	if len(rows) != len(optionTable) {
		t.Errorf("docs list %d options, the table has %d", len(rows), len(optionTable))
	}
	documented := map[string]bool{}
	for i, row := range rows[:min(len(rows), len(optionTable))] {
		if len(row) != 7 {
			t.Fatalf("row %d has %d cells, want 7: %v", i, len(row), row)
		}
		name, here, field, tests := row[0], row[2], row[4], row[6]
		if want := optionTable[i].name; name != want {
			t.Errorf("row %d is %q, want %q", i, name, want)
			continue
		}
		if got := optionTable[i].get(&Config{}); fmt.Sprint(got) != strings.TrimPrefix(here, "empty") {
			t.Errorf("%s: docs say the default is %s, it reads back as %v", name, here, got)
		}
		checkTestsExist(t, name, tests)
		documented[field] = true
	}
	for _, row := range docRows(t, "Fields without a name") {
		documented[row[0]] = true
		checkTestsExist(t, row[0], row[3])
	}
	for _, field := range configFields() {
		if !documented[field] {
			t.Errorf("docs/options.md does not mention Config.%s", field)
		}
		delete(documented, field)
	}
	for field := range documented {
		t.Errorf("docs/options.md mentions Config.%s, which does not exist", field)
	}
}

// configFields lists the fields of Config, those of KeepAlive by their path.
func configFields() []string {
	var names []string
	for f := range reflect.TypeFor[Config]().Fields() {
		if f.Type != reflect.TypeFor[KeepAlive]() {
			names = append(names, f.Name)
			continue
		}
		for k := range f.Type.Fields() {
			names = append(names, f.Name+"."+k.Name)
		}
	}
	return names
}

// checkTestsExist looks for each of the tests that docs name, separated by commas, in the sources beside this one.
func checkTestsExist(t *testing.T, name, tests string) {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(text)
	}
	for test := range strings.SplitSeq(tests, ",") {
		if test = strings.TrimSpace(test); !strings.Contains(sources.String(), "\nfunc "+test+"(t *testing.T)") {
			t.Errorf("%s: docs name a test %q that does not exist", name, test)
		}
	}
}
