"""Recurring tasks: registered at each start of the application, and there once.

The task key is what makes it one: all instances of the application, and all their restarts, meet on the same object.
What is registered again unchanged changes nothing, and the series goes on; what has changed is taken over.
"""

import logging
from datetime import time

from fastapi import APIRouter, HTTPException

from evertask import Dispatcher
from patterns.dependencies import DispatcherDep
from patterns.tasks import DailyReport

router = APIRouter(tags=["13 recurring"])

KEY = "daily-report"
_log = logging.getLogger("uvicorn.error")


async def register(dispatcher: Dispatcher) -> None:
    """Register the daily report; the application calls it when it starts."""
    task_id = await dispatcher.dispatch(
        DailyReport(),
        recurring=lambda r: r.schedule().every_day().at_time(time(6)).in_zone("Europe/Rome"),
        task_key=KEY,
    )
    _log.info("the daily report is task %s (%s)", task_id, task_id.outcome)


@router.get("/daily-report")
async def read_daily_report(dispatcher: DispatcherDep) -> dict[str, object]:
    """Say when the report is made next; a task with a key is found by its key."""
    view = await dispatcher.get(key=KEY)
    if view is None:
        raise HTTPException(404, "there is no daily report")
    return {"taskId": view.id, "schedule": view.schedule, "nextRunTime": view.next_run_time}


@router.post("/daily-report/run")
async def run_daily_report(dispatcher: DispatcherDep) -> dict[str, str]:
    """Make the report now, besides its schedule."""
    return {"token": await dispatcher.run_now(KEY)}
