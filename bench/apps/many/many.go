// Package many is 64 applications, each of which answers hello: what a child costs that hosts some of them is measured.
package many

import (
	"net/http"

	"github.com/mod-go/mod-go/bench/internal/site"
)

// Application is what each of the others is: a constructor that each child calls once for each.
func Application() (http.Handler, error) { return http.HandlerFunc(site.Hello), nil }

// The values that GoAlias names with callable=.
var (
	App01 = Application
	App02 = Application
	App03 = Application
	App04 = Application
	App05 = Application
	App06 = Application
	App07 = Application
	App08 = Application
	App09 = Application
	App10 = Application
	App11 = Application
	App12 = Application
	App13 = Application
	App14 = Application
	App15 = Application
	App16 = Application
	App17 = Application
	App18 = Application
	App19 = Application
	App20 = Application
	App21 = Application
	App22 = Application
	App23 = Application
	App24 = Application
	App25 = Application
	App26 = Application
	App27 = Application
	App28 = Application
	App29 = Application
	App30 = Application
	App31 = Application
	App32 = Application
	App33 = Application
	App34 = Application
	App35 = Application
	App36 = Application
	App37 = Application
	App38 = Application
	App39 = Application
	App40 = Application
	App41 = Application
	App42 = Application
	App43 = Application
	App44 = Application
	App45 = Application
	App46 = Application
	App47 = Application
	App48 = Application
	App49 = Application
	App50 = Application
	App51 = Application
	App52 = Application
	App53 = Application
	App54 = Application
	App55 = Application
	App56 = Application
	App57 = Application
	App58 = Application
	App59 = Application
	App60 = Application
	App61 = Application
	App62 = Application
	App63 = Application
	App64 = Application
)
