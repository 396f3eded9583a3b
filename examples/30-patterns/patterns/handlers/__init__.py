"""The handlers: what runs in pods of its own. They import neither FastAPI nor the routes."""
