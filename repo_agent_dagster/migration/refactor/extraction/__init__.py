"""Every use of a database in the unit: its SQL, its values, what becomes of the result, and what is in the way."""
