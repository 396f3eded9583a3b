"""Schedules: something is to happen at a date and a time of day, by the clocks of a place.

For campaigns, reports, greetings. A ``datetime`` with a ``zoneinfo`` zone is right in winter and in summer; an offset
that is written by hand is right in one of them. A datetime without a zone is refused, one in the past is now.
"""

import calendar
from datetime import UTC, date, datetime, time
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel

from patterns.dependencies import DispatcherDep, Key
from patterns.tasks import GenerateMonthlyReport, LaunchMarketingCampaign, SendBirthdayGreeting

router = APIRouter(tags=["3 schedules"])

NEW_YORK = ZoneInfo("America/New_York")
CAMPAIGN_TIME = time(9)
GREETING_TIME = time(10)


def known_zone(name: str) -> str:
    """Check the name of a zone.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{name!r} is no time zone such as Europe/Rome") from None
    return name


class Campaign(BaseModel):
    """When a campaign begins."""

    day: date


class Birthday(BaseModel):
    """A user's birthday, and where the user lives."""

    born: date
    zone: Annotated[str, AfterValidator(known_zone)]
    greeting_time: time = GREETING_TIME
    """By the user's clocks."""


def campaign_start(day: date) -> datetime:
    """Give nine o'clock in New York on a day."""
    return datetime.combine(day, CAMPAIGN_TIME, NEW_YORK)


def end_of_month(day: date) -> datetime:
    """Give the last minute of a day's month, in UTC: the same for everybody."""
    _, last = calendar.monthrange(day.year, day.month)
    return datetime(day.year, day.month, last, 23, 59, tzinfo=UTC)


def next_greeting(birthday: Birthday, now: datetime) -> datetime:
    """Give the next time that a user is to be congratulated, by the user's own clocks.

    Who was born on a 29th of February is congratulated on the 28th in other years.
    """
    zone = ZoneInfo(birthday.zone)
    year = now.astimezone(zone).year
    this_year, next_year = (
        datetime.combine(_birthday_in(birthday.born, each), birthday.greeting_time, zone)
        for each in (year, year + 1)
    )
    return this_year if this_year > now else next_year


def _birthday_in(born: date, year: int) -> date:
    _, last = calendar.monthrange(year, born.month)
    return date(year, born.month, min(born.day, last))


@router.post("/campaigns/{campaign_id}")
async def plan_campaign(campaign_id: Key, campaign: Campaign, dispatcher: DispatcherDep) -> dict[str, str]:
    """Launch a campaign at nine in New York."""
    start = campaign_start(campaign.day)
    task_id = await dispatcher.dispatch(LaunchMarketingCampaign(campaign_id=campaign_id), at=start)
    return {"taskId": str(task_id), "at": start.isoformat()}


@router.post("/users/{user_id}/monthly-report")
async def plan_monthly_report(user_id: Key, dispatcher: DispatcherDep) -> dict[str, str]:
    """Make a user's report at the end of this month."""
    end = end_of_month(datetime.now(UTC).date())
    task_id = await dispatcher.dispatch(GenerateMonthlyReport(user_id=user_id), at=end)
    return {"taskId": str(task_id), "at": end.isoformat()}


@router.post("/users/{user_id}/birthday")
async def plan_greeting(user_id: Key, birthday: Birthday, dispatcher: DispatcherDep) -> dict[str, str]:
    """Congratulate a user on the next birthday, in the user's own morning."""
    greeting = next_greeting(birthday, datetime.now(UTC))
    task_id = await dispatcher.dispatch(SendBirthdayGreeting(user_id=user_id), at=greeting)
    return {"taskId": str(task_id), "at": greeting.isoformat()}
