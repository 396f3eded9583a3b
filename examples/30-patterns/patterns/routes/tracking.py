"""Tracking: several tasks make one thing, and you want to know how that is going.

Store their ids together, and ask for each when somebody wants to know.
"""

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from patterns.dependencies import DispatcherDep, Key, StoreDep
from patterns.tasks import Address, Phone, SendEmail, SendSms

router = APIRouter(tags=["6 tracking"])


class Notification(BaseModel):
    """Whom to tell what, on two ways."""

    address: Address
    phone: Phone
    text: str


@router.post("/notifications/{notification_id}")
async def notify(
    notification_id: Key, new: Notification, dispatcher: DispatcherDep, store: StoreDep
) -> dict[str, str]:
    """Send an e-mail and an SMS, and remember both."""
    email_id = await dispatcher.dispatch(
        SendEmail(address=new.address, subject="A notification", body=new.text)
    )
    sms_id = await dispatcher.dispatch(SendSms(phone=new.phone, text=new.text))
    store.save_task_ids(f"notification {notification_id}", {"email": email_id, "sms": sms_id})
    return {"email": str(email_id), "sms": str(sms_id)}


@router.get("/notifications/{notification_id}")
async def follow(notification_id: Key, dispatcher: DispatcherDep, store: StoreDep) -> dict[str, str]:
    """Say how far each of them is."""
    ids = store.task_ids(f"notification {notification_id}")
    if not ids:
        raise HTTPException(404, f"there is no notification {notification_id}")
    views = {purpose: await dispatcher.get(task_id) for purpose, task_id in ids.items()}
    return {purpose: view.state if view else "Forgotten" for purpose, view in views.items()}
