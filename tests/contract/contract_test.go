// Package contract is the suite of the application contract (docs/contract.md): a check, or more, for each of its clauses
// C1 to C53, from outside, on every host. All hosts serve the same applications, tests/testdata/apps/contract.
//
//	go test ./tests/contract -run 'TestContract/C28'
//	go test ./tests/contract -run 'TestContract/.*/reference'    # no httpd is started
//
// MODGO_TEST_MPM selects the hosts that are an httpd, see tests/httpdtest.
package contract

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A check is what a clause comes to. Its name begins with the clause's number.
type check struct {
	name string
	run  func(t *testing.T, h host)
}

// checks are those of all clauses, in order.
var checks = slices.Concat(environmentChecks, inputChecks, startChecks, bodyChecks, hostingChecks, fileChecks)

// clauses is how many the contract has.
const clauses = 53

func TestContract(t *testing.T) {
	hosts := hosts(t)
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			for _, h := range hosts {
				t.Run(h.name, func(t *testing.T) { c.run(t, h.start()) })
			}
		})
	}
}

// TestEveryClauseIsChecked: the table has an entry for each clause, under its number.
func TestEveryClauseIsChecked(t *testing.T) {
	for n := 1; n <= clauses; n++ {
		prefix := fmt.Sprintf("C%d_", n)
		if !slices.ContainsFunc(checks, func(c check) bool { return strings.HasPrefix(c.name, prefix) }) {
			t.Errorf("no check is named %s...", prefix)
		}
	}
}
