"""Delays: something is to happen a while from now.

For reminders, follow-ups, deadlines. A delayed task waits in the cluster: it outlives restarts of this application, of
the operator and of the API server. Say "in an hour" as a ``timedelta``, and a point in time as in ``schedules``.
"""

from datetime import timedelta

from fastapi import APIRouter, HTTPException

from patterns.dependencies import DispatcherDep, Key, SettingsDep, StoreDep
from patterns.tasks import CancelPendingOrder, CheckPaymentStatus, SendOrderConfirmation, SendPaymentReminder

router = APIRouter(tags=["2 delays"])


@router.post("/orders/{order_id}")
async def place_order(
    order_id: Key, dispatcher: DispatcherDep, store: StoreDep, settings: SettingsDep
) -> dict[str, str]:
    """Take an order: confirm it now, and look after its payment later."""
    store.put("order", order_id, "pending")
    confirmation = await dispatcher.dispatch(SendOrderConfirmation(order_id=order_id))
    check = await dispatcher.dispatch(
        CheckPaymentStatus(order_id=order_id), delay=settings.scaled(timedelta(minutes=5))
    )
    reminder = await dispatcher.dispatch(
        SendPaymentReminder(order_id=order_id), delay=settings.scaled(timedelta(hours=1))
    )
    cancellation = await dispatcher.dispatch(
        CancelPendingOrder(order_id=order_id), delay=settings.scaled(timedelta(hours=24))
    )
    return {
        "confirmation": str(confirmation),
        "check": str(check),
        "reminder": str(reminder),
        "cancellation": str(cancellation),
    }


@router.post("/orders/{order_id}/pay")
async def pay_order(order_id: Key, store: StoreDep) -> dict[str, str]:
    """Pay an order; the tasks that come later find it paid."""
    if not store.change("order", order_id, expected="pending", state="paid"):
        raise HTTPException(409, f"order {order_id} is {store.state('order', order_id) or 'unknown'}")
    return {"order": "paid"}
