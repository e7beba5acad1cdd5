"""The only place that knows SQL: tables, migrations and one module of typed queries per aggregate."""
