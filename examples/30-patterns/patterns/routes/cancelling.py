"""Cancelling: a task that is not wanted any more.

One that has not started never starts. In one that runs the handler's token fires: the handler has to look at it
(``patterns.handlers.payments``), and is killed after its grace period if it does not.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from patterns.dependencies import DispatcherDep, Key, StoreDep
from patterns.tasks import ProcessPayment

router = APIRouter(tags=["5 cancelling"])

TIME_TO_THINK = timedelta(minutes=10)


@router.post("/payments/{payment_id}")
async def start_payment(
    payment_id: Key,
    dispatcher: DispatcherDep,
    store: StoreDep,
    *,
    now: Annotated[bool, Query(description="without the ten minutes to think it over")] = False,
) -> dict[str, str]:
    """Take a payment in ten minutes; until then, and while it is processed, it can be cancelled."""
    delay = None if now else TIME_TO_THINK
    task_id = await dispatcher.dispatch(ProcessPayment(payment_id=payment_id), delay=delay)
    store.save_task_ids(f"payment {payment_id}", {"process": task_id})
    return {"taskId": str(task_id)}


@router.delete("/payments/{payment_id}")
async def cancel_payment(payment_id: Key, dispatcher: DispatcherDep, store: StoreDep) -> dict[str, str]:
    """Cancel a payment. The answer says what was found: see ``CancelOutcome``."""
    task_id = store.task_ids(f"payment {payment_id}").get("process")
    if task_id is None:
        raise HTTPException(404, f"there is no payment {payment_id}")
    outcome = await dispatcher.cancel(task_id)
    return {"taskId": str(task_id), "outcome": outcome}
