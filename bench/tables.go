package bench

import (
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// Table is one workload under one load, with a row for each peer.
type Table struct {
	Key, Title string // Key in CSV
	Workload   Workload
	Protocol   httpdtest.Protocol
	Close      bool
	Peers      []*Peer
}

// keptAlive are the peers of the table without keep-alive: each family once.
var keptAlive = []*Peer{C, Application, Handler, WSGIEmbedded, WSGIDaemon, ProxyTCP, ProxyUnix, ProxyFCGI, NetHTTP}

// footprintTable is the table after which memory is measured, the first one: the bodies of other workloads are no cost of what
// serves them.
const footprintTable = "hello"

// tables are all of them. Every peer has a row where it serves the workload.
func tables() []Table {
	all := func(key, title string, w Workload) Table {
		return Table{Key: key, Title: title, Workload: w, Protocol: httpdtest.HTTP1, Peers: serving(peers, w)}
	}
	var secure []*Peer
	for _, p := range peers {
		if p.TLS {
			secure = append(secure, p)
		}
	}
	return []Table{
		all(footprintTable, "hello, 14 bytes", Hello),
		all("headers", "30 request headers and 12 response headers", Headers),
		all("json", "JSON of 1 KB, decoded and encoded again", JSON),
		all("memory-64k", "64 KB from memory", MemorySmall),
		all("memory-10m", "10 MB from memory", MemoryLarge),
		all("file-64k", "64 KB from a file", FileSmall),
		all("file-10m", "10 MB from a file", FileLarge),
		all("upload", "an upload of 10 MB, read and dropped", Upload),
		all("flushes", "1,000 blocks of 16 bytes, each flushed", Flushes),
		{"close", "hello, a connection for each request", Hello, httpdtest.HTTP1, true, keptAlive},
		{"tls", "hello over TLS", Hello, httpdtest.TLS, false, secure},
		{"h2", "hello over HTTP/2", Hello, httpdtest.H2, false, secure},
	}
}

func serving(of []*Peer, w Workload) []*Peer {
	var chosen []*Peer
	for _, p := range of {
		if p.serves(w) {
			chosen = append(chosen, p)
		}
	}
	return chosen
}

// farm starts each peer once for many tables.
type farm struct {
	protocols bool // over TLS and HTTP/2 too
	instances map[*Peer]*Instance
}

func (f *farm) instance(t testing.TB, p *Peer) *Instance {
	t.Helper()
	if f.instances == nil {
		f.instances = make(map[*Peer]*Instance)
	}
	if f.instances[p] == nil {
		f.instances[p] = start(t, p, usual, f.protocols)
	}
	return f.instances[p]
}

// cells are those of a table.
func (f *farm) cells(t testing.TB, table Table) []Cell {
	t.Helper()
	var cells []Cell
	for _, p := range table.Peers {
		cells = append(cells, Cell{f.instance(t, p), table.Workload, Load{table.Workload.Connections, table.Protocol, table.Close}})
	}
	return cells
}
