package stackgate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath, Dir string
	GoFiles         []string
	Imports         []string
	Deps            []string
}

const module = "stackgate/"

// list asks the go command once for all tests.
var list = sync.OnceValues(func() (map[string]pkg, error) {
	command := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports,Deps", "./...")
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	all := map[string]pkg{}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("read what go list says: %w", err)
		}
		all[strings.TrimPrefix(p.ImportPath, module)] = p
	}
})

func packages(t *testing.T) map[string]pkg {
	t.Helper()
	all, err := list()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// rule says what of ours a package, and everything below it, may import directly.
type rule struct {
	of      string
	may     []string
	reason  string
	noneSDK bool // nothing of aws-sdk-go-v2 either
}

// The import table. A name ending in /... stands for everything below it.
var table = []rule{
	{"internal/deployment", nil, "the words depend on nothing but the standard library", true},
	{"internal/approval", nil, "the rule of approval is pure", true},
	{"internal/identity", nil, "whoever verifies callers hands their principals over", true},
	{"internal/clock", nil, "clocks know nothing", true},
	{"internal/asl", nil, "the interpreter knows the States Language and nothing of deployments", true},
	{"internal/plan/delta", []string{"internal/plan"}, "a comparison knows nothing but the two reviews", true},
	{"internal/plan/parallel", nil, "what spreads work knows none", true},
	{"internal/plan", []string{"internal/plan/...", "internal/deployment"}, "the review is data: it never asks AWS and never prints", true},
	{"internal/render/...", []string{"internal/plan", "internal/plan/delta", "internal/render/..."}, "renderers see only the documents", true},
	{"internal/stream", nil, "events are data", true},
	{"internal/tail", []string{"internal/deployment"}, "explaining is pure; whoever reads events hands them over", false},
	{"internal/cfn", []string{"internal/deployment", "internal/plan/...", "internal/plan"}, "CloudFormation's facts decide nothing about a deployment", false},
	{"internal/metrics", nil, "what is measured and how it is written down depends on nobody who measures", true},
	{"internal/eventbridge", []string{"internal/cfn", "internal/deployment"}, "events are told apart by what statuses mean; who is woken decides the rest", false},
	{"internal/announcement", []string{"internal/approval", "internal/deployment", "internal/render/hostile", "internal/store"},
		"announcing knows what is kept, and nothing of who announces", false},
	{"internal/adoption", []string{"internal/cfn", "internal/deployment", "internal/functions", "internal/store", "tasks/..."},
		"a deployment is finished from outside by the tasks that its flow would have used, wherever the flow ran", false},
	{"internal/store", []string{"internal/approval", "internal/deployment"}, "what is kept depends on no store", true},
	{"internal/service", []string{"internal/approval", "internal/deployment", "internal/identity", "internal/service/..."}, "definitions are read without AWS", true},
	{"internal/cfnsim", []string{"internal/cfnsim/...", "internal/clock"}, "the simulator must not learn from the code that it tests", false},
	{"infra/...", []string{"infra/...", "internal/deployment", "internal/eventbridge", "internal/installed", "internal/metrics", "internal/service", "internal/store/dynamo", "statemachines"},
		"the installation takes names and schemas from what it installs, and nothing that runs knows of it", false},
	{"internal/frontdoor", []string{"internal/approval", "internal/callback", "internal/deployment", "internal/plan", "internal/service", "internal/store"},
		"the front door runs no step of a deployment", false},
	{"internal/web/wire", []string{"internal/approval", "internal/deployment", "internal/frontdoor", "internal/store"}, "forms are data; both sides of the wire read them", true},
	{"internal/web", []string{"internal/approval", "internal/deployment", "internal/frontdoor", "internal/identity", "internal/plan", "internal/render/...",
		"internal/service", "internal/store", "internal/stream", "internal/tail", "internal/tail/tailtext", "internal/web/wire"},
		"the handler knows no AWS and no engine: whoever serves it brings callers and executions", true},
	{"internal/leftovers", []string{"internal/cfn", "internal/deployment", "internal/service", "internal/store"},
		"whoever cleans brings the store and the clients of their mode", false},
	{"tasks/...", []string{"internal/approval", "internal/callback", "internal/cfn", "internal/deployment", "internal/plan", "internal/service", "internal/store", "internal/tail"},
		"tasks stand alone: none imports another, none knows how it is run", false},
}

func within(name, pattern string) bool {
	if prefix, below := strings.CutSuffix(pattern, "/..."); below {
		return strings.HasPrefix(name, prefix+"/")
	}
	return name == pattern
}

func TestImportsPointOneWay(t *testing.T) {
	all := packages(t)
	for _, r := range table {
		found := false
		for name, p := range all {
			if !within(name, r.of) {
				continue
			}
			found = true
			for _, imported := range p.Imports {
				ours, own := strings.CutPrefix(imported, module)
				if own && !slices.ContainsFunc(r.may, func(pattern string) bool { return within(ours, pattern) }) {
					t.Errorf("%s imports %s: %s", name, ours, r.reason)
				}
				if r.noneSDK && strings.HasPrefix(imported, "github.com/aws/aws-sdk-go-v2") {
					t.Errorf("%s imports %s: %s", name, imported, r.reason)
				}
			}
		}
		if !found {
			t.Errorf("the table names %s, which does not exist", r.of)
		}
	}
}

func TestWordsUseTheStandardLibraryOnly(t *testing.T) {
	for _, imported := range packages(t)["internal/deployment"].Imports {
		if strings.Contains(imported, ".") {
			t.Errorf("internal/deployment imports %s", imported)
		}
	}
}

// owners says who alone may import something.
var owners = []struct {
	what, reason string
	may          []string
}{
	{"github.com/aws/aws-cdk-go/awscdk/v2", "CDK is linked into nothing that runs", []string{"infra/...", "infra"}},
	{module + "internal/cfnsim", "only tests and the embedded modes know the simulator", []string{"internal/cfnsim", "internal/cfnsim/...", "internal/local", "internal/cli/..."}},
	{module + "internal/asl", "only the embedded engine's host runs it; the command line gives it its randomness", []string{"internal/local", "internal/cli"}},
	{module + "cmd/stackgate", "main is imported by nobody", nil},
	{"modernc.org/sqlite", "SQL stays in one package", []string{"internal/store/sqlite"}},
	{"github.com/getsentry/sentry-go", "the tracker stays behind one interface", []string{"internal/exceptions"}},
}

func TestWhoAloneMayImport(t *testing.T) {
	for name, p := range packages(t) {
		for _, o := range owners {
			imports := func(imported string) bool { return imported == o.what || strings.HasPrefix(imported, o.what+"/") }
			if slices.ContainsFunc(p.Imports, imports) && !slices.ContainsFunc(o.may, func(pattern string) bool { return within(name, pattern) }) {
				t.Errorf("%s imports %s: %s", name, o.what, o.reason)
			}
		}
	}
}

func TestOnlyFunctionsComposeTasks(t *testing.T) {
	for name, p := range packages(t) {
		for _, imported := range p.Imports {
			if !strings.HasPrefix(imported, module+"tasks/") || strings.HasPrefix(name, "tasks/") {
				continue
			}
			if name != "internal/functions" && name != "internal/adoption" && name != "internal/local" && !strings.HasPrefix(name, "lambdas/") && name != "internal/installed" {
				t.Errorf("%s imports %s: tasks are composed in internal/functions", name, imported)
			}
		}
	}
}

func TestRenderersDoNotImportEachOther(t *testing.T) {
	renderers := []string{"terminal", "markdown", "html", "jsonout"}
	for _, name := range renderers {
		p, found := packages(t)["internal/render/"+name]
		if !found {
			t.Errorf("there is no renderer %s", name)
		}
		for _, other := range renderers {
			if other != name && slices.Contains(p.Imports, module+"internal/render/"+other) {
				t.Errorf("renderer %s imports %s", name, other)
			}
		}
	}
}

func TestPackageNamesSayWhatTheyHold(t *testing.T) {
	forbidden := []string{"util", "utils", "common", "shared", "helpers", "helper", "types", "models", "mocks", "misc", "base"}
	for name := range packages(t) {
		if slices.Contains(forbidden, filepath.Base(name)) {
			t.Errorf("package %s is named for nothing", name)
		}
	}
}

// files parses the non-test files of every package.
func files(t *testing.T, visit func(name, path string, file *ast.File, set *token.FileSet)) {
	t.Helper()
	for name, p := range packages(t) {
		for _, file := range p.GoFiles {
			set := token.NewFileSet()
			path := filepath.Join(p.Dir, file)
			parsed, err := parser.ParseFile(set, path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			visit(name, path, parsed, set)
		}
	}
}

func TestEveryPackageHasOneComment(t *testing.T) {
	comments := map[string]int{}
	for name := range packages(t) {
		comments[name] = 0
	}
	files(t, func(name, _ string, file *ast.File, _ *token.FileSet) {
		if file.Doc != nil {
			comments[name]++
		}
	})
	for name, n := range comments {
		if name != "stackgate" && n != 1 && len(packages(t)[name].GoFiles) > 0 {
			t.Errorf("package %s has %d package comments, not one", name, n)
		}
	}
}

func TestContextsAreMadeInMainOnly(t *testing.T) {
	files(t, func(name, _ string, file *ast.File, set *token.FileSet) {
		if strings.HasPrefix(name, "cmd/") || strings.HasPrefix(name, "lambdas/") || strings.HasPrefix(name, "infra") || strings.HasSuffix(name, "test") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if from, ok := selector.X.(*ast.Ident); ok && from.Name == "context" && (selector.Sel.Name == "Background" || selector.Sel.Name == "TODO") {
				t.Errorf("%s makes a context: take the caller's", set.Position(n.Pos()))
			}
			return true
		})
	})
}

