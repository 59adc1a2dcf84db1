package middleware_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/modgo"
)

const formType = "application/x-www-form-urlencoded"

func TestMethodOverrideIsTransparent(t *testing.T) {
	checkTransparent(t, middleware.MethodOverride(), getRequest)
}

func TestMethodOverride(t *testing.T) {
	long := strings.Repeat("x", 8<<10)
	for _, test := range []struct {
		name, method, header, kind, form string
		options                          []middleware.MethodOverrideOption
		want                             string
	}{
		{name: "header", method: "POST", header: "DELETE", want: "DELETE"},
		{name: "header in lower case", method: "POST", header: "patch", want: "PATCH"},
		{name: "header with a method that is not allowed", method: "POST", header: "GET", want: "POST"},
		{name: "header with no method at all", method: "POST", header: "PUT, DELETE", want: "POST"},
		{name: "header of a GET", method: "GET", header: "DELETE", want: "GET"},
		{name: "header of a HEAD", method: "HEAD", header: "DELETE", want: "HEAD"},
		{name: "other methods", method: "POST", header: "Purge", options: []middleware.MethodOverrideOption{middleware.MethodOverrideTo("PURGE")}, want: "PURGE"},
		{name: "other methods, not those", method: "POST", header: "PUT", options: []middleware.MethodOverrideOption{middleware.MethodOverrideTo("PURGE")}, want: "POST"},
		{name: "no methods", method: "POST", header: "PUT", options: []middleware.MethodOverrideOption{middleware.MethodOverrideTo()}, want: "POST"},

		{name: "form", method: "POST", kind: formType, form: "_method=PUT", want: "PUT"},
		{name: "form with a charset", method: "POST", kind: formType + "; charset=utf-8", form: "_method=PUT", want: "PUT"},
		{name: "form, first of several", method: "POST", kind: formType, form: "_method=delete&a=b&_method=PUT", want: "DELETE"},
		{name: "form, last", method: "POST", kind: formType, form: "a=b&&c&_method=PUT", want: "PUT"},
		{name: "form, escaped", method: "POST", kind: formType, form: "%5Fmethod=%50UT", want: "PUT"},
		{name: "form, badly escaped", method: "POST", kind: formType, form: "%zz=1&_method=%zz&_method=PUT", want: "PUT"},
		{name: "form, another name", method: "POST", kind: formType, form: "x_method=PUT&_methods=PUT&a=_method=PUT", want: "POST"},
		{name: "form with a method that is not allowed", method: "POST", kind: formType, form: "_method=CONNECT", want: "POST"},
		{name: "form of a PUT", method: "PUT", kind: formType, form: "_method=DELETE", want: "PUT"},
		{name: "form of another type", method: "POST", kind: "text/plain", form: "_method=DELETE", want: "POST"},
		{name: "form of a malformed type", method: "POST", kind: "; =", form: "_method=DELETE", want: "POST"},
		{name: "empty form", method: "POST", kind: formType, want: "POST"},
		{name: "header before form", method: "POST", header: "GET", kind: formType, form: "_method=DELETE", want: "POST"},
		{name: "form, just within the limit", method: "POST", kind: formType, form: "a=" + long[:8<<10-2-len("&_method=PUT&")] + "&_method=PUT&" + long, want: "PUT"},
		{name: "form, just beyond the limit", method: "POST", kind: formType, form: "a=" + long[:8<<10-1-len("&_method=PUT&")] + "&_method=PUT&" + long, want: "POST"},
		{name: "form that is long before", method: "POST", kind: formType, form: "a=" + long + "&_method=PUT", want: "POST"},
		{name: "form that is long behind", method: "POST", kind: formType, form: "_method=PUT&a=" + long + long, want: "PUT"},
	} {
		for pace, slow := range map[string]func(io.Reader) io.Reader{
			"as it comes": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "end with the last": iotest.DataErrReader,
		} {
			t.Run(test.name+", "+pace, func(t *testing.T) {
				host := new(recorder)
				env := requestOf(test.method, "/", test.form)
				env.SetInput(slow(env.Input()))
				if test.header != "" {
					env.Set("HTTP_X_HTTP_METHOD_OVERRIDE", test.header)
				}
				if test.kind != "" {
					env.Set("CONTENT_TYPE", test.kind)
				}
				app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
					if form, err := io.ReadAll(env.Input()); err != nil || string(form) != test.form {
						t.Errorf("the application read %d bytes, %v; want %d", len(form), err, len(test.form))
					}
					original, changed := env.Lookup(middleware.MethodOverrideVariable)
					if changed != (test.want != test.method) || changed && original != "POST" {
						t.Errorf("%s is %q", middleware.MethodOverrideVariable, original)
					}
					return starting("200 OK", modgo.Text(env.Get("REQUEST_METHOD")))(env, start)
				}
				raised, err := serve(host, env, checked(t, middleware.MethodOverride(test.options...))(app))
				if err != nil || raised != nil || test.method != "HEAD" && host.body() != test.want {
					t.Errorf("%v, %v: %q; want %q", err, raised, host.body(), test.want)
				}
			})
		}
	}
}

