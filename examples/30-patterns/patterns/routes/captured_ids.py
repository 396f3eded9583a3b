"""Captured ids: keep what ``dispatch`` returns where you will look for the task again.

An id is a UUID. Store it with what the task is for, if you want to follow the task or to cancel it; where you only fire
and forget, ignore it.
"""

from fastapi import APIRouter

from patterns.dependencies import DispatcherDep, Key, StoreDep
from patterns.tasks import MakeInvoice

router = APIRouter(tags=["4 captured ids"])


@router.post("/orders/{order_id}/invoice")
async def order_invoice(order_id: Key, dispatcher: DispatcherDep, store: StoreDep) -> dict[str, str]:
    """Have an invoice written, and remember which task does it."""
    task_id = await dispatcher.dispatch(MakeInvoice(order_id=order_id))
    store.save_task_ids(f"order {order_id}", {"invoice": task_id})
    return {"taskId": str(task_id)}


@router.get("/orders/{order_id}/tasks")
async def tasks_of_order(order_id: Key, store: StoreDep) -> dict[str, str]:
    """Give the tasks of an order, by what they are for."""
    return {purpose: str(task_id) for purpose, task_id in store.task_ids(f"order {order_id}").items()}
