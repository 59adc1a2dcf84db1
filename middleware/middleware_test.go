package middleware_test

import (
	"io"
	"testing/fstest"
	"time"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/modgo"
)

// The recommended order, from the outside to the inside.
func Example() {
	shop := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return modgo.Text(env.Get("REMOTE_USER") + " looks at " + env.Get("PATH_INFO"))
	}
	files := fstest.MapFS{"logo.txt": {Data: []byte("the logo")}}
	users := middleware.BasicAuthUsers(map[string]string{"ann": "secret"})

	application := modgo.Chain(middleware.Mount(map[string]modgo.Application{"/shop": shop}),
		middleware.RequestID(),
		middleware.AccessLog(io.Discard, middleware.CombinedLog),
		middleware.Recover(),
		middleware.Timeout(30*time.Second),
		middleware.Gzip(middleware.GzipOptions{}),
		middleware.BasicAuth("the shop", users),
		middleware.MethodOverride(),
		middleware.StaticFiles(files, middleware.StaticFilesOptions{}),
	)

	show(application, requestOf("GET", "/shop/cart", ""))
	show(application, requestOf("GET", "/shop/cart", "", "HTTP_AUTHORIZATION", basic("ann:secret")))
	show(application, requestOf("GET", "/logo.txt", "", "HTTP_AUTHORIZATION", basic("ann:secret")))
	// Output:
	// 401 Unauthorized
	//
	// 200 ann looks at /cart
	// 200 the logo
}
