package upload

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mod-go/mod-go/apps/internal/wsgitest"
)

func put(t *testing.T, body io.Reader, variables map[string]string) *wsgitest.Response {
	t.Helper()
	all := map[string]string{"REQUEST_METHOD": "PUT"}
	for name, value := range variables {
		all[name] = value
	}
	return wsgitest.Do(t, application, wsgitest.Request{Variables: all, Body: body})
}

// form is a multipart body, and its Content-Type.
func form(t *testing.T, files ...[2]string) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.WriteField("comment", "not a file"); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		part, err := w.CreateFormFile("file", f[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, f[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), w.FormDataContentType()
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func TestPlainBodyAsText(t *testing.T) {
	for _, test := range []struct{ name, pathInfo, body, want string }{
		{"named by the path, as curl -T does", "/photo.jpg", "hello", sum("hello") + "  photo.jpg  5 bytes\n"},
		{"without a name", "", "hello", sum("hello") + "  -  5 bytes\n"},
		{"only a slash", "/", "hello", sum("hello") + "  -  5 bytes\n"},
		{"an empty body", "/empty", "", sum("") + "  empty  0 bytes\n"},
		{"a name that would forge a line", "/a\nb", "x", sum("x") + `  "a\nb"  1 bytes` + "\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, method := range []string{"PUT", "POST"} {
				response := put(t, strings.NewReader(test.body), map[string]string{"REQUEST_METHOD": method, "PATH_INFO": test.pathInfo, "HTTP_ACCEPT": "*/*"})
				if response.Status != 200 || string(response.Body) != test.want {
					t.Errorf("%s: %d %q, want 200 %q", method, response.Status, response.Body, test.want)
				}
			}
		})
	}
}

func TestFormAsJSON(t *testing.T) {
	body, contentType := form(t, [2]string{"one.txt", "first"}, [2]string{"../../etc/two", "second"})
	// One byte at a time: a boundary may be split anywhere.
	response := put(t, iotest.OneByteReader(bytes.NewReader(body)), map[string]string{
		"REQUEST_METHOD": "POST", "CONTENT_TYPE": contentType, "CONTENT_LENGTH": strconv.Itoa(len(body)), "HTTP_ACCEPT": "application/json",
	})
	var got struct{ Files []file }
	if err := json.Unmarshal(response.Body, &got); err != nil {
		t.Fatalf("%v in %s", err, response.Body)
	}
	want := []file{{"one.txt", 5, sum("first")}, {"two", 6, sum("second")}}
	if response.Status != 200 || !slices.Equal(got.Files, want) {
		t.Errorf("%d %+v, want 200 %+v", response.Status, got.Files, want)
	}
}

func TestFormAsPage(t *testing.T) {
	body, contentType := form(t, [2]string{"<b>.txt", "first"})
	response := put(t, bytes.NewReader(body), map[string]string{
		"REQUEST_METHOD": "POST", "SCRIPT_NAME": "/upload", "CONTENT_TYPE": contentType, "HTTP_ACCEPT": "text/html,*/*;q=0.8",
	})
	for _, want := range []string{"&lt;b&gt;.txt", sum("first"), `<base href="/upload/">`} {
		if !strings.Contains(string(response.Body), want) {
			t.Errorf("the page has no %q:\n%s", want, response.Body)
		}
	}
}

