"""The way to the API server, for the SDK and for the operator.

``credentials`` finds out where the API server is and who we are, ``http`` talks to it, ``watches`` reads its
streams, ``paths`` knows what its resources are called, ``answers`` turns its refusals into errors,
``retries`` says when to try again.
"""

from __future__ import annotations

from evertask.connection.answers import Answer as Answer
from evertask.connection.credentials import Credentials as Credentials
from evertask.connection.credentials import load_credentials as load_credentials
from evertask.connection.http import Connection as Connection
from evertask.connection.http import Observer as Observer
from evertask.connection.watches import WatchEvent as WatchEvent

__all__ = ["Answer", "Connection", "Credentials", "Observer", "WatchEvent", "load_credentials"]
