// Package wrongtype has an application of a type that cannot answer requests.
package wrongtype

func application(path string) string { return path }

var _ = application
