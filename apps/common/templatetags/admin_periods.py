"""Years, months and days to choose from above a list of Django admin."""

import calendar
from collections.abc import Iterable
from datetime import date
from typing import Any

from django import template
from django.db.models import Max, Min
from django.utils import timezone
from django.utils.formats import date_format

register = template.Library()

# A date far away is a mistake: it gets no link for every year until then.
YEARS_AROUND_TODAY = 10


@register.inclusion_tag("admin/date_hierarchy.html")
def admin_periods(cl: Any) -> dict[str, Any]:
    """The choices of `date_hierarchy`, as Django's own tag has them, but for what it looks at.

    That one goes through all rows for the periods that have any. Here the first and the last
    moment of the whole list are enough, which an index knows; a period between may be empty.
    """
    first, last = _ends(cl)
    if first is None or last is None:
        return {"show": False}
    year, month, day = _chosen(cl)
    if year and month and day:
        chosen = date(year, month, day)
        choices = [{"title": date_format(chosen, "MONTH_DAY_FORMAT")}]
        back = _choice(cl, date_format(chosen, "YEAR_MONTH_FORMAT"), year, month)
    elif year and month:
        days = calendar.monthrange(year, month)[1]
        dates = _between(first, last, (date(year, month, n + 1) for n in range(days)))
        choices = [
            _choice(cl, date_format(d, "MONTH_DAY_FORMAT"), year, month, d.day) for d in dates
        ]
        back = _choice(cl, str(year), year)
    elif year:
        months = (date(year, n, 1) for n in range(1, 13))
        dates = _between(first.replace(day=1), last, months)
        choices = [_choice(cl, date_format(d, "YEAR_MONTH_FORMAT"), year, d.month) for d in dates]
        back = _choice(cl, "All dates")
    else:
        choices = [_choice(cl, str(n), n) for n in _years(first, last)]
        back = None
    return {"show": True, "back": back, "choices": choices}


def _ends(cl: Any) -> tuple[date | None, date | None]:
    ends = cl.root_queryset.aggregate(Min(cl.date_hierarchy), Max(cl.date_hierarchy)).values()
    first, last = (moment and timezone.localtime(moment).date() for moment in ends)
    return first, last


def _chosen(cl: Any) -> list[int]:
    """Year, month and day as the list is narrowed to them, which has checked them; 0 for none."""
    names = (f"{cl.date_hierarchy}__{unit}" for unit in ("year", "month", "day"))
    return [int(cl.params.get(name, 0)) for name in names]


def _choice(cl: Any, title: str, *chosen: int) -> dict[str, str]:
    names = (f"{cl.date_hierarchy}__{unit}" for unit in ("year", "month", "day"))
    parameters = dict(zip(names, chosen, strict=False))
    return {"title": title, "link": cl.get_query_string(parameters, [f"{cl.date_hierarchy}__"])}


def _between(first: date, last: date, dates: Iterable[date]) -> list[date]:
    return [each for each in dates if first <= each <= last]


def _years(first: date, last: date) -> range:
    today = timezone.localdate().year
    earliest = max(first.year, today - YEARS_AROUND_TODAY)
    return range(earliest, min(last.year, today + YEARS_AROUND_TODAY) + 1)
