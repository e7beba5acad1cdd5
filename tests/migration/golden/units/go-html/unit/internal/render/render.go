package render

import (
	"encoding/json"
	"net/http"

	"example.com/vendor/kit"
)
import "example.com/vendor/board/internal/store"

// Cards answers with all cards as JSON.
func Cards(cards *store.Store) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		all := cards.All()
		w.Header().Set("x-count", kit.Plural(len(all), "card", "cards"))
		_ = json.NewEncoder(w).Encode(all)
	}
}