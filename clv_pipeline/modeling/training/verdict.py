"""Verdict on the champions in words: are they better than the rules, is the total right, may one spend money on them?

Each statement has its figures; the facts are measured on the test window, which nobody learned from.
"""

from collections.abc import Sequence

import numpy as np

from clv_pipeline.core.settings import Settings
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.data.dataset import target_names
from clv_pipeline.modeling.training import records
from clv_pipeline.modeling.training.lab import Lab
from clv_pipeline.modeling.training.published_quality import judge, windows_by
from clv_pipeline.warehouse.connection import Connection

#: Fewer buyers than this in the test window say little about any model.
_BUYERS_NEEDED = 100
#: A total whose 90 % interval reaches further than this factor is too uncertain for a budget.
_SURE_FACTOR = 1.5
_OF_RULES = ("zero", "mean")


def verdict_rows(connection: Connection, lab: Lab, settings: Settings) -> list[dict[str, object]]:
    """Return the rows of row_kind `verdict`: value 1 for yes, 0 for no, and the statement."""
    assert lab.plan.test is not None
    cutoff, days = lab.plan.test.validation, lab.plan.horizon_days
    judged = judge(lab, windows_by(connection, lab), cutoff)
    test, low, high = judged.window, judged.low, judged.high
    name = records.champions(connection, days)["spend"]
    rules = {
        choice.candidate.name: records.read_predictions(connection, days, choice.candidate.name, "spend", cutoff)[
            "predicted"
        ]
        for choice in records.read_choices(connection, days, "spend")
        if choice.candidate.is_baseline and choice.candidate.name not in _OF_RULES
    }
    draws = metrics.bootstrap_draws(len(test.spend), settings.bootstrap_samples, settings.seed)
    better, said = _better_than_rules(name, test.spend, test.expected, rules, draws)
    right, total = _total(float(test.spend.sum()), float(test.expected.sum()), low, high)
    sure, spending = _sure_enough(
        better, right, int((test.spend > 0).sum()), float(np.sqrt(high / low)) if low > 0 else np.inf
    )
    statements = {
        "better_than_rules": (better, said),
        "total_inside_its_interval": (right, total),
        "sure_enough_to_spend_money": (sure, spending),
        "wape_below_predicting_zero": _wape(test.spend, test.expected),
    }
    spend_target, _ = target_names(days)
    common: tuple[records.RowKind, int, str, str, bool, bool] = ("verdict", days, spend_target, name, False, True)
    found = []
    for metric, (yes, statement) in statements.items():
        estimates = {metric: metrics.Estimate(float(yes), np.nan, np.nan)}
        found += records.quality_rows(common, cutoff, len(test.spend), estimates, statement)
    return found


def _better_than_rules(
    name: str,
    actual: metrics.Array,
    predicted: metrics.Array,
    rules: dict[str, metrics.Array],
    draws: Sequence[np.ndarray],
) -> tuple[bool, str]:
    if actual.sum() <= 0:
        return False, "nobody bought in the test window: nothing can be compared"
    parts, beaten = [], []
    for rule, other in rules.items():
        lead = metrics.difference(metrics.normalised_gini, actual, predicted, other, draws)
        beaten.append(lead.low > 0)
        parts.append(f"{rule} by {lead.value:+.3f} [{lead.low:+.3f}, {lead.high:+.3f}]")
    gini = metrics.normalised_gini(actual, predicted)
    what = (
        "orders the customers better than every fixed rule"
        if all(beaten)
        else "is not surely better than the fixed rules"
    )
    return all(beaten), f"{name} {what}: normalised Gini {gini:.3f}, ahead of {', '.join(parts)}"


def _total(actual: float, predicted: float, low: float, high: float) -> tuple[bool, str]:
    inside = low <= actual <= high
    off = f"off by {predicted / actual - 1:+.1%}" if actual > 0 else "with nothing sold"
    return inside, (
        f"the total of the test window was predicted as {predicted:,.2f} and came to {actual:,.2f}, {off}, "
        f"{'inside' if inside else 'outside'} its 90 % interval of {low:,.2f} to {high:,.2f}"
    )


def _sure_enough(better: bool, right: bool, buyers: int, factor: float) -> tuple[bool, str]:
    doubts = []
    if not better:
        doubts.append("the order of the customers is not surely better than a fixed rule's")
    if not right:
        doubts.append("the last total was outside its interval")
    if buyers < _BUYERS_NEEDED:
        doubts.append(f"only {buyers} customers bought in the test window, {_BUYERS_NEEDED} are needed")
    if factor > _SURE_FACTOR:
        doubts.append(f"the total may be off by a factor of {factor:.2f}")
    if not doubts:
        return True, "sure enough to spend money on: rank customers and plan budgets by it, within the interval"
    return False, f"not sure enough to spend money on without a test: {'; '.join(doubts)}"


def _wape(actual: metrics.Array, predicted: metrics.Array) -> tuple[bool, str]:
    wape, nothing = metrics.wape(actual, predicted), float((actual <= 0).mean())
    return bool(wape < 1), (
        f"WAPE is {wape:.2f}, that of predicting zero for everybody is 1.00: the comparison misleads, for {nothing:.0%} of the "
        "customers bought nothing, so that zero is often exactly right for one customer, and wrong by the whole total for all"
    )
