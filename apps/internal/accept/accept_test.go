package accept

import "testing"

func TestChoose(t *testing.T) {
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
	for _, test := range []struct {
		name, header string
		offers       []string
		want         string
	}{
		{"no header takes the first offer", "", []string{HTML, JSON}, HTML},
		{"blank header takes the first offer", "  ", []string{JSON, HTML}, JSON},
		{"curl's */* takes the first offer", "*/*", []string{Text, JSON}, Text},
		{"a browser prefers HTML wherever it stands", browser, []string{JSON, Text, HTML}, HTML},
		{"exact type", "application/json", []string{HTML, JSON}, JSON},
		{"types compare without case", "Application/JSON", []string{HTML, JSON}, JSON},
		{"higher quality wins over order", "text/html;q=0.3, application/json;q=0.7", []string{HTML, JSON}, JSON},
		{"equal quality takes the first offer", "application/json, text/html", []string{HTML, JSON}, HTML},
		{"space round the parameters", "text/html ; q=0.3 , application/json ; q=0.7", []string{HTML, JSON}, JSON},
		{"a specific range overrides a general one", "text/html;q=0.1, */*;q=0.5", []string{HTML, JSON}, JSON},
		{"order in the header does not matter", "*/*;q=0.5, text/*;q=0.9, text/html;q=0.1", []string{HTML, JSON, Text}, Text},
		{"q=0 refuses", "text/html;q=0, */*", []string{HTML, JSON}, JSON},
		{"nothing acceptable", "image/png", []string{HTML, JSON}, ""},
		{"everything refused", "*/*;q=0", []string{HTML, JSON}, ""},
		{"charset says nothing", "application/json; charset=utf-8", []string{HTML, JSON}, JSON},
		{"another parameter is not what is offered", "application/json; profile=x, text/html;q=0.2", []string{JSON, HTML}, HTML},
		{"a malformed quality is passed over", "application/json;q=high, text/html;q=0.1", []string{JSON, HTML}, HTML},
		{"quality above 1 is passed over", "application/json;q=2, text/html;q=0.1", []string{JSON, HTML}, HTML},
		{"NaN is passed over", "application/json;q=NaN, text/html;q=0.1", []string{JSON, HTML}, HTML},
		{"*/html is no range", "*/html", []string{HTML}, ""},
		{"garbage", ";;,,=/", []string{HTML}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Choose(test.header, test.offers...); got != test.want {
				t.Errorf("Choose(%q, %q) = %q, want %q", test.header, test.offers, got, test.want)
			}
		})
	}
}
