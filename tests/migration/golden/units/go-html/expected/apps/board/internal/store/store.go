// Package store holds the cards.
package store

import "sync"

// Card is one card of the board.
type Card struct {
	Title string `json:"title"`
	Done  bool   `json:"done"`
}

// Store is safe for many goroutines.
type Store struct {
	mu    sync.Mutex
	cards []Card
}

// New returns an empty store.
func New() *Store { return &Store{} }

// Add appends a card.
func (s *Store) Add(card Card) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cards = append(s.cards, card)
}

// All returns a copy of the cards.
func (s *Store) All() []Card {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Card{}, s.cards...)
}
