"""Batches: many tasks at once, and their ids kept together.

``dispatch_many`` makes several at a time and says of each whether it was made: one that is refused does not keep the
others back. Where the tasks are small and of no interest one by one, see ``bulk``.
"""

from collections import Counter

from fastapi import APIRouter, HTTPException

from patterns.dependencies import DispatcherDep, Key, StoreDep
from patterns.tasks import SendNewsletter

router = APIRouter(tags=["8 batches"])


@router.post("/newsletters/{batch_id}")
async def send_newsletter(
    batch_id: Key, user_ids: list[str], dispatcher: DispatcherDep, store: StoreDep
) -> dict[str, int]:
    """Send the newsletter to each user, a task each."""
    results = await dispatcher.dispatch_many(SendNewsletter(user_id=user_id) for user_id in user_ids)
    made = {
        user_id: result.id for user_id, result in zip(user_ids, results, strict=True) if result.id is not None
    }
    store.save_task_ids(f"newsletter {batch_id}", made)
    return {"dispatched": len(made), "failed": len(results) - len(made)}


@router.get("/newsletters/{batch_id}")
async def follow_newsletter(batch_id: Key, dispatcher: DispatcherDep, store: StoreDep) -> dict[str, int]:
    """Say how many of the batch are in which state."""
    ids = store.task_ids(f"newsletter {batch_id}")
    if not ids:
        raise HTTPException(404, f"there is no newsletter {batch_id}")
    views = [await dispatcher.get(task_id) for task_id in ids.values()]
    return dict(Counter(str(view.state) if view else "Forgotten" for view in views))
