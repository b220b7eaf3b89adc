"""Sends generated requests to every operation of the schema, as every kind of caller.

    python -m tests.postgres python -m bench.fuzz [--seconds N] [--seed N] [--caller NAME]

Each caller has the same seeded data in a test database, and an equal share of the time. All
checks of Schemathesis are on, but for what `is_finding` lets pass. The exit code is 1 when one has
failed; what it prints repeats the request, on a server with the data of `seed`.
"""

# ruff: noqa: E402 (models can be imported only once Django is set up)

import argparse
import logging
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import chain, product
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "settings.test"
django.setup()

import schemathesis
from django.contrib.auth.tokens import default_token_generator
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.core.servers.basehttp import WSGIRequestHandler
from django.db import connection
from django.test.testcases import LiveServerThread
from django.test.utils import override_settings
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from hypothesis import strategies as st
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.generation.meta import negated_parameters

from apps.accounts.models import User
from apps.bookings.models import Booking
from apps.common.models import EARLIEST, LATEST
from apps.common.walks import encode_cursor
from apps.demo.accounts import ADMIN, CUSTOMER, OWNER, PASSWORD, SUPPORT
from apps.events.models import Event
from apps.organizations.models import Membership
from apps.venues.models import Venue

ADDRESS = "127.0.0.1"
# Where `make run` serves: the server of a run is gone when somebody repeats a request.
SHOWN_URL = "http://127.0.0.1:8000"
FINDINGS_PER_CALLER = 10
EVENTS = 120
LONGEST_TEXT = 800


# What is no finding


# Rules between fields, or about stored data, for which JSON Schema has no words.
RULES = (
    r"This name is taken\.",
    r'Invalid pk "\d+" - object does not exist\.',
    r"No account has this e-mail address\.",
    r"An account with this e-mail address exists already\.",
    r"A ticket type cannot move to another event\.",
    r"The venue holds \d+ people at most\.",
    r"The event must end after it starts\.",
    r"A published event cannot be moved into the past\.",
    r"This is not the current password\.",
    r"This password is too short\. .*",
    r"This is no cursor of this list\.",
    r"This cursor belongs to a list in another order\.",
    r"Send a page or a cursor, not both\.",
)
# What a field or the parser asks for beyond what a schema can say without obscuring it: texts
# that are all white space, Django's own idea of addresses and links, years, NUL characters.
FINER_THAN_THE_SCHEMA = (
    r"This field may not be blank\.",
    r"Enter a valid (email address|URL)\.",
    r"Use a year from 1900 to 9998\.",
    r"The body holds a NUL character or half of a surrogate pair\.",
    r"Null characters are not allowed\.",
)
EXPECTED = re.compile("|".join(RULES + FINER_THAN_THE_SCHEMA))
# DRF takes 20 for a page size that is none, and no order for an unknown one.
LENIENT_PARAMETERS = {"page_size", "ordering"}


def is_finding(_context: Any, failure: Failure, case: Any, response: Any) -> bool:
    if "positive_data_acceptance" in failure.checks and response.status_code in (400, 412, 422):
        return not is_expected_refusal(case, response)
    if "negative_data_rejection" in failure.checks:
        return not is_lenience(case, response.request.url)
    return True


def is_expected_refusal(case: Any, response: Any) -> bool:
    """Whether valid input was refused for a reason that the schema names, or cannot."""
    body = response.json()
    documented = case.operation.definition.raw["responses"].get(str(response.status_code), {})
    examples = documented.get("content", {}).get("application/json", {}).get("examples", {})
    if "code" in body:
        return body["code"] in examples
    texts = [body["detail"]] if "detail" in body else chain.from_iterable(body.values())
    return all(EXPECTED.fullmatch(text) for text in texts)


def is_lenience(case: Any, url: str) -> bool:
    """Whether all that is invalid is read as something valid, as DRF's fields do."""
    negated = set(invalid_parameters(case, url))
    if negated - LENIENT_PARAMETERS:
        return False
    (shape,), body = case.operation.body or (None,), case.body
    if shape is None or not isinstance(body, dict):
        return shape is None and any(negated_parameters(case.meta))
    # The body as it is among them: what Schemathesis learns from one operation's refusals, it
    # expects of others.
    return any(
        shape.is_valid(dict(zip(body, values, strict=True)))
        for values in product(*map(spellings, body.values()))
    )


def invalid_parameters(case: Any, url: str) -> Iterator[str]:
    """The names of those that are, not of all that were meant to be: some were not even sent."""
    # Of a repeated one, Django reads the last.
    sent = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    for name, location in negated_parameters(case.meta):
        if location == ParameterLocation.QUERY:
            parameter = case.operation.query.get(name)
            read = spellings(sent[name]) if name in sent else ()
            if read and parameter and not any(map(parameter.is_valid, read)):
                yield name
        elif location != ParameterLocation.BODY:
            yield name


def spellings(value: Any) -> Iterator[Any]:
    """`value`, and what DRF's fields read as the same: 7 and "7"."""
    yield value
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
    if isinstance(value, str):
        with suppress(ValueError):
            yield int(value)


# Who calls


class Caller:
    """An account, or nobody, that can be put back as it was before it harmed itself."""

    def __init__(self, user: User | None) -> None:
        self.user = user
        self._roles = list(Membership.objects.filter(user=user).values()) if user else []

    def restore(self) -> None:
        """Undo what ended tokens or rights: a new password, a left organization."""
        if self.user is None:
            return
        self.user.save()
        Membership.objects.filter(user=self.user).delete()
        Membership.objects.bulk_create([Membership(**role) for role in self._roles])

    def headers(self) -> dict[str, str]:
        if self.user is None:
            return {}
        token = AccessToken.for_user(self.user)
        token.set_exp(lifetime=timedelta(days=1))
        return {"Authorization": f"Bearer {token}"}


HARMFUL = {
    "auth_me_destroy",
    "auth_password_change",
    "auth_password_reset_confirm",
    "organizations_change_member",
    "organizations_leave",
    "organizations_remove_member",
}


def seed(number: int) -> None:
    call_command("flush", interactive=False, verbosity=0, reset_sequences=True)
    # Plenty: each of them can be cancelled but once.
    numbers = {"users": 40, "events": EVENTS, "bookings": 800}
    call_command("seed", **numbers, random_seed=number, stdout=StringIO(), stderr=StringIO())
    User.objects.create_superuser(ADMIN.email, PASSWORD)
    Venue.objects.earliest("pk").managers.add(
        User.objects.create_user("venue.manager@example.com", PASSWORD)
    )


def by_email(email: str) -> Callable[[], User]:
    return lambda: User.objects.get(email=email)


def by_role(role: str) -> Callable[[], User]:
    members = Membership.objects.filter(role=role).exclude(user__email=OWNER.email)
    return lambda: members.select_related("user").earliest("pk").user


CALLERS: dict[str, Callable[[], User | None]] = {
    "anonymous": lambda: None,
    "customer": by_email(CUSTOMER.email),
    "owner": by_email(OWNER.email),
    "manager": by_role(Membership.Role.MANAGER),
    "member": by_role(Membership.Role.MEMBER),
    "venue manager": by_email("venue.manager@example.com"),
    "support": by_email(SUPPORT.email),
    "admin": by_email(ADMIN.email),
}


# What is sent


# What no generator finds: drafts among the events, and what an account's owner knows.
KNOWN_VALUES = {
    "path.id": "ids",
    **dict.fromkeys(("body.password", "body.old_password"), "passwords"),
    **dict.fromkeys(("body.email", "body.user_email", "body.owner_email"), "emails"),
    **dict.fromkeys(("body.refresh", "body.token"), "tokens"),
    "body.uid": "uids",
    "query.cursor": "cursors",
}
SHARE_KNOWN = 0.4


def register_formats() -> None:
    """Values that are seldom refused, so that requests get past the fields to the rules."""
    soon = st.integers(-60, 60).map(lambda days: timezone.now() + timedelta(days))
    ever = st.datetimes(
        EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None), timezones=st.just(UTC)
    )
    schemathesis.openapi.format("date-time", (soon | ever).map(datetime.isoformat))
    links = st.from_regex(r"https?://[a-z]{1,9}\.example\.org(/[a-z0-9]{0,9})?", fullmatch=True)
    schemathesis.openapi.format("uri", links)


def cursors() -> list[str]:
    """Of some lists in the order that they have by themselves: each is refused by the others."""
    venue, event = Venue.objects.earliest("pk"), Event.objects.earliest("pk")
    booking = Booking.objects.earliest("pk")
    return [
        "",
        encode_cursor(("id",), (1,)),
        encode_cursor(("name", "id"), (venue.name, venue.pk)),
        encode_cursor(("starts_at", "id"), (event.starts_at, event.pk)),
        encode_cursor(("-created_at", "-id"), (booking.created_at, booking.pk)),
    ]


def configuration(url: str, caller: Caller, options: argparse.Namespace, seconds: int) -> Any:
    emails = list(User.objects.values_list("email", flat=True))
    user = caller.user or User.objects.earliest("pk")
    # Many, because some are blacklisted; and what sets a new password.
    tokens = [str(RefreshToken.for_user(user)) for _ in range(20)]
    tokens += [default_token_generator.make_token(user)] * len(tokens)
    return SchemathesisConfig.from_dict(
        {
            "base-url": url,
            "seed": options.seed,
            "max-time": seconds,
            "continue-on-failure": True,
            "headers": caller.headers(),
            "generation": {"database": "none"},
            "cache": {"enabled": False},
            "output": {"sanitization": {"enabled": False}, "truncation": {"enabled": False}},
            "dictionaries": {
                "ids": {"values": [str(each) for each in range(1, EVENTS + 10)]},
                "passwords": {"values": [PASSWORD]},
                "emails": {"values": emails},
                "uids": {"values": [urlsafe_base64_encode(force_bytes(user.pk))]},
                "tokens": {"values": tokens},
                "cursors": {"values": cursors()},
            },
            "parameters": {
                name: {"dictionary": known, "probability": SHARE_KNOWN}
                for name, known in KNOWN_VALUES.items()
            },
        }
    )


