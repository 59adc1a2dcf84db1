package bench

import (
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// TestPeers: each peer answers each of its workloads as it has to, over each protocol that it is measured over.
func TestPeers(t *testing.T) {
	for _, p := range peers {
		t.Run(p.Key, func(t *testing.T) {
			in := start(t, p, usual, p.TLS)
			protocols := []httpdtest.Protocol{httpdtest.HTTP1}
			if p.TLS {
				protocols = []httpdtest.Protocol{httpdtest.HTTP1, httpdtest.TLS, httpdtest.H2}
			}
			for _, protocol := range protocols {
				for _, w := range p.Workloads {
					if _, err := probe(t, in, w, Load{Connections: 1, Protocol: protocol}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
}
