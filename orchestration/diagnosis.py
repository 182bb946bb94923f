"""What is well and what is not with an installation.

Belongs here: looking. Does not belong here: repairing.
"""

import shutil
import sys
from collections.abc import Callable
from importlib.metadata import version

from orchestration import services
from resources.settings import Settings

Finding = tuple[str, str, str]


def diagnose(settings: Settings) -> list[Finding]:
    """One (part, yes or no, what was found) per part of the installation; no secret is in it."""
    parts: list[tuple[str, Callable[[Settings], str]]] = [
        ("python", _python),
        ("packages", _packages),
        ("home", _home),
        ("postgres", _postgres),
        ("lake", _lake),
        ("vendors", _vendors),
        ("stress", _stress),
    ]
    found = [_look(part, look, settings) for part, look in parts]
    alive = services.running(settings)
    return [*found, ("processes", "yes", ", ".join(f"{name} {'up' if up else 'down'}" for name, up in alive.items()))]


def _look(part: str, look: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return part, "yes", look(settings)
    except Exception as error:
        # Whatever is wrong is what doctor is for; the type is enough where the text might hold a URL with a password.
        return part, "no", f"{type(error).__name__}: {_safe(str(error), settings)}"


def _safe(text: str, settings: Settings) -> str:
    url = settings.postgres_url
    return (text.replace(url, "DAYBOOK_POSTGRES_URL") if url else text).splitlines()[0][:200] if text else ""


def _python(settings: Settings) -> str:
    return sys.version.split()[0]


def _packages(settings: Settings) -> str:
    return ", ".join(f"{name} {version(name)}" for name in ("dagster", "pandas", "deltalake", "riskfolio-lib"))


def _home(settings: Settings) -> str:
    free = shutil.disk_usage(settings.home).free / 2**30
    if free < 1:
        raise RuntimeError(f"{settings.home} has {free:.1f} GiB free: at least 1 is needed")
    return f"{settings.home}, {free:.0f} GiB free"


def _postgres(settings: Settings) -> str:
    import sqlalchemy as sa

    from resources import records

    with records.engine(settings).connect() as connection:
        return str(connection.execute(sa.text("show server_version")).scalar())


def _lake(settings: Settings) -> str:
    from daybook.tables import TABLES
    from resources.lake import Lake

    lake = Lake(settings.lake_uri)
    there = [name for name in TABLES if lake.version(name) is not None]
    return f"{settings.lake_uri}: {len(there)} tables"


def _vendors(settings: Settings) -> str:
    from resources.vendors import vendors

    vendors(settings)
    return ", ".join(settings.vendors)


def _stress(settings: Settings) -> str:
    from resources import stress_scenarios

    path = settings.stress or stress_scenarios.PACKAGED
    declared = stress_scenarios.read(path)
    if declared.problems:
        raise ValueError("; ".join(declared.problems))
    return f"{path}: {len(declared.scenarios)} scenarios"
