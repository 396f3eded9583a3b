"""One module a pattern: when to use it, and a route that does."""
