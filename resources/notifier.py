"""How people are told: a log of notifications, and a webhook where one is set.

Belongs here: sending a message once. Does not belong here: deciding what is worth a message.
"""

import json
import os
import urllib.request

import dagster as dg

from resources.settings import settings


class Notifier(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Writes to ``DAYBOOK_HOME/notifications.jsonl`` and posts to ``DAYBOOK_WEBHOOK_URL``, a secret, when it is set."""

    def notify(self, cause: str, title: str, body: str) -> bool:
        """Tell people about ``cause`` once; False when they were told before.

        Args:
            cause: permanent name of what happened; the same cause is told once.
            title: one line.
            body: what happened and what to do.
        """
        log = settings().home / "notifications.jsonl"
        log.parent.mkdir(parents=True, exist_ok=True)
        told = log.read_text().splitlines() if log.exists() else []
        if any(json.loads(line)["cause"] == cause for line in told):
            return False
        message = json.dumps({"cause": cause, "title": title, "body": body})
        with log.open("a") as lines:
            lines.write(message + "\n")
        if url := os.environ.get("DAYBOOK_WEBHOOK_URL"):
            self._post(url, message)
        return True

    def _post(self, url: str, message: str) -> None:
        request = urllib.request.Request(url, message.encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10):
            pass