func TestNoTestDoublesInProduction(t *testing.T) {
	files(t, func(_, _ string, file *ast.File, set *token.FileSet) {
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				if named, ok := spec.(*ast.TypeSpec); ok {
					lower := strings.ToLower(named.Name.Name)
					if strings.HasPrefix(lower, "mock") || strings.HasPrefix(lower, "fake") || strings.HasPrefix(lower, "stub") {
						t.Errorf("%s: %s is a test double in production code", set.Position(spec.Pos()), named.Name.Name)
					}
				}
			}
		}
	})
}

// A Go error in a JSON struct becomes {}.
func TestTaskInputsAndOutputsHoldNoErrors(t *testing.T) {
	files(t, func(name, _ string, file *ast.File, set *token.FileSet) {
		if !strings.HasPrefix(name, "tasks/") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !(strings.HasSuffix(spec.Name.Name, "In") || strings.HasSuffix(spec.Name.Name, "Out")) {
				return true
			}
			structure, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range structure.Fields.List {
				if ident, ok := field.Type.(*ast.Ident); ok && ident.Name == "error" {
					t.Errorf("%s: %s holds an error", set.Position(field.Pos()), spec.Name.Name)
				}
				if pointer, ok := field.Type.(*ast.StarExpr); ok {
					if ident, ok := pointer.X.(*ast.Ident); ok && ident.Name == "string" {
						t.Errorf("%s: %s holds a pointer to a string", set.Position(field.Pos()), spec.Name.Name)
					}
				}
			}
			return true
		})
	})
}