# What comes back


@dataclass
class Report:
    """What one caller's requests were answered, and each way in which a check failed, once."""

    answers: Counter[int] = field(default_factory=Counter)
    succeeded: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)
    findings: dict[tuple[str, ...], str] = field(default_factory=dict)

    def note(self, event: events.EngineEvent) -> None:
        if isinstance(event, events.ScenarioFinished):
            self._note_answers(event.recorder)
            self._note_failures(event.recorder)
        elif isinstance(event, events.NonFatalError):
            self.findings[event.label, str(event.value)] = f"{event.label}: {event.value}"
        elif isinstance(event, events.FatalError):
            raise event.exception

    def _note_answers(self, recorder: ScenarioRecorder) -> None:
        for case_id, interaction in recorder.interactions.items():
            if interaction.response is None:
                continue
            status = interaction.response.status_code
            self.answers[status] += 1
            label = recorder.cases[case_id].value.operation.label
            self.tried.add(label)
            # Not an OPTIONS, with which a check looks for the Allow header.
            if status < 300 and label.startswith(f"{interaction.request.method} "):
                self.succeeded.add(label)

    def _note_failures(self, recorder: ScenarioRecorder) -> None:
        for case_id, checks in recorder.checks.items():
            for check in checks:
                if check.status != Status.FAILURE or check.failure_info is None:
                    continue
                failure = check.failure_info.failure
                response = recorder.interactions[failure.case_id or case_id].response
                answer = (
                    f"answered {response.status_code}: {response.text}" if response else "no answer"
                )
                title = f"{check.name}: {failure.operation}: {failure.title}"
                curl = without_token(check.failure_info.code_sample)
                parts = (title, failure.message[:LONGEST_TEXT], curl, answer[:LONGEST_TEXT])
                shown = "\n".join(parts)
                self.findings.setdefault(
                    (check.name, failure.operation or "", failure.title), shown
                )


def fuzz(name: str, url: str, options: argparse.Namespace, seconds: int) -> Report:
    seed(options.seed)
    caller = Caller(CALLERS[name]())
    config = configuration(url, caller, options, seconds)
    schema = schemathesis.openapi.from_url(f"{url}/api/schema/?format=json", config=config)

    @schema.hook
    def after_call(_context: Any, case: Any, response: Any) -> None:
        operation = case.operation.definition.raw["operationId"]
        if operation in HARMFUL and response.status_code < 300:
            caller.restore()

    schema.hook("filter_failure")(is_finding)
    report = Report()
    for event in from_schema(schema).execute():
        report.note(event)
        if len(report.findings) >= FINDINGS_PER_CALLER:
            break
    print_report(name, caller, report, url)
    return report


def print_report(name: str, caller: Caller, report: Report, url: str) -> None:
    answers = ", ".join(f"{count} × {status}" for status, count in sorted(report.answers.items()))
    print(f"{name}: {report.answers.total()} requests: {answers}", flush=True)
    for finding in report.findings.values():
        print(f"FAILED as {caller.user or name}: {finding.replace(url, SHOWN_URL)}\n", flush=True)


def without_token(curl: str) -> str:
    return re.sub(r"'Authorization: Bearer [^']+'", '"Authorization: Bearer $TOKEN"', curl)


@contextmanager
def server() -> Iterator[str]:
    """The URL of a server in a thread, on a new test database of the one in DATABASE_URL."""
    # Otherwise every answer waits 40 ms for the acknowledgement of its headers.
    WSGIRequestHandler.disable_nagle_algorithm = True
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    thread = LiveServerThread(ADDRESS, StaticFilesHandler)
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    try:
        with override_settings(ALLOWED_HOSTS=[ADDRESS]):
            yield f"http://{ADDRESS}:{thread.port}"
    finally:
        thread.terminate()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="for all callers together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--caller", choices=CALLERS, action="append")
    options = parser.parse_args()
    names = options.caller or list(CALLERS)
    logging.disable(logging.ERROR)
    register_formats()
    with server() as url:
        reports = [
            fuzz(each, url, options, max(1, options.seconds // len(names))) for each in names
        ]
    tried = {label for report in reports for label in report.tried}
    succeeded = {label for report in reports for label in report.succeeded}
    if never := sorted(tried - succeeded):
        print(f"Too few requests for one to succeed: {', '.join(never)}")
    findings = sum(len(report.findings) for report in reports)
    if findings:
        print(f"{findings} findings; again with --seed {options.seed}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
