package builder

import (
	"fmt"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/mod-go/mod-go/modgo"
)

// Kind is a form of application.
type Kind string

// The four forms.
const (
	KindApplication Kind = "modgo.Application"
	KindHandler     Kind = "http.Handler"
	KindHandlerFunc Kind = "func(http.ResponseWriter, *http.Request)"
	KindConstructor Kind = "func() (http.Handler, error)"
)

const forms = `
an application is one of
	func application(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body
	var application http.Handler
	func application(w http.ResponseWriter, r *http.Request)
	func application() (http.Handler, error)`

// A Callable is a package-level value that can answer requests.
type Callable struct {
	Name     string
	Kind     Kind
	Position token.Position

	named bool // its type has a name of its own, and is converted to be registered
}

// String lists a package's callables as "path: application (modgo.Application), admin (http.Handler)".
func (p Package) String() string {
	var list strings.Builder
	for i, c := range p.Callables {
		if i > 0 {
			list.WriteString(", ")
		}
		list.WriteString(c.Name)
		if c.Kind != "" {
			fmt.Fprintf(&list, " (%s)", c.Kind)
		}
	}
	return p.Path + ": " + list.String()
}

// HasDefault tells whether the package has the value that is called where GoCallableObject names no other.
func (p Package) HasDefault() bool {
	return slices.ContainsFunc(p.Callables, func(c Callable) bool {
		return c.Name == modgo.DefaultCallable || c.Name == modgo.DefaultCallableExported
	})
}

// callablesOf returns the callables of a type-checked package, its default first, the others by name. It is an error for
// the value named application, or Application where there is no application, to be of no accepted type.
func callablesOf(p *packages.Package, position func(token.Pos) token.Position) ([]Callable, error) {
	var callables []Callable
	scope := p.Types.Scope()
	for _, name := range scope.Names() {
		object := scope.Lookup(name)
		kind := kindOf(object)
		if kind == "" {
			continue
		}
		_, unnamed := types.Unalias(object.Type()).(*types.Signature)
		callables = append(callables, Callable{Name: name, Kind: kind, Position: position(object.Pos()), named: !unnamed})
	}
	for _, name := range []string{modgo.DefaultCallable, modgo.DefaultCallableExported} {
		object := scope.Lookup(name)
		if _, isType := object.(*types.TypeName); object == nil || isType {
			continue // a type of this name is common, and no attempt at an application
		}
		if kindOf(object) == "" {
			return nil, wrongType(p, object, position(object.Pos()))
		}
		slices.SortStableFunc(callables, func(a, b Callable) int { return rank(a, name) - rank(b, name) })
		break
	}
	return callables, nil
}

func rank(c Callable, first string) int {
	if c.Name == first {
		return 0
	}
	return 1
}

// kindOf returns the form of application that a package-level value has, "" where it has none.
func kindOf(object types.Object) Kind {
	switch object.(type) {
	case *types.Func, *types.Var:
	default:
		return ""
	}
	if _, isVar := object.(*types.Var); isVar && isHandler(object.Type()) {
		return KindHandler
	}
	signature, ok := object.Type().Underlying().(*types.Signature)
	if !ok || signature.TypeParams().Len() > 0 {
		return ""
	}
	switch {
	case isApplication(signature):
		return KindApplication
	case isHandlerFunc(signature):
		return KindHandlerFunc
	case isConstructor(signature):
		return KindConstructor
	}
	return ""
}

// The tests below compare types by package path and name: the packages that declare them come from export data, and need
// not even be loaded where a package has its handler from a third one.

func isApplication(s *types.Signature) bool {
	return hasTypes(s.Params(), s.Variadic(), pointerTo(modulePath+"/environ", "Environ"), named(modulePath+"/modgo", "StartResponse")) &&
		hasTypes(s.Results(), false, isBody)
}

func isHandlerFunc(s *types.Signature) bool {
	return hasTypes(s.Params(), s.Variadic(), named("net/http", "ResponseWriter"), pointerTo("net/http", "Request")) &&
		s.Results().Len() == 0
}

func isConstructor(s *types.Signature) bool {
	return s.Params().Len() == 0 && hasTypes(s.Results(), false, named("net/http", "Handler"), isError)
}

// isHandler tells whether a value of the type is an http.Handler.
func isHandler(t types.Type) bool {
	method := types.NewMethodSet(t).Lookup(nil, "ServeHTTP")
	if method == nil {
		return false
	}
	signature, ok := method.Type().(*types.Signature)
	return ok && isHandlerFunc(signature)
}

// isBody tells whether a type is modgo.Body, which is iter.Seq2[[]byte, error] under another name.
func isBody(t types.Type) bool {
	seq, ok := types.Unalias(t).(*types.Named)
	if !ok || !named("iter", "Seq2")(t) || seq.TypeArgs().Len() != 2 {
		return false
	}
	bytes := types.NewSlice(types.Typ[types.Byte])
	return types.Identical(seq.TypeArgs().At(0), bytes) && isError(seq.TypeArgs().At(1))
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

func named(path, name string) func(types.Type) bool {
	return func(t types.Type) bool {
		n, ok := types.Unalias(t).(*types.Named)
		return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == path && n.Obj().Name() == name
	}
}

func pointerTo(path, name string) func(types.Type) bool {
	return func(t types.Type) bool {
		p, ok := types.Unalias(t).(*types.Pointer)
		return ok && named(path, name)(p.Elem())
	}
}

func hasTypes(tuple *types.Tuple, variadic bool, tests ...func(types.Type) bool) bool {
	if variadic || tuple.Len() != len(tests) {
		return false
	}
	for i, test := range tests {
		if !test(tuple.At(i).Type()) {
			return false
		}
	}
	return true
}

// wrongType is the error for a value that has the name of an application and no type of one.
func wrongType(p *packages.Package, object types.Object, position token.Position) error {
	written := types.TypeString(object.Type(), func(other *types.Package) string {
		if other == p.Types {
			return ""
		}
		return other.Name()
	})
	return fmt.Errorf("%s: %s has the type %s, which is none of an application%s;%s", position, object.Name(), written, hint(object), forms)
}

// hint says what is wrong about a type that nearly is one of an application.
func hint(object types.Object) string {
	if _, ok := object.(*types.Const); ok {
		return " (it is a constant)"
	}
	t := object.Type()
	if isHandler(types.NewPointer(t)) {
		return " (a pointer to it is an http.Handler: declare the variable as a pointer)"
	}
	signature, ok := t.Underlying().(*types.Signature)
	if !ok {
		return ""
	}
	if signature.TypeParams().Len() > 0 {
		return " (it has type parameters)"
	}
	if results := signature.Results(); signature.Params().Len() == 0 && results.Len() > 0 {
		first := results.At(0).Type()
		if isHandler(first) || isHandler(types.NewPointer(first)) {
			return " (a function that constructs an application has exactly the results (http.Handler, error))"
		}
	}
	return ""
}
