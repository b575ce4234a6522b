"""The model card of a bundle: the figures of its own tables. The page is `model_card.py`, the report `bundle_report.py`."""

from itertools import groupby

from clv_pipeline.reporting import formats, labels
from clv_pipeline.reporting.bundle_shape import is_as_declared
from clv_pipeline.reporting.model_card import CardWindow, model_card, statements
from clv_pipeline.reporting.quality_tables import judged_models
from clv_pipeline.warehouse.connection import Connection, records

_QUALITY = """
select *, interval_low as low, interval_high as high from model_quality
where basis <> 'extended'
order by horizon_days, row_kind, target, candidate, metric
"""


def of_bundle(connection: Connection) -> str:
    """Return the text of model_card.md."""
    (run,) = records(connection, "select * from clv_run")
    if not is_as_declared(connection, "clv_run", "model_quality"):
        older = "This bundle was made by an older release; the quality of its model is in its table model_quality."
        return model_card(
            str(run["source_name"]), str(run["currency"]), [], [f"Version {run['model_version']}."], older
        )
    windows = []
    for days, group in groupby(records(connection, _QUALITY), key=lambda row: int(row["learned_days"])):
        rows = list(group)
        name = labels.window(days, formats.day(rows[0]["test_window_start_date"]))
        windows.append(CardWindow(name, judged_models(rows), statements(rows)))
    notes = [
        f"Version {run['model_version']}, scores as of {formats.day(run['as_of_date'])}; they are {labels.basis(run['basis'])}.",
        f"Order of the customers: {labels.ranking(run['ranking'])}.",
        f"Seasonal adjustment of the predicted total: {formats.season(run['season_factor'])}.",
        "The fixed rules and all other models are in the table model_quality.",
    ]
    without = f"The order history is too short to test a model: the predictions are {labels.basis(run['basis'])}."
    return model_card(str(run["source_name"]), str(run["currency"]), windows, notes, without)
