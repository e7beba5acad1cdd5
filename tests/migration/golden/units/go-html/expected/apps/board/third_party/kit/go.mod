module example.com/vendor/kit

go 1.23
