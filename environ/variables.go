package environ

// Variables is a Source of fixed variables.
type Variables map[string]string

// Lookup returns a variable.
func (v Variables) Lookup(name string) (value string, ok bool) {
	value, ok = v[name]
	return value, ok
}

// All yields all of them.
func (v Variables) All(yield func(name, value string) bool) {
	for name, value := range v {
		if !yield(name, value) {
			return
		}
	}
}
