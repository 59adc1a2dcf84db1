// Package crowd has more applications than there is room for in the shared memory for statistics.
package crowd

import (
	"fmt"
	"net/http"
)

func hello(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") }

// Application is one of many.
var Application = http.HandlerFunc(hello)

var (
	A000, A001, A002, A003, A004, A005, A006, A007, A008, A009 = hello, hello, hello, hello, hello, hello, hello, hello, hello, hello
	A010, A011, A012, A013, A014, A015, A016, A017, A018, A019 = hello, hello, hello, hello, hello, hello, hello, hello, hello, hello
	A020, A021, A022, A023, A024, A025, A026, A027, A028, A029 = hello, hello, hello, hello, hello, hello, hello, hello, hello, hello
	A030, A031, A032, A033, A034, A035, A036, A037, A038, A039 = hello, hello, hello, hello, hello, hello, hello, hello, hello, hello
	A040, A041, A042, A043, A044, A045, A046, A047, A048, A049 = hello, hello, hello, hello, hello, hello, hello, hello, hello, hello
	A050, A051, A052, A053, A054, A055, A056, A057, A058, A059 = hello, hello, hello, hello, hello, hello, hello, hello, hello, hello
	A060, A061, A062, A063, A064, A065, A066, A067, A068, A069 = hello, hello, hello, hello, hello, hello, hello, hello, hello, hello
	A070, A071, A072, A073, A074, A075, A076, A077, A078, A079 = hello, hello, hello, hello, hello, hello, hello, hello, hello, hello
	A080, A081, A082, A083, A084, A085, A086, A087, A088, A089 = hello, hello, hello, hello, hello, hello, hello, hello, hello, hello
	A090, A091, A092, A093, A094, A095, A096, A097, A098, A099 = hello, hello, hello, hello, hello, hello, hello, hello, hello, hello
	A100, A101, A102, A103, A104, A105, A106, A107, A108, A109 = hello, hello, hello, hello, hello, hello, hello, hello, hello, hello
	A110, A111, A112, A113, A114, A115, A116, A117, A118, A119 = hello, hello, hello, hello, hello, hello, hello, hello, hello, hello
	A120, A121, A122, A123, A124, A125, A126, A127, A128, A129 = hello, hello, hello, hello, hello, hello, hello, hello, hello, hello
)
