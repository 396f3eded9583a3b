"""Manifests and status documents as values: pure functions, no I/O, no clock."""
