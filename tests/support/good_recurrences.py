"""Recurrences that the schema takes and stores unchanged: each form, each field, each bound."""

from __future__ import annotations

from typing import Any

GOOD_RECURRENCES: dict[str, dict[str, Any]] = {
    "cron-of-five": {"cron": "30 9 * * MON-FRI"},
    "cron-of-six-in-a-zone": {"cron": "0 30 9 L-3 JAN-MAR 5L", "timeZone": "America/Argentina/Buenos_Aires"},
    "cron-macro": {"cron": "@Daily"},
    "cron-of-256": {"cron": "* " * 128},
    "cron-of-both-days": {"cron": "0 0 13 * FRI", "dayMatch": "Both"},
    "cron-of-any-day": {"crons": ["0 0 13 * FRI"], "dayMatch": "Any"},
    "crons-16": {"crons": [f"{minute} * * * *" for minute in range(16)]},
    "every-second": {"every": "1s"},
    "every-ten-years": {"every": "87600h"},
    "every-mixed": {"every": "1h30m15.5s250ms"},
    "calendar-shortest": {"calendar": {"unit": "Day"}},
    "calendar-of-seconds": {"calendar": {"every": 1000, "unit": "Second"}},
    "calendar-of-minutes": {"calendar": {"every": 5, "unit": "Minute", "atSecond": 0}},
    "calendar-of-hours": {"calendar": {"every": 1, "unit": "Hour", "atMinute": 59, "atSecond": 59}},
    "calendar-of-days": {
        "calendar": {"every": 2, "unit": "Day", "atTimes": ["00:00", "09:00:30", "23:59:59"]}
    },
    "calendar-of-weeks": {"calendar": {"every": 2, "unit": "Week", "onDays": ["Monday", "Sunday"]}},
    "calendar-of-months": {"calendar": {"unit": "Month", "onDay": 31, "onMonths": [1, 12]}},
    "calendar-of-every-day-by-number": {"calendar": {"unit": "Month", "onDays": list(range(1, 32))}},
    "calendar-of-a-weekday": {
        "calendar": {"unit": "Month", "onWeekday": {"ordinal": "Last", "day": "Friday"}, "atTimes": ["17:30"]}
    },
    "calendar-48-times": {
        "calendar": {"unit": "Day", "atTimes": [f"{n // 2:02}:{n % 2 * 30:02}" for n in range(48)]}
    },
    "first-alone": {"first": {"at": "2026-12-25T10:00:00Z"}},
    "first-at-once": {"first": {"immediately": True}, "every": "5m"},
    "first-at-once-said-twice": {"first": {"immediately": False, "after": "0s"}, "every": "5m"},
    "first-after-ten-years": {"first": {"after": "87600h"}, "cron": "@yearly"},
    "first-in-the-past": {"first": {"at": "1970-01-01T00:00:00Z"}, "every": "5m"},
    "with-an-end": {"every": "5m", "until": "2026-12-25T10:00:00.250-05:00", "maxRuns": 1},
    "of-very-many-runs": {"every": "5m", "maxRuns": 10**9},
    "jitter-none": {"every": "5m", "jitter": "0s"},
    "jitter-of-a-day": {"every": "5m", "jitter": "24h"},
    "saving-daylight": {"cron": "@daily", "daylightSaving": {"gap": "Skip", "fold": "Second"}},
    "saving-nothing": {"cron": "@daily", "daylightSaving": {}},
    "catching-up": {"every": "5m", "catchUp": {"policy": "All", "window": "1s", "limit": 100}},
    "catching-up-by-default": {"every": "5m", "catchUp": {}},
    "catching-nothing-up": {"every": "5m", "catchUp": {"policy": "None"}},
    "skipping": {"every": "5m", "overlap": "Skip"},
    "queueing": {"every": "5m", "overlap": "Queue"},
    "replacing": {"every": "5m", "overlap": "Replace"},
    "side-by-side": {"every": "5m", "overlap": "Allow"},
}
