"""Audit levels: how much of a task's past its status keeps, chosen at each dispatch.

Full keeps each change of the state. Minimal and ErrorsOnly are for what is frequent and dull: they keep failures. None
keeps nothing of the past. State, result and error are there at each level.
"""

from fastapi import APIRouter

from evertask import AuditLevel
from patterns.dependencies import DispatcherDep, Key
from patterns.tasks import RefreshCache

router = APIRouter(tags=["14 audit levels"])


@router.post("/caches/{name}")
async def refresh_cache(
    name: Key, dispatcher: DispatcherDep, audit: AuditLevel = AuditLevel.MINIMAL
) -> dict[str, str]:
    """Refresh a cache, with as much of a trail as is wanted this time."""
    task_id = await dispatcher.dispatch(RefreshCache(name=name), audit_level=audit)
    return {"taskId": str(task_id)}
