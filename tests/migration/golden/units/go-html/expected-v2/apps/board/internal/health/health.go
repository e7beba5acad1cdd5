// Package health says that the board is up.
package health

import "net/http"

// Check answers with 204.
func Check(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }
