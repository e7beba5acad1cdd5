"""Assets, one module per group, with their checks. They call engines and attach metadata people look at."""
