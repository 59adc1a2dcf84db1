package contract

import (
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

const (
	appsFolder  = "./tests/testdata/apps/contract"
	appsPackage = "github.com/mod-go/mod-go/tests/testdata/apps/contract"
)

// apache is an httpd, of one process unless it is prefork.
type apache struct {
	*httpdtest.Server
	mpm   string
	sites map[mount]site
}

// apacheConf is what all of its sites share. Its second half is for the clauses that ask for variables of a configuration.
const apacheConf = `
GoAlias /app     ` + appsPackage + `
GoAlias /environ ` + appsPackage + ` callable=Environ
ErrorDocument 500 "the server's own 500"

GoAlias /private ` + appsPackage + ` callable=Environ
<Location /private>
	AuthType Basic
	AuthName contract
	AuthUserFile ${DIR}/users
	Require valid-user
</Location>
Alias /docs ${DIR}/docs
<Directory ${DIR}/docs>
	Require all granted
	GoApplication ` + appsPackage + ` callable=Environ
	SetHandler go-application
</Directory>
Redirect gone /gone
ErrorDocument 410 /environ/document
`

const secureConf = `
Listen ${SECURE}
<VirtualHost ${SECURE}>
	ServerName localhost
	SSLEngine on
	SSLCertificateFile ${DIR}/cert.pem
	SSLCertificateKeyFile ${DIR}/key.pem
	SSLOptions +StdEnvVars
</VirtualHost>
`

// configuredConf is that of a virtual host with variables of all kinds.
const configuredConf = `
SetEnv CONTRACT_SET "by SetEnv"
SetEnvIf X-Contract (.+) CONTRACT_IF=$1
PassEnv CONTRACT_PASSED
RewriteEngine On
RewriteRule ^/environ - [E=CONTRACT_REWRITTEN:yes]
`

func startApache(t testing.TB, mpm string) host {
	cert, key := httpdtest.Certificate(t)
	secure := httpdtest.FreeAddress(t)
	srv := httpdtest.Start(t, httpdtest.Config{
		MPM: mpm, Threads: map[string]int{"prefork": 6}[mpm], Packages: []string{appsFolder},
		Modules: []string{"mod_env", "mod_setenvif", "mod_rewrite", "mod_ssl", "mod_auth_basic", "mod_authn_core", "mod_authn_file", "mod_authz_user"},
		Environ: []string{"CONTRACT_PASSED=from httpd's environment"},
		Files: map[string]string{
			"cert.pem": string(cert), "key.pem": string(key), "docs/page": "a file",
			"users": "alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n", // password
		},
		DocumentRoot: "htdocs",
		Conf:         apacheConf + strings.ReplaceAll(secureConf, "${SECURE}", secure),
		VirtualHosts: []httpdconf.VirtualHost{
			{Name: "localhost"}, // the first answers for unknown names
			{Name: "root.test", Site: httpdconf.Site{Mounts: []httpdconf.Mount{{Path: "/", Package: appsPackage, Callable: "Environ"}}}},
			{Name: "other.test", ErrorLog: "other.log"},
			{Name: "configured.test", Site: httpdconf.Site{Conf: configuredConf}},
		},
	})
	// Many applications of the suite are about the clauses that they break; the server has to keep all of them.
	srv.Expect("broken by the application").Maybe()
	srv.Expect(`\[go:error\].*\] contract: `).Maybe()            // what the applications note
	srv.Expect(`AH01873: Init: Session Cache is not configured`) // for one TLS request or two
	a := &apache{Server: srv, mpm: mpm}
	t.Cleanup(func() { checkOnce(t, a.log(t)) })
	a.sites = map[mount]site{
		atApp:    {addr: srv.Addr(), name: "localhost", path: "/app"},
		atSub:    {addr: srv.Addr(), name: "localhost", path: "/environ"},
		atRoot:   {addr: srv.Addr(), name: "root.test", path: ""},
		atSecure: {addr: secure, name: "localhost", path: "/environ", secure: true},
		atOther:  {addr: srv.Addr(), name: "other.test", path: "/app"},
	}
	return a
}

func (a *apache) site(m mount) site { return a.sites[m] }

func (a *apache) log(t testing.TB) []logLine {
	var lines []logLine
	for _, line := range a.In(t).Log() {
		if line.Module == "go" && strings.HasPrefix(line.Message, "| ") && len(lines) > 0 {
			lines[len(lines)-1].message += "\n" + line.Unescaped()
			continue
		}
		lines = append(lines, logLine{line.File, line.Unescaped()})
	}
	return lines
}

func (a *apache) expect(t testing.TB, pattern string) { a.In(t).Expect(pattern).Maybe() }

func (a *apache) processes(t testing.TB) []int { return a.In(t).ChildPIDs() }

func (a *apache) facts() facts {
	return facts{multithread: a.mpm != "prefork", multiprocess: a.mpm == "prefork", configured: true, reasons: true}
}
