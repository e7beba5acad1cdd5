"""Every use of a database in the unit: its SQL, what is bound to it, what becomes of the result, and what is in the way."""
