"""Status: what has become of a task?

``get`` gives a snapshot, and None where there is no such task: there never was, or it has finished and its time to be
kept (``ttl_after_finished``) is over.
"""

from typing import assert_never
from uuid import UUID

from fastapi import APIRouter, HTTPException

from evertask import State, TaskView
from patterns.dependencies import DispatcherDep

router = APIRouter(tags=["7 status"])


def sentence(view: TaskView) -> str:
    """Say in words how a task is."""
    match view.state:
        case State.PENDING:
            return "it is known, and waits for its time"
        case State.QUEUED:
            return "it is due, and its pod is about to start"
        case State.IN_PROGRESS:
            return "its handler is running"
        case State.COMPLETED:
            return "it has succeeded"
        case State.FAILED:
            return f"it has failed: {view.error.message if view.error else view.message}"
        case State.CANCELLED:
            return "it was cancelled"
        case _:
            assert_never(view.state)


@router.get("/tasks/{task_id}")
async def read_task(task_id: UUID, dispatcher: DispatcherDep) -> dict[str, object]:
    """Say how a task is, and what it gave."""
    view = await dispatcher.get(task_id)
    if view is None:
        raise HTTPException(404, f"there is no task {task_id} (any more)")
    return {"state": view.state, "sentence": sentence(view), "result": view.result}
