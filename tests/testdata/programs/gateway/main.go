// Command gateway is an application that runs as a CGI program, or with an address as a FastCGI server.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"

	"github.com/mod-go/mod-go/modgo"
)

func application(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	switch env.Get("PATH_INFO") {
	case "/panic":
		panic("on purpose")
	case "/nothing":
		return nil
	}
	body, err := io.ReadAll(env.Input())
	fmt.Fprintln(env.Errors(), "a line of the program")
	startResponse("201 Created", modgo.Headers{{"Content-Type", "text/plain"}, {"X-Seen", env.Get("HTTP_X_SENT")}})
	return modgo.Text(fmt.Sprintf("%s|%s|%s|%s|%q %v|%v %v %v|%s", env.Get("REQUEST_METHOD"), env.Get("SCRIPT_NAME"), env.Get("PATH_INFO"),
		env.Get("QUERY_STRING"), body, err, env.Multithread(), env.Multiprocess(), env.RunOnce(), env.Get("FROM_APACHE")))
}

func main() {
	log.SetFlags(0)
	if len(os.Args) == 1 {
		if err := modgo.CGI(application); err != nil {
			log.Fatal(err)
		}
		return
	}
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	log.Fatal(modgo.FastCGI(l, application))
}