// TestMethodOverrideReplays: the input that the application gets reads as any other (C19-C23).
func TestMethodOverrideReplays(t *testing.T) {
	for _, form := range []string{"", "_method=PUT", "a=b&_method=PUT&c=d", strings.Repeat("a=b&", 300)} {
		env := requestOf("POST", "/", form, "CONTENT_TYPE", formType)
		app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			if err := iotest.TestReader(env.Input(), []byte(form)); err != nil {
				t.Errorf("%.20q: %v", form, err)
			}
			return starting("204 No Content", nil)(env, start)
		}
		if raised, err := serve(new(recorder), env, middleware.MethodOverride()(app)); err != nil || raised != nil {
			t.Error(err, raised)
		}
	}
}

// TestMethodOverrideReadsNoMore: a form without an end is not read beyond the limit, and one that has begun with the field
// not beyond that.
func TestMethodOverrideReadsNoMore(t *testing.T) {
	for form, most := range map[string]int{"_method=PUT&": 1, "a=": 8<<10 - 1} {
		var read int
		endless := iotest.OneByteReader(io.MultiReader(strings.NewReader(form), endlessForm{}))
		env := requestOf("POST", "/", "", "CONTENT_TYPE", formType)
		env.SetInput(countedReads{endless, &read})
		serve(new(recorder), env, middleware.MethodOverride()(starting("204 No Content", nil)))
		if read > len(form)+most {
			t.Errorf("%d bytes of %q... were read", read, form)
		}
	}
}

type endlessForm struct{}

func (endlessForm) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

type countedReads struct {
	io.Reader
	n *int
}

func (c countedReads) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	*c.n += n
	return n, err
}

// TestMethodOverrideReplaysErrors: the application meets an error of the input where it stands, again and again.
func TestMethodOverrideReplaysErrors(t *testing.T) {
	broken := errors.New("connection reset")
	env := requestOf("POST", "/", "", "CONTENT_TYPE", formType)
	env.SetInput(io.MultiReader(strings.NewReader("_method=PU"), iotest.ErrReader(broken)))
	app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		text, err := io.ReadAll(env.Input())
		if _, again := env.Input().Read(make([]byte, 1)); string(text) != "_method=PU" || err != broken || again != broken {
			t.Errorf("%q, %v, %v", text, err, again)
		}
		if method := env.Get("REQUEST_METHOD"); method != "POST" {
			t.Errorf("a field that was cut off made the method %q", method)
		}
		return starting("204 No Content", nil)(env, start)
	}
	serve(new(recorder), env, middleware.MethodOverride()(app))
}

func TestMethodOverrideHandler(t *testing.T) {
	server := httptest.NewServer(middleware.MethodOverride().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		io.WriteString(w, r.Method+" "+string(body))
	})))
	defer server.Close()
	form := url.Values{"_method": {"DELETE"}, "id": {"7"}}.Encode()
	if r := fetch(t, "POST", server.URL, form, "Content-Type: "+formType); r.Err != nil || r.Body != "DELETE "+form {
		t.Errorf("%v: %q", r.Err, r.Body)
	}
}

func ExampleMethodOverride() {
	application := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return modgo.Text(env.Get("REQUEST_METHOD") + " " + env.Get("PATH_INFO"))
	}
	env := requestOf("POST", "/items/7", "_method=delete&sure=yes")
	env.Set("CONTENT_TYPE", "application/x-www-form-urlencoded")
	show(middleware.MethodOverride()(application), env)
	// Output:
	// 200 DELETE /items/7
}
