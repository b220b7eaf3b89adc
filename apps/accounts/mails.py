from django.conf import settings
from django.core.mail import send_mail

from .models import User

RESET_MESSAGE = """\
Somebody, hopefully you, asked for a new password for your BTick account.

{way}

This works once and for {minutes} minutes. If it was not you, there is nothing to do: your password
stays as it is.
"""


def send_password_reset(user: User, *, uid: str, token: str) -> None:
    if url := settings.PASSWORD_RESET_URL:
        link = url.replace("{uid}", uid).replace("{token}", token)
        way = f"Choose it here:\n\n{link}"
    else:
        way = f"Choose it with this uid and token:\n\nuid: {uid}\ntoken: {token}"
    minutes = settings.PASSWORD_RESET_TIMEOUT // 60
    message = RESET_MESSAGE.format(way=way, minutes=minutes)
    send_mail("Your new BTick password", message, None, [user.email])
