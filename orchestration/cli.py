"""The ``daybook`` command.

Belongs here: the list of commands, and how an error becomes one line and an exit code. Does not belong here: what a
command does (orchestration.commands, one file each).

Exit codes: 0 done; 1 failed or refused; 2 usage; 3 computed but not closable, or rows quarantined by this command.
"""

import os
import sys

import typer

from orchestration.commands import (
    backfill,
    backtest,
    breaks,
    changes,
    close,
    duties,
    eod,
    explain,
    identify,
    impact,
    ingest,
    limits,
    morning,
    orders,
    override,
    post,
    quarantine,
    rebuild,
    requests,
    restate,
    services,
    show,
    status,
    waive,
    what_if,
)
from orchestration.console import FAILED, USAGE, Misused, Refused, complain

# typer carries a click of its own, whose error of usage has no public name but this.
UsageError = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="daybook",
    help="Close an investment firm's books every business day.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("eod")(eod.eod)
app.command("backfill")(backfill.backfill)
app.command("status")(status.status)
app.command("morning")(morning.morning)
app.command("ui")(services.ui)
app.command("stop")(services.stop)
app.command("doctor")(services.doctor)
app.command("ingest")(ingest.ingest)
app.command("impact")(impact.impact)
app.command("show")(show.show)
app.command("explain")(explain.explain)
app.command("backtest")(backtest.backtest)
app.command("what-if")(what_if.what_if)
app.command("rebuild")(rebuild.rebuild)
app.command("identify")(identify.identify)
app.command("close")(close.close)
app.command("changes")(changes.changes)
app.command("restate")(restate.restate)
app.command("rerun")(changes.rerun)
app.command("duties")(duties.duties)
app.command("post")(post.post)
app.command("cancel")(post.cancel)
app.command("elect")(post.elect)
app.command("requests")(requests.listing)
app.command("waive")(waive.waive)
app.command("approve")(requests.approve)
app.command("reject")(requests.reject)
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(breaks.app, name="breaks")
app.add_typer(orders.app, name="orders")
app.add_typer(limits.app, name="limits")
app.add_typer(override.app, name="override")


def main() -> None:
    """Run the command line; errors go to standard error in one line: what, where, what to do."""
    for word in (*sys.argv[1:], os.environ.get("DAYBOOK_USER", "")):
        if not word.isprintable() and word != word.encode("utf-8", "replace").decode():
            sys.exit(_say(f"{os.fsencode(word)!r} is no text in UTF-8: write it again", USAGE))
    try:
        code = app(standalone_mode=False)
    except UsageError as error:
        code = _say(error.format_message(), USAGE)
    except typer.Exit as ended:
        code = ended.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = _say("interrupted; nothing is half done, run the command again", FAILED)
    except Misused as error:
        code = _say(str(error), USAGE)
    except (Refused, ValueError, OSError) as error:
        if os.environ.get("DAYBOOK_TRACEBACK"):
            raise
        code = _say(str(error), FAILED)
    sys.exit(code or 0)


def _say(message: str, code: int) -> int:
    complain(message)
    return code
