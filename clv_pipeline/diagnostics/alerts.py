"""What `clv doctor`, `clv status` and `clv test-alert` say about alerts: whether anybody is told, and whether it arrives."""

from collections.abc import Iterator
from uuid import uuid4

from clv_pipeline.alerts.delivery import deliver, ways_out
from clv_pipeline.alerts.message import Alert, Event
from clv_pipeline.alerts.outbox import read
from clv_pipeline.core import clock
from clv_pipeline.core.commands import pasteable
from clv_pipeline.core.home import Home
from clv_pipeline.core.home_state import full_place_of
from clv_pipeline.core.settings import Settings
from clv_pipeline.diagnostics.findings import Finding, warning

_SET_ONE = (
    "set CLV_ALERT_URL (a webhook, which gets JSON) or CLV_ALERT_COMMAND (which gets it on its standard input) in the "
    "environment of the nightly run; `clv test-alert` tries it."
)


def are_set(settings: Settings) -> Finding:
    """Return whether anybody is told of a red night. Nothing is sent."""
    ways = ways_out(settings)
    if not ways:
        return warning("alerts", "not set: nobody is told of a red night", _SET_ONE)
    return Finding(
        "alerts", True, f"{' and '.join(ways)}: told of each red night once; `clv test-alert` sends a message"
    )


def about_alerts(settings: Settings) -> Iterator[Finding]:
    """Yield how many messages have not arrived and why, where somebody is to be told."""
    ways = ways_out(settings)
    if not ways:
        return
    outbox = read(Home(settings.home))
    waiting = outbox.waiting if outbox else ()
    if not outbox or not waiting:
        yield Finding("alerts", True, f"{' and '.join(ways)}: every message has arrived")
        return
    reasons = {name: said.partition("\n") for name, said in outbox.refusals.items() if name in ways}
    why = "; ".join(f"{name}: {what}" for name, (what, _, _) in reasons.items())
    steps = " ".join(step for _, _, step in reasons.values())
    yield warning(
        "alerts",
        f"{len(waiting)} message{'s have' if len(waiting) > 1 else ' has'} not arrived{f' ({why})' if why else ''}",
        f"{steps} The next run and the next `clv status` send again.".strip(),
    )


def try_alerts(settings: Settings) -> Iterator[Finding]:
    """Send a test message every way that is set, and yield what came of each."""
    ways = ways_out(settings)
    if not ways:
        yield Finding("alerts", False, "neither CLV_ALERT_URL nor CLV_ALERT_COMMAND is set", _SET_ONE)
    now = clock.now().replace(microsecond=0)
    status = pasteable("clv status", full_place_of(settings))
    test = Alert(
        f"{settings.name}:test:{uuid4()}",
        Event.TEST,
        settings.name,
        "",
        None,
        now,
        (),
        None,
        None,
        (status,),
    )
    for name, send in ways.items():
        refusal = deliver(send, test.as_json())
        if refusal:
            yield Finding(name, False, refusal.what, refusal.next_step)
        else:
            yield Finding(name, True, "the test message was taken; look whether it has arrived where people read it")
