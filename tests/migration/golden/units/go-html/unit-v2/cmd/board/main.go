// Command board serves the board.
package main

import (
	"flag"
	"log"
	"net/http"

	"example.com/vendor/board/internal/health"
	"example.com/vendor/board/internal/render"
	data "example.com/vendor/board/internal/store"
	_ "example.com/vendor/board/internal/metrics" // counts requests
)

// Not an import: "example.com/vendor/board/internal/store"
const about = "built from example.com/vendor/board"

func main() {
	address := flag.String("address", ":8080", about)
	flag.Parse()
	cards := data.New()
	http.HandleFunc("/api/board/health", health.Check)
	http.Handle("/", http.FileServer(http.Dir("site")))
	http.HandleFunc("/api/board/cards", render.Cards(cards))
	log.Fatal(http.ListenAndServe(*address, nil))
}
