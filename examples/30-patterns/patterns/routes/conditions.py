"""Conditions: the same event is dispatched in one way or another.

It is ordinary code: what is dispatched, and when, is decided where you know enough to decide.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from patterns.dependencies import DispatcherDep, Key, SettingsDep, StoreDep
from patterns.tasks import ProcessHighValueOrder, ProcessRegularOrder

router = APIRouter(tags=["9 conditions"])

HIGH_VALUE = 1000
"""Euros; an order above it is processed at once."""


@router.post("/orders/{order_id}/process")
async def process_order(
    order_id: Key,
    total: Annotated[int, Query(ge=0, description="euros")],
    dispatcher: DispatcherDep,
    store: StoreDep,
    settings: SettingsDep,
) -> dict[str, str]:
    """Process an order of high value now, any other in five minutes."""
    store.put("order", order_id, "taken")
    if total > HIGH_VALUE:
        task_id = await dispatcher.dispatch(ProcessHighValueOrder(order_id=order_id))
    else:
        delay = settings.scaled(timedelta(minutes=5))
        task_id = await dispatcher.dispatch(ProcessRegularOrder(order_id=order_id), delay=delay)
    return {"taskId": str(task_id)}
