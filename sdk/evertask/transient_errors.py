"""Lists of exceptions that pass by themselves, for ``Retry(only_for=…)``: libraries that are not there do no harm."""

from __future__ import annotations

TRANSIENT_NETWORK_ERRORS: tuple[str, ...] = (
    "ConnectionError",
    "TimeoutError",
    "socket.gaierror",
    "ssl.SSLEOFError",
    "http.client.IncompleteRead",
    "urllib.error.URLError",
    "httpx.TransportError",
    "aiohttp.ClientConnectionError",
    "aiohttp.ClientPayloadError",
    "requests.exceptions.ConnectionError",
    "requests.exceptions.Timeout",
    "urllib3.exceptions.MaxRetryError",
    "urllib3.exceptions.ProtocolError",
    "urllib3.exceptions.TimeoutError",
)
"""For ``only_for``: a peer that is away, or too slow. With it ``timeout`` is retried too.

Answers with an error are not among them, but for those of ``urllib``: its ``HTTPError`` is derived from ``URLError``.
Where some answers pass by themselves, say so by ``when``, or raise ``RetryAfter``.
"""

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
    "MySQLdb.OperationalError",
    "redis.exceptions.ConnectionError",
    "redis.exceptions.TimeoutError",
    "pymongo.errors.AutoReconnect",
    "sqlite3.OperationalError",
)
"""For ``only_for``: a database that is away, busy, or gave up one of two transactions.

With it ``timeout`` is retried too. Some drivers (SQLite, MySQL) raise ``OperationalError`` for a missing table as well.
"""
