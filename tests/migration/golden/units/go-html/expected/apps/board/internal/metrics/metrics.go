package metrics

import "expvar"

var Requests = expvar.NewInt("requests")
