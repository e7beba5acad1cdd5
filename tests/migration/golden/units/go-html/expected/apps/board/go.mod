module example.com/platform/apps/board

go 1.23

require example.com/vendor/kit v0.1.0

replace example.com/vendor/kit => ./third_party/kit // not published
