"""Lists of exceptions that pass by themselves, for ``Retry(only_for=…)``: libraries that are not there do no harm."""

from __future__ import annotations

TRANSIENT_NETWORK_ERRORS: tuple[str, ...] = (
    "ConnectionError",
    "TimeoutError",
    "http.client.RemoteDisconnected",
    "http.client.IncompleteRead",
    "urllib.error.URLError",
    "ssl.SSLEOFError",
    "httpx.TransportError",
    "aiohttp.ClientConnectionError",
    "aiohttp.ClientPayloadError",
    "requests.exceptions.ConnectionError",
    "requests.exceptions.Timeout",
    "urllib3.exceptions.HTTPError",
    "grpc.aio.AioRpcError",
)
"""For ``only_for``: a peer that is away, or too slow. With it ``timeout`` is retried too."""

TRANSIENT_DATABASE_ERRORS: tuple[str, ...] = (
    "ConnectionError",
    "TimeoutError",
    "sqlalchemy.exc.OperationalError",
    "sqlalchemy.exc.InterfaceError",
    "sqlalchemy.exc.TimeoutError",
    "django.db.utils.OperationalError",
    "django.db.utils.InterfaceError",
    "psycopg.OperationalError",
    "psycopg2.OperationalError",
    "asyncpg.exceptions.PostgresConnectionError",
    "asyncpg.exceptions.DeadlockDetectedError",
    "asyncpg.exceptions.SerializationError",
    "pymysql.err.OperationalError",
    "redis.exceptions.ConnectionError",
    "redis.exceptions.TimeoutError",
    "pymongo.errors.AutoReconnect",
    "sqlite3.OperationalError",
)
"""For ``only_for``: a database that is away, busy, or gave up one of two transactions."""
