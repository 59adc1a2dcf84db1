package modgo

import (
	"fmt"
	"reflect"
)

// A ContractError tells that an application or its server broke the application contract. StartResponse and the writer
// it returns panic with one, as net/http does for an invalid status.
type ContractError struct {
	Clause  string // the clause, for example "C30"; docs/contract.md lists them
	Problem string // what was done, with the offending value
}

// Error names the clause and the problem.
func (e *ContractError) Error() string {
	return fmt.Sprintf("application contract %s: %s", e.Clause, e.Problem)
}

// A ConstructPanic is the error of Callable.Construct when the application's constructor panicked.
type ConstructPanic struct {
	Value any
	Stack []byte // from where the panic was raised, as debug.Stack shows it
}

// Error says that the constructor panicked, and with what; the stack is left out.
func (e *ConstructPanic) Error() string { return fmt.Sprintf("its constructor panicked: %v", e.Value) }

// isNil tells whether v is nil or an interface that holds a nil pointer, map, func or the like.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Chan, reflect.Func, reflect.Map, reflect.Pointer, reflect.Slice, reflect.UnsafePointer:
		return r.IsNil()
	default:
		return false
	}
}
