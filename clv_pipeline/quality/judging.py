"""Run tonight's data checks: measure, compare with the published nights, record the outcome and acknowledgements.

Measures are in `night_measures.py`, limits in `night_checks.py` and `score_checks.py`; this module runs the steps in order.
"""

from collections.abc import Iterable, Sequence

from clv_pipeline.core.settings import Settings
from clv_pipeline.quality.guilt import name_guilty
from clv_pipeline.quality.night_checks import FRESHNESS, CheckResult, judge_night, settle
from clv_pipeline.quality.night_measures import (
    good_nights_before,
    measure,
    months_of_orders,
    note,
    note_acknowledged,
    note_stale,
)
from clv_pipeline.quality.source_checks import judge_source
from clv_pipeline.quality.source_measures import figures_to_note, measure_source
from clv_pipeline.warehouse.connection import Connection, one_row


def judge_tonight(connection: Connection, settings: Settings, acknowledged: Iterable[str]) -> list[CheckResult]:
    """Write tonight's measures to `quality.night`, and return the outcomes of the data checks.

    Raises:
        NightRejected: a check blocks and was not acknowledged.
    """
    as_of, source = one_row(connection, "select as_of, source_name from raw.extraction")
    not_revenue = settings.order_status.not_revenue if settings.order_status else []
    night = measure(connection, as_of, settings.time_zone, not_revenue)
    before = good_nights_before(connection, source, as_of)
    asked = tuple(acknowledged)
    source_figures = measure_source(connection, as_of, settings.time_zone, before[-1].figures if before else {})
    months = months_of_orders(connection, as_of, settings.time_zone)
    note(connection, night, months, figures_to_note(source_figures.figures), asked)
    # only the months up to then: later rows are not a change of the past
    then = months_of_orders(connection, before[-1].as_of, settings.time_zone) if before else {}
    judged = [*judge_night(night, before, then, settings), *judge_source(source_figures)]
    judged = name_guilty(connection, judged, night, before, settings)
    judged = raise_unacknowledged(connection, judged, asked)
    if any(j.check == FRESHNESS and j.verdict == "warns" for j in judged):
        note_stale(connection)
    return judged


def raise_unacknowledged(
    connection: Connection, judgements: Sequence[CheckResult], acknowledged: Iterable[str]
) -> list[CheckResult]:
    """Return the judgements with the acknowledged ones as warnings, and mark the night as an incident for those.

    Raises:
        NightRejected: a check blocks and was not acknowledged.
    """
    settled = settle(judgements, acknowledged)
    note_acknowledged(connection, [j.check for j in settled if j.is_acknowledged])
    return settled
