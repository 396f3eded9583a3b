"""A web application that dispatches its background work to EverTask: one module a pattern in ``patterns.routes``."""