func TestRefuses(t *testing.T) {
	whole, contentType := form(t, [2]string{"one.txt", "first"})
	empty, emptyType := form(t)
	var many [maxFiles + 1][2]string
	for i := range many {
		many[i][0] = fmt.Sprintf("%d.txt", i)
	}
	crowd, crowdType := form(t, many[:]...)
	for _, test := range []struct {
		name, contentType, contentLength string
		body                             io.Reader
		want                             string
	}{
		{"a body shorter than announced", "", "10", strings.NewReader("hello"), "announced 10 bytes and 5 came"},
		{"a body whose reading fails", "", "10", io.MultiReader(strings.NewReader("hello"), iotest.ErrReader(errors.New("the client went away"))), "the client went away after 5 bytes"},
		{"a form that ends early", contentType, "", bytes.NewReader(whole[:len(whole)-len("--\r\n")]), "not the whole multipart form"},
		{"a form that ends within a file", contentType, "", bytes.NewReader(whole[:bytes.Index(whole, []byte("first"))+2]), "could not be read to its end"},
		{"a form that is none", contentType, "", strings.NewReader("hello"), "not the whole multipart form"},
		{"a form without its boundary", "multipart/form-data", "", bytes.NewReader(whole), "names no boundary"},
		{"a form with a malformed type", "multipart/form-data; boundary", "", bytes.NewReader(whole), "names no boundary"},
		{"a form without a file", emptyType, "", bytes.NewReader(empty), "holds no file"},
		{"a form with too many files", crowdType, "", bytes.NewReader(crowd), "more than 1000 files"},
	} {
		t.Run(test.name, func(t *testing.T) {
			variables := map[string]string{"HTTP_ACCEPT": "application/json"}
			if test.contentType != "" {
				variables["CONTENT_TYPE"] = test.contentType
			}
			if test.contentLength != "" {
				variables["CONTENT_LENGTH"] = test.contentLength
			}
			response := put(t, test.body, variables)
			var got struct{ Error string }
			if err := json.Unmarshal(response.Body, &got); err != nil {
				t.Fatalf("%v in %s", err, response.Body)
			}
			if response.Status != 400 || !strings.Contains(got.Error, test.want) {
				t.Errorf("%d %q, want 400 with %q", response.Status, got.Error, test.want)
			}
		})
	}
}

func TestFormIsShownUnderItsMount(t *testing.T) {
	for _, method := range []string{"GET", "HEAD"} {
		response := put(t, nil, map[string]string{
			"REQUEST_METHOD": method, "SCRIPT_NAME": "/up", "HTTP_HOST": "example.org:8080", "wsgi.url_scheme": "https",
		})
		if response.Status != 200 || !strings.Contains(string(response.Body), "curl -T FILE https://example.org:8080/up/") {
			t.Errorf("%s: %d\n%s", method, response.Status, response.Body)
		}
	}
}

func TestOtherMethodsAreNotAllowed(t *testing.T) {
	response := put(t, nil, map[string]string{"REQUEST_METHOD": "DELETE"})
	if response.Status != 405 || response.Header.Get("Allow") != "GET, HEAD, POST, PUT" {
		t.Errorf("%d, Allow %q", response.Status, response.Header.Get("Allow"))
	}
}

// zeros is a body of n bytes that exists nowhere in memory.
type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), z.n))
	clear(p[:n])
	z.n -= int64(n)
	return n, nil
}

func TestLargeBodiesAreNotGathered(t *testing.T) {
	const size, limit = 64 << 20, 2 << 20
	boundary := "frontier"
	head := "--" + boundary + "\r\nContent-Disposition: form-data; name=f; filename=zeros\r\n\r\n"
	for _, test := range []struct {
		name, contentType string
		body              io.Reader
	}{
		{"plain", "application/octet-stream", &zeros{size}},
		{"form", "multipart/form-data; boundary=" + boundary, io.MultiReader(strings.NewReader(head), &zeros{size}, strings.NewReader("\r\n--"+boundary+"--\r\n"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			response := put(t, test.body, map[string]string{"CONTENT_TYPE": test.contentType})
			runtime.ReadMemStats(&after)
			if want := fmt.Sprintf("%d bytes\n", size); response.Status != 200 || !strings.HasSuffix(string(response.Body), want) {
				t.Errorf("%d %q, want 200 ending in %q", response.Status, response.Body, want)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > limit {
				t.Errorf("%d bytes were allocated for a body of %d, want at most %d", grown, size, limit)
			}
		})
	}
}
