// Command board serves the board.
package main

import (
	"flag"
	"log"
	"net/http"

	"example.com/platform/apps/board/internal/render"
	data "example.com/platform/apps/board/internal/store"
	_ "example.com/platform/apps/board/internal/metrics" // counts requests
)

// Not an import: "example.com/vendor/board/internal/store"
const about = "built from example.com/vendor/board"

func main() {
	address := flag.String("address", ":8080", about)
	flag.Parse()
	cards := data.New()
	http.Handle("/", http.FileServer(http.Dir("public")))
	http.HandleFunc("/api/board/cards", render.Cards(cards))
	log.Printf("listening on %s", *address)
	log.Fatal(http.ListenAndServe(*address, nil))
}
