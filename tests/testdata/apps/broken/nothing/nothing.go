// Package nothing has no application.
package nothing

// Something is not an application.
const Something = 1
