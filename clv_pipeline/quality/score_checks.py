"""Checks of tonight's scores: an implausible total, customers who cannot be ranked, too many of them in another segment.

Pure functions on what `score_measures.py` and `publishing/history.py` measured. The checks on the data, and what an
acknowledgement is, are in `night_checks.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from clv_pipeline.core.settings import Settings
from clv_pipeline.quality.night_checks import PREDICTED_TOTAL, ROWS_NEEDED, SEGMENT_CHANGES, CheckResult, Outcome

RANKING = "ranking"


@dataclass(frozen=True)
class Totals:
    """The predicted total, sales of the same number of days before, and like-for-like sales (`score_measures.py`).

    `is_rough` is true if no model knows better: there is too little history for one, or customers cannot be ranked.
    """

    predicted: float
    trailing: float
    like_for_like: Mapping[str, float]
    is_rough: bool = False


def judge_predicted_total(totals: Totals, settings: Settings) -> CheckResult:
    """Compare the predicted total with the trailing one.

    After a peak, where a cohort dies out, or where most sales are to new customers, a proper forecast lies outside. If
    it is near any of the like-for-like sales, it is published with a warning; so is a fixed rule's total, and the total
    of customers who cannot be ranked: so few of them buy that these sales are themselves an accident.
    """
    low, high = settings.min_total_ratio, settings.max_total_ratio
    limit = f"{low:g} to {high:g} times the trailing total"
    baseline = f"{totals.trailing:,.2f}, the same number of days before"
    if totals.trailing <= 0:
        says = "nothing was sold in the days before as_of"
        return CheckResult(PREDICTED_TOTAL, "passed", totals.predicted, limit, baseline, says)
    ratio = totals.predicted / totals.trailing
    details = [f"{name} {value:,.2f}" for name, value in totals.like_for_like.items()]
    says = (
        f"scores.customer_scores: the predicted total is {totals.predicted:,.2f}, {ratio:.2f} times the trailing total of "
        f"{totals.trailing:,.2f}; limit {limit}; like-for-like sales: {', '.join(details) or 'nothing'}"
    )
    verdict: Outcome = "passed"
    if not low <= ratio <= high:
        is_near = any(low <= totals.predicted / value <= high for value in totals.like_for_like.values())
        verdict = "warns" if is_near or totals.is_rough else "blocks"
    return CheckResult(PREDICTED_TOTAL, verdict, totals.predicted, limit, baseline, says, tuple(details))


def judge_ranking(ranking: str) -> CheckResult:
    """Warn if the folds of the last training showed that customers cannot be ranked; the total is published all the same."""
    limit, baseline = "some model orders the customers of the tuning folds better than chance", "chance"
    if ranking != "not rankable":
        return CheckResult(RANKING, "passed", 1, limit, baseline, f"the customers are {ranking}")
    says = (
        "scores.customer_scores: the customers are not rankable: on the tuning folds no model's order of them is better than "
        "chance. Use the predicted total, which is the past mean, and not the order of the customers"
    )
    return CheckResult(RANKING, "warns", 0, limit, baseline, says)


@dataclass(frozen=True)
class SegmentMoves:
    """Customers whose segment differs from the previous run, and the causes, which may overlap.

    `is_redefined` is true if the definition of the segments is not that of the previous run.
    """

    previous: date | None
    customers: int
    moved: int
    causes: dict[str, int]
    is_redefined: bool = False


#: Between nights further apart than this, segments change because time has passed.
SEGMENTS_COMPARABLE_DAYS = 7


def judge_segment_changes(moves: SegmentMoves, as_of: date, settings: Settings) -> CheckResult:
    """Compare the share of customers in another segment than in the previous run with the limit."""
    limit = f"{settings.max_segment_changes:.0%} of the customers"
    if moves.previous is None or (as_of - moves.previous).days > SEGMENTS_COMPARABLE_DAYS or not moves.customers:
        says = f"no night of the last {SEGMENTS_COMPARABLE_DAYS} days to compare with"
        return CheckResult(SEGMENT_CHANGES, "passed", 0, limit, "none", says)
    if moves.is_redefined:
        says = (
            f"the definition of the segments changed since {moves.previous} (their SQL or settings): {moves.moved} of "
            f"{moves.customers} customers are in another segment, which is not compared"
        )
        return CheckResult(SEGMENT_CHANGES, "passed", moves.moved / moves.customers, limit, "another definition", says)
    share = moves.moved / moves.customers
    causes = ", ".join(f"{cause} {count}" for cause, count in moves.causes.items())
    says = (
        f"published.customer_clv.segment: {moves.moved} of {moves.customers} customers ({share:.1%}) are in another "
        f"segment than as of {moves.previous}; limit {limit}; by cause: {causes}"
    )
    is_too_much = share > settings.max_segment_changes and moves.customers >= ROWS_NEEDED
    return CheckResult(
        SEGMENT_CHANGES, "blocks" if is_too_much else "passed", share, limit, f"the night of {moves.previous}", says
    )
