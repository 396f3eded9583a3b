"""Fire and forget: work that the answer need not wait for.

For e-mails, caches, thumbnails: it starts at once, in a pod of its own, and goes on whatever becomes of the request.
``await`` is what makes it safe: when ``dispatch`` has returned, the task is stored in the cluster.
"""

from uuid import uuid4

from fastapi import APIRouter
from pydantic import BaseModel

from patterns.dependencies import DispatcherDep, StoreDep
from patterns.tasks import Address, CreateUserProfile, NotifyAdmins, SendWelcomeEmail

router = APIRouter(tags=["1 fire and forget"])


class Registration(BaseModel):
    """Who registers."""

    name: str
    address: Address


@router.post("/register")
async def register(new: Registration, dispatcher: DispatcherDep, store: StoreDep) -> dict[str, str]:
    """Make the user before the answer, leave the rest to three tasks."""
    user_id = f"user-{uuid4().hex[:8]}"
    store.put("user", user_id, new.address)

    await dispatcher.dispatch(SendWelcomeEmail(address=new.address, name=new.name))
    await dispatcher.dispatch(CreateUserProfile(user_id=user_id))
    await dispatcher.dispatch(NotifyAdmins(user_id=user_id))
    return {"userId": user_id}
