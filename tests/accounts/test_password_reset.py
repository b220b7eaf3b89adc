import threading
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.tokens import default_token_generator
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from rest_framework_simplejwt.tokens import RefreshToken

from apps.accounts.models import User
from settings import base
from tests.clients import client_of
from tests.common.helpers import assert_invalid, assert_refused, unchanged
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "another-word"


@pytest.fixture
def user():
    return UserFactory(email="ada@example.com")


def ask(client, email="ada@example.com"):
    return client.post(reverse("password-reset"), {"email": email})


def confirm(client, sent, new_password=NEW_PASSWORD):
    body = {**sent, "new_password": new_password}
    return client.post(reverse("password-reset-confirm"), body)


def mailed():
    """The uid and token of the only e-mail."""
    (message,) = mail.outbox
    lines = dict(line.split(": ") for line in message.body.splitlines() if ": " in line)
    return {"uid": lines["uid"], "token": lines["token"]}


def ask_and_read(client):
    mail.outbox.clear()
    ask(client)
    return mailed()


def spelled(text):
    return urlsafe_base64_encode(force_bytes(text))


class FailingBackend(EmailBackend):
    def send_messages(self, messages):
        raise ConnectionRefusedError("nobody listens")


class HangingBackend(EmailBackend):
    started, released, finished = (threading.Event() for _ in range(3))

    def send_messages(self, messages):
        self.started.set()
        assert self.released.wait(20)
        sent = super().send_messages(messages)
        self.finished.set()
        return sent


class TestAsking:
    def test_an_account_gets_mail(self, anonymous, user):
        UserFactory()
        response = ask(anonymous)
        assert (response.status_code, response.content) == (204, b"")
        (message,) = mail.outbox
        assert message.to == ["ada@example.com"]
        assert message.from_email == "BTick <noreply@localhost>"
        assert message.alternatives == []
        assert mailed()["uid"] == spelled(user.pk)
        assert "60 minutes" in message.body

    @pytest.mark.parametrize("email", ["ADA@Example.com", " ada@example.com "])
    def test_the_mail_goes_to_the_stored_address(self, anonymous, user, email):
        assert ask(anonymous, email).status_code == 204
        assert mail.outbox[0].to == ["ada@example.com"]

    def test_the_mail_links_to_the_page_of_the_installation(self, anonymous, user, settings):
        settings.PASSWORD_RESET_URL = "https://shop.example.com/reset?uid={uid}&token={token}"
        ask(anonymous)
        start = f"https://shop.example.com/reset?uid={spelled(user.pk)}&token="
        (link,) = [line for line in mail.outbox[0].body.splitlines() if line.startswith(start)]
        sent = {"uid": spelled(user.pk), "token": link.removeprefix(start)}
        assert confirm(anonymous, sent).status_code == 204

    @pytest.mark.parametrize("kind", ["unknown", "inactive", "without a password"])
    def test_whoever_may_not_have_one_gets_the_same_answer_and_no_mail(self, anonymous, kind):
        if kind == "inactive":
            UserFactory(email="ada@example.com", is_active=False)
        elif kind == "without a password":
            User.objects.create_user("ada@example.com")
        response = ask(anonymous)
        assert (response.status_code, response.content) == (204, b"")
        assert mail.outbox == []

    def test_asking_changes_nothing(self, anonymous, user):
        with unchanged():
            ask(anonymous)

    def test_mail_that_cannot_be_sent_is_not_the_callers_business(
        self, anonymous, user, settings, caplog
    ):
        settings.EMAIL_BACKEND = f"{__name__}.FailingBackend"
        assert ask(anonymous).status_code == 204
        assert "Work in the background failed" in caplog.text

    @pytest.mark.parametrize("address", ["ada@example.com", "nobody@example.com"])
    def test_the_request_itself_looks_nothing_up(
        self, anonymous, user, monkeypatch, django_assert_num_queries, address
    ):
        given = []
        monkeypatch.setattr("apps.accounts.services.in_background", given.append)
        with django_assert_num_queries(0):
            assert ask(anonymous, address).status_code == 204
        assert len(given) == 1

    @pytest.mark.django_db(transaction=True)
    def test_the_answer_does_not_wait_for_the_mail(self, anonymous, user, settings):
        settings.RUN_IN_BACKGROUND = True
        settings.EMAIL_BACKEND = f"{__name__}.HangingBackend"
        try:
            assert ask(anonymous).status_code == 204
            assert HangingBackend.started.wait(20)
            assert mail.outbox == []
        finally:
            HangingBackend.released.set()
        assert HangingBackend.finished.wait(20)
        assert mail.outbox[0].to == ["ada@example.com"]


