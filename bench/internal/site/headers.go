package site

// RequestHeaders are, with Host, the 30 of a request for Headers: what a browser behind a proxy sends, and some of an
// organisation's own.
var RequestHeaders = [][2]string{
	{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
	{"Accept-Encoding", "identity"},
	{"Accept-Language", "en-GB,en;q=0.8,de;q=0.5"},
	{"Cache-Control", "no-cache"},
	{"Cookie", "session=3f8a2c9b71d04e6f; theme=dark; consent=all"},
	{"Dnt", "1"},
	{"Origin", "http://localhost"},
	{"Pragma", "no-cache"},
	{"Referer", "http://localhost/catalogue/garden?page=3"},
	{"Sec-Fetch-Dest", "document"},
	{"Sec-Fetch-Mode", "navigate"},
	{"Sec-Fetch-Site", "same-origin"},
	{"Upgrade-Insecure-Requests", "1"},
	{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
	{"X-Forwarded-For", "192.0.2.17"},
	{"X-Forwarded-Host", "shop.example.org"},
	{"X-Forwarded-Proto", "https"},
	{"X-Request-01", "the value of header 01"},
	{"X-Request-02", "the value of header 02"},
	{"X-Request-03", "the value of header 03"},
	{"X-Request-04", "the value of header 04"},
	{"X-Request-05", "the value of header 05"},
	{"X-Request-06", "the value of header 06"},
	{"X-Request-07", "the value of header 07"},
	{"X-Request-08", "the value of header 08"},
	{"X-Request-09", "the value of header 09"},
	{"X-Request-10", "the value of header 10"},
	{"X-Request-11", "the value of header 11"},
	{"X-Request-12", "the value of header 12"},
}

// ResponseHeaders are, with Content-Type and Content-Length, the 12 that Headers sets.
var ResponseHeaders = [][2]string{
	{"Cache-Control", "private, max-age=60"},
	{"Content-Language", "en"},
	{"Content-Security-Policy", "default-src 'self'"},
	{"Referrer-Policy", "same-origin"},
	{"Strict-Transport-Security", "max-age=31536000"},
	{"Vary", "Cookie"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"X-Response-01", "the value of header 01"},
	{"X-Response-02", "the value of header 02"},
}
