"""Campaigns, reports and other work by the calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask import Handler
from patterns.tasks import (
    DailyReport,
    GenerateMonthlyReport,
    ImportDocument,
    LaunchMarketingCampaign,
    RefreshCache,
)
from patterns.world import World

if TYPE_CHECKING:
    from evertask import Context


def setup() -> dict[type, object]:
    """Make, once in a process, what the handlers here ask for in their constructors."""
    return {World: World()}


class LaunchMarketingCampaignHandler(Handler[LaunchMarketingCampaign]):
    """Launch a campaign."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: LaunchMarketingCampaign, ctx: Context) -> None:
        """Launch it."""
        self._world.set("campaign", task.campaign_id, "launched")


class GenerateMonthlyReportHandler(Handler[GenerateMonthlyReport]):
    """Make a user's report of the month."""

    def handle(self, task: GenerateMonthlyReport, ctx: Context) -> dict[str, str]:
        """Report on the month that the run belongs to, even when it starts late."""
        month = f"{ctx.scheduled_time:%Y-%m}" if ctx.scheduled_time else "no month"
        return {"user": task.user_id, "month": month}


class DailyReportHandler(Handler[DailyReport]):
    """Make the report of the day."""

    def handle(self, task: DailyReport, ctx: Context) -> dict[str, str]:
        """Report on the day that the run belongs to."""
        return {"day": f"{ctx.scheduled_time:%Y-%m-%d}" if ctx.scheduled_time else "no day"}


class RefreshCacheHandler(Handler[RefreshCache]):
    """Compute a cached value anew."""

    def handle(self, task: RefreshCache, ctx: Context) -> dict[str, str]:
        """Compute it."""
        return {"refreshed": task.name}


class ImportDocumentHandler(Handler[ImportDocument]):
    """Take in a document."""

    def handle(self, task: ImportDocument, ctx: Context) -> dict[str, int]:
        """Count its words."""
        return {"words": len(task.text.split())}