class TestConfirming:
    def test_the_new_password_logs_in_and_the_old_one_does_not(self, anonymous, user):
        response = confirm(anonymous, ask_and_read(anonymous))
        assert (response.status_code, response.content) == (204, b"")
        user.refresh_from_db()
        assert user.check_password(NEW_PASSWORD)
        assert not user.check_password(PASSWORD)

    def test_every_older_token_is_dead(self, anonymous, user):
        client, refresh = client_of(user), {"refresh": str(RefreshToken.for_user(user))}
        sent = ask_and_read(anonymous)
        assert client.get(reverse("me")).status_code == 200
        confirm(anonymous, sent)
        assert client.get(reverse("me")).status_code == 401
        assert anonymous.post(reverse("jwt-refresh"), refresh).status_code == 401

    def test_a_token_works_once(self, anonymous, user):
        sent = ask_and_read(anonymous)
        confirm(anonymous, sent)
        with unchanged():
            assert_refused(confirm(anonymous, sent, "third-word-3"), "reset_token_invalid")

    def test_another_token_that_was_mailed_before_is_dead_too(self, anonymous, user):
        first, second = ask_and_read(anonymous), ask_and_read(anonymous)
        confirm(anonymous, second)
        assert_refused(confirm(anonymous, first, "third-word-3"), "reset_token_invalid")

    def test_a_password_change_ends_it(self, anonymous, user):
        sent = ask_and_read(anonymous)
        passwords = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
        client_of(user).post(reverse("password-change"), passwords)
        assert_refused(confirm(anonymous, sent), "reset_token_invalid")

    def test_logging_in_does_not(self, anonymous, user):
        sent = ask_and_read(anonymous)
        anonymous.post(reverse("jwt-create"), {"email": user.email, "password": PASSWORD})
        assert confirm(anonymous, sent).status_code == 204

    @pytest.mark.parametrize(("minutes", "status"), [(59, 204), (61, 400)])
    def test_it_lives_an_hour(self, anonymous, user, minutes, status):
        sent = ask_and_read(anonymous)
        with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
            assert confirm(anonymous, sent).status_code == status

    def test_an_account_that_became_inactive_cannot_use_it(self, anonymous, user):
        sent = ask_and_read(anonymous)
        User.objects.update(is_active=False)
        with unchanged():
            assert_refused(confirm(anonymous, sent), "reset_token_invalid")

    def test_the_token_of_another_account_is_refused(self, anonymous, user):
        sent, other = ask_and_read(anonymous), UserFactory()
        with unchanged():
            foreign = {**sent, "uid": spelled(other.pk)}
            assert_refused(confirm(anonymous, foreign), "reset_token_invalid")

    @pytest.mark.parametrize(
        "uid",
        [
            *(
                "x",
                "!",
                "ä",
                "=",
                "7",
                spelled("abc"),
                spelled("07"),
                spelled(" 7"),
                spelled(b"\xff"),
            ),
            *(spelled(987654321), spelled(2**63), spelled("9" * 5000), "A" * 100_000),
        ],
    )
    def test_a_uid_of_nobody_is_refused(self, anonymous, user, uid):
        sent = {**ask_and_read(anonymous), "uid": uid}
        with unchanged():
            assert_refused(confirm(anonymous, sent), "reset_token_invalid")

    @pytest.mark.parametrize("token", ["x", "-", "a-b", "ä-ä", "0-" + "0" * 32, "x" * 100_000])
    def test_a_token_of_nothing_is_refused(self, anonymous, user, token):
        sent = {**ask_and_read(anonymous), "token": token}
        with unchanged():
            assert_refused(confirm(anonymous, sent), "reset_token_invalid")

    def test_a_token_with_a_later_time_is_refused(self, anonymous, user):
        sent = ask_and_read(anonymous)
        stamp, digest = sent["token"].split("-")
        with time_machine.travel(timezone.now() + timedelta(hours=2)):
            later = default_token_generator.make_token(user).split("-")[0]
            assert later != stamp
            forged = {**sent, "token": f"{later}-{digest}"}
            assert_refused(confirm(anonymous, forged), "reset_token_invalid")

    @pytest.mark.parametrize("new", ["k7#vQ2w", "password123", "73910482650194", "ada@example.com"])
    def test_production_refuses_weak_passwords(self, settings, anonymous, user, new):
        settings.AUTH_PASSWORD_VALIDATORS = base.AUTH_PASSWORD_VALIDATORS
        sent = ask_and_read(anonymous)
        with unchanged():
            assert_invalid(confirm(anonymous, sent, new), "new_password")
        assert confirm(anonymous, sent, "k7#vQ2w-and-more").status_code == 204

    def test_a_weak_password_with_a_bad_token_says_nothing_of_the_account(self, anonymous, user):
        sent = {"uid": spelled(user.pk), "token": "x-y"}
        assert_refused(confirm(anonymous, sent, "short"), "reset_token_invalid")

    def test_nobody_else_is_changed(self, anonymous, user):
        other = UserFactory()
        confirm(anonymous, ask_and_read(anonymous))
        other.refresh_from_db()
        assert other.check_password(PASSWORD)
