"""Compensation: when a task fails, another one undoes what it had done by then.

It is dispatched by the failing task's handler, in ``on_error`` (``patterns.handlers.operations``), which is called for
failures, timeouts and cancellations, but not for an interruption: then the run is launched again.
"""

from typing import Annotated

from fastapi import APIRouter, Query

from patterns.dependencies import DispatcherDep, Key
from patterns.tasks import RunOperation

router = APIRouter(tags=["11 compensation"])


@router.post("/operations/{operation_id}")
async def start_operation(
    operation_id: Key,
    dispatcher: DispatcherDep,
    *,
    fails: Annotated[bool, Query(description="whether the second half is refused")] = False,
) -> dict[str, str]:
    """Do something in two halves; when the second one fails, the first is undone."""
    task_id = await dispatcher.dispatch(RunOperation(operation_id=operation_id, fails=fails))
    return {"taskId": str(task_id)}
