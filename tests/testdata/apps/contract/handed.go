package contract

import (
	"encoding/base64"
	"encoding/json"
	"io"

	"github.com/mod-go/mod-go/modgo"
)

// A Request is what an application was handed of one.
type Request struct {
	Variables map[string][]byte
	Body      []byte
	BodyError string // what ended the body, but for io.EOF
}

// HandedHeader is the header in which Handed answers.
const HandedHeader = "X-Handed"

// Handed answers with the Request, as JSON in base64, in a header: whatever the method, this one is seen.
func Handed(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	request := Request{Variables: make(map[string][]byte)}
	for name, value := range env.All() {
		request.Variables[name] = []byte(value)
	}
	body, err := io.ReadAll(env.Input())
	if request.Body = body; err != nil {
		request.BodyError = err.Error()
	}
	text, err := json.Marshal(request)
	if err != nil {
		panic(err)
	}
	start("200 OK", modgo.Headers{{HandedHeader, base64.StdEncoding.EncodeToString(text)}})
	return nil
}
