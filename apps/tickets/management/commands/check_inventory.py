import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from apps.common.commands import DatabaseCommand
from apps.tickets.services import Audit, Difference, audit_inventory, repair_sold


class Command(DatabaseCommand):
    help = (
        "Compare what is sold of every ticket type with its bookings, quota and event.\n"
        "Safe during sales. Ends with exit code 1 when anything differs."
    )
    example = "python settings/manage.py check_inventory --repair"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
        parser.add_argument(
            "--repair",
            action="store_true",
            help="set `sold` to what the bookings hold, under locks, and check again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        audit, repaired = audit_inventory(), []
        if options["repair"]:
            repaired = [_repair(each) for each in audit.differences if each.kind == "sold_differs"]
            audit = audit_inventory()
        report = _as_json(audit, repaired) if options["json"] else _as_table(audit, repaired)
        self.stdout.write(report)
        if audit.differences:
            raise CommandError(f"{len(audit.differences)} differences.")


def _repair(difference: Difference) -> dict[str, int]:
    assert difference.ticket is not None
    before, after = repair_sold(ticket_id=difference.ticket)
    return {"ticket": difference.ticket, "sold_before": before, "sold_after": after}


def _as_json(audit: Audit, repaired: list[dict[str, int]]) -> str:
    return json.dumps({**asdict(audit), "repaired": repaired}, indent=2)


def _as_table(audit: Audit, repaired: list[dict[str, int]]) -> str:
    rows = {
        "Ticket types": audit.ticket_types,
        "bookings": audit.bookings,
        "run-out holds": audit.run_out_holds,
        "differences": len(audit.differences),
    }
    lines = [", ".join(f"{name}: {number}" for name, number in rows.items()) + "."]
    lines += [
        "Repaired ticket type {ticket}: sold was {sold_before}, is {sold_after}.".format(**each)
        for each in repaired
    ]
    if audit.differences:
        lines += ["", f"{'Event':>8} {'Type':>8}  Difference"]
    return "\n".join([*lines, *(_as_row(each) for each in audit.differences)])


def _as_row(difference: Difference) -> str:
    facts = ", ".join(f"{name} {number}" for name, number in difference.facts.items())
    place = f"{difference.event:>8} {difference.ticket or '-':>8}"
    return f"{place}  {difference.kind}: {facts}"
