"""The tests; a package, so that no library that ships a `tests` of its own stands before it."""
