"""Failures: a dispatch that does not succeed is an error here and now, and the caller has to hear of it.

Errors have types. ``DispatchRefusedError`` is about this task: it will be refused again, so the request is at fault
(422). The others are about the cluster: the same request may succeed later (503). They are turned into answers in one
place for all routes; a route that has a way of its own catches them itself.
"""

import logging

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse

from evertask import ApiError, ApiUnavailableError, ConfigurationError, DispatchRefusedError, EverTaskError
from patterns.dependencies import DispatcherDep, Key, StoreDep
from patterns.tasks import ImportDocument, MakeInvoice

router = APIRouter(tags=["12 failures"])

RETRY_AFTER_SECONDS = 10
_log = logging.getLogger("uvicorn.error")


@router.post("/documents")
async def import_document(document: ImportDocument, dispatcher: DispatcherDep) -> dict[str, str]:
    """Take in a document. One that is too large for a task is refused, and so is the request."""
    return {"taskId": str(await dispatcher.dispatch(document))}


@router.post("/orders/{order_id}/invoice-if-possible")
async def order_invoice_if_possible(
    order_id: Key, dispatcher: DispatcherDep, store: StoreDep
) -> dict[str, str | None]:
    """Have an invoice written now, or else by hand: what happens instead is for the caller to decide."""
    try:
        task_id = await dispatcher.dispatch(MakeInvoice(order_id=order_id))
    except EverTaskError:
        _log.exception("the invoice of order %s could not be dispatched", order_id)
        store.put("invoice", order_id, "to be written by hand")
        return {"taskId": None}
    return {"taskId": str(task_id)}


def install(app: FastAPI) -> None:
    """Turn the errors of all routes into answers."""
    app.add_exception_handler(DispatchRefusedError, refused)
    for error in (ApiUnavailableError, ApiError, ConfigurationError):
        app.add_exception_handler(error, unavailable)


async def refused(_request: Request, error: Exception) -> JSONResponse:
    """Say what is wrong with the task, and which fields are to blame."""
    assert isinstance(error, DispatchRefusedError)
    causes = [{"field": cause.field, "message": cause.message} for cause in error.causes]
    return JSONResponse({"detail": str(error), "causes": causes}, 422)


async def unavailable(request: Request, error: Exception) -> JSONResponse:
    """Ask for patience. What is wrong with the cluster is for the log, not for the caller."""
    _log.error("%s %s: %s", request.method, request.url.path, error)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return JSONResponse({"detail": "tasks cannot be taken at the moment"}, 503, headers)
