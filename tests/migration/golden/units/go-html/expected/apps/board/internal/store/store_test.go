package store_test

import (
	"testing"

	. "example.com/platform/apps/board/internal/store"
)

func TestAllIsACopy(t *testing.T) {
	store := New()
	store.Add(Card{Title: "one"})
	store.All()[0].Title = "two"
	if got := store.All()[0].Title; got != "one" {
		t.Errorf("got %q", got)
	}
}
