"""Bulk: one task for many things, in place of many tasks.

A task is a pod: it costs a second or two of start, and some room in the cluster. Ten thousand messages of a few
milliseconds each are one task with ten thousand ids, or a few with a thousand each. The handler reports its progress,
and keeps note of what is done, because it may be run again from its beginning.
"""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from patterns.dependencies import DispatcherDep
from patterns.tasks import SendBulkNewsletter

router = APIRouter(tags=["15 bulk"])


@router.post("/bulk-newsletters")
async def send_bulk_newsletter(
    user_ids: Annotated[list[str], Field(min_length=1)], dispatcher: DispatcherDep
) -> dict[str, str]:
    """Send the newsletter to many users with one task."""
    return {"taskId": str(await dispatcher.dispatch(SendBulkNewsletter(user_ids=user_ids)))}
