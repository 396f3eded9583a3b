"""Chains: one step begins when the one before has succeeded.

The request dispatches the first step only. The second is dispatched by the first one's handler, in ``on_completed``
(``patterns.handlers.chain``); a correlation id goes along and ties the steps together.
"""

from uuid import UUID, uuid4

from fastapi import APIRouter

from patterns.dependencies import DispatcherDep
from patterns.tasks import FirstStep

router = APIRouter(tags=["10 chains"])


@router.post("/workflows")
async def start_workflow(dispatcher: DispatcherDep) -> dict[str, str]:
    """Begin a workflow of two steps."""
    correlation_id = uuid4().hex[:8]
    task_id = await dispatcher.dispatch(FirstStep(correlation_id=correlation_id))
    return {"correlationId": correlation_id, "taskId": str(task_id)}


@router.get("/tasks/{task_id}/children")
async def children_of(task_id: UUID, dispatcher: DispatcherDep) -> list[dict[str, object]]:
    """Give the tasks that a task's handler has dispatched."""
    children = await dispatcher.children(task_id)
    return [{"taskId": child.id, "state": child.state, "handler": child.handler} for child in children]
