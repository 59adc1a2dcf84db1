//go:build !second

package version

const build = "first"
