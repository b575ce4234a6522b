"""Asset checks: results of the data checks in the form Dagster shows. Measures and limits are defined in other packages."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import dagster as dg

from clv_pipeline.core.errors import PublishError
from clv_pipeline.core.project_files import RUNBOOK
from clv_pipeline.modeling.training.champion_rule import CHAMPION_STAYS
from clv_pipeline.orchestration.sql_assets import asset_key
from clv_pipeline.quality import night_checks, plausibility
from clv_pipeline.quality.clean_report import CleanReport
from clv_pipeline.quality.night_checks import CheckResult, NightRejected
from clv_pipeline.quality.outcome_checks import PAST_TOTALS
from clv_pipeline.quality.score_checks import RANKING
from clv_pipeline.sources.extraction import ExtractedTable
from clv_pipeline.warehouse.sql_models import SqlModel

CONTRACT_CHECK = "contract"
CLEAN_CHECKS = ("expectations", "reconciliation", "quarantine")
#: Section of the runbook about the checks of `plausibility.py`.
PLAUSIBILITY_ANCHOR = "warnings-about-the-source-that-need-no-earlier-night"
AUDIT = "audit"
CHALLENGER = "challenger"


#: What each check compares, for the Dagster UI.
DESCRIPTIONS = {
    CONTRACT_CHECK: "The source returns the columns of the contract and values that are readable in their types.",
    "expectations": "Every Great Expectations rule of the table holds: keys, ranges, formats, counts.",
    "reconciliation": "Rows and order money at the source = accepted + duplicate + superseded + excluded + quarantined.",
    "quarantine": "No rows are quarantined for a reason that points to a problem at the source.",
    night_checks.ORDER_VOLUME: "Orders of the last complete day compared with that weekday's median in the eight weeks before.",
    night_checks.GUEST_ORDERS: "Share of the last day's orders with a customer, compared with the same eight weeks.",
    night_checks.TABLE_VOLUME: "Rows of each source table compared with the last published night.",
    night_checks.FRESHNESS: "Age of the newest order compared with the setting max_stale_days.",
    night_checks.ORDER_VALUE: "Median order value compared with the weeks before and with the last published night.",
    night_checks.OUTLIER_ORDER: "The largest order of the last year compared with the 99th percentile of its orders.",
    night_checks.PAST_MONTHS: "Orders and money of past months, compared with the source's earlier figures.",
    night_checks.CONSENT: "No refusal of profiling was lost since the last published night; on a first night few are unclear.",
    night_checks.UNKNOWN_CUSTOMERS: "Share of buyers without a CRM record, compared with the last published night.",
    night_checks.CUSTOMER_KEYS: "The customers of the last published night are still there under their numbers.",
    night_checks.DISPOSITIONS: "Share of order lines that are duplicate or superseded.",
    night_checks.ORDER_TIMES: "Time of day of the orders, compared with the weeks before and with the last published night.",
    night_checks.CURRENCIES: "Share of the order lines by currency, compared with the last published night.",
    night_checks.LAST_DAY: "Hours, amounts and prices of the last complete day, compared with the weeks and the year before.",
    night_checks.PLAUSIBILITY: "On a first night: share of the last year's money that is wrong if what is unusual is an error.",
    night_checks.PREDICTED_TOTAL: "The predicted total compared with sales of as many days before, and with like-for-like sales.",
    RANKING: "Whether any model ordered the customers of the tuning folds better than chance.",
    PAST_TOTALS: "Whether two past totals in a row came out outside the interval that was published with them.",
    night_checks.SEGMENT_CHANGES: "Share of the customers in another segment than in the previous run.",
    CHALLENGER: "Whether the retrained model replaced the champion, with the figures of both.",
    **plausibility.CHECKS,
    AUDIT: "The new bundle has unique keys, valid ranges, its required values, and a score for every eligible customer.",
}


def specs(asset: str, *names: str, blocking: bool = True) -> list[dg.AssetCheckSpec]:
    """Return the specs of the checks that an asset yields; if a blocking one fails, nothing downstream runs.

    >>> [(spec.name, spec.blocking) for spec in specs("raw.orders", CONTRACT_CHECK, blocking=False)]
    [('contract', False)]
    """
    return [
        dg.AssetCheckSpec(name, asset=asset_key(asset), blocking=blocking, description=DESCRIPTIONS[name])
        for name in names
    ]


def of_extracted_table(table: ExtractedTable) -> dg.AssetCheckResult:
    """Warn of deviations from the source contract: unknown columns, unreadable values."""
    return dg.AssetCheckResult(
        asset_key=["raw", table.name],
        check_name=CONTRACT_CHECK,
        passed=not table.warnings,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"warnings": "; ".join(table.warnings)},
    )


def of_clean_table(model: SqlModel, report: CleanReport) -> Iterable[dg.AssetCheckResult]:
    """Yield the outcome of the expectation suite and of the reconciliation of one clean table, and details to look at."""
    broken = [r for r in report.rules if not r.passed]
    # of the reason with the most rows: the sentences have all of them
    segment = next(iter(report.guilty.values()), None)
    guilty = {"guilty segment": dg.MetadataValue.json(segment.fields())} if segment else {}
    yield dg.AssetCheckResult(
        asset_key=asset_key(model.table),
        check_name="expectations",
        passed=not broken,
        metadata={
            "expectations": len(report.rules),
            "broken": len(broken),
            "rules": _rules_table(report),
            **({"what broke": "; ".join(r.describe(report.table) for r in broken)} if broken else {}),
        },
    )
    yield dg.AssetCheckResult(
        asset_key=asset_key(model.table),
        check_name="reconciliation",
        passed=not report.reconciliation_failures,
        metadata={
            "rows at the source": report.raw_rows,
            "rows accepted": report.rows_with("accepted"),
            "rows duplicate": report.rows_with("duplicate"),
            "rows superseded": report.rows_with("superseded"),
            "rows excluded": report.rows_with("excluded"),
            "rows quarantined": report.rows_with("quarantined"),
            "dispositions": dispositions_table(report),
            **({"what broke": "; ".join(report.reconciliation_failures)} if report.reconciliation_failures else {}),
            **(guilty if report.reconciliation_failures else {}),
        },
    )
    yield dg.AssetCheckResult(
        asset_key=asset_key(model.table),
        check_name="quarantine",
        passed=not report.row_warnings,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"warnings": "; ".join(report.row_warnings), **guilty},
    )
    if model.name == "orders":
        for name in plausibility.CHECKS:
            found = [remark.text for remark in report.unusual.get(name, [])]
            yield dg.AssetCheckResult(
                asset_key=asset_key(model.table),
                check_name=name,
                passed=not found,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"warnings": "; ".join(found), "what to do": f"{RUNBOOK}#{PLAUSIBILITY_ANCHOR}"},
            )


def of_judgements(asset: str, judgements: Iterable[CheckResult]) -> Iterable[dg.AssetCheckResult]:
    """Yield the outcome of the nightly checks; one that does not block is a warning."""
    for judged in judgements:
        yield dg.AssetCheckResult(
            asset_key=asset_key(asset),
            check_name=judged.check,
            passed=judged.verdict == "passed",
            severity=dg.AssetCheckSeverity.ERROR if judged.verdict == "blocks" else dg.AssetCheckSeverity.WARN,
            metadata={
                "value": judged.value,
                "limit": judged.limit,
                "baseline": judged.baseline,
                "message": judged.says,
                "what to do": f"{RUNBOOK}#{judged.check}",
                "acknowledged for this run": judged.is_acknowledged,
                **({"details": list(judged.details)} if judged.details else {}),
                **({"guilty segment": dg.MetadataValue.json(judged.guilty.fields())} if judged.guilty else {}),
            },
        )


def materialized_and_judged(
    asset: str, judge: Callable[[], tuple[dict[str, Any], list[CheckResult]]], *, several: bool = False
) -> Iterable[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Yield the materialization of an asset and its checks, as `judge` returns them; if one blocks, only the checks.

    several: the metadata are those of several assets of one layer, by name.

    Raises:
        NightRejected: a check blocks, after its outcome was yielded.
    """
    try:
        metadata, judged = judge()
    except NightRejected as error:
        yield from of_judgements(asset, error.judgements)
        raise
    layer = asset.split(".")[0]
    for name, shown in metadata.items() if several else ((asset.split(".")[1], metadata),):
        yield dg.MaterializeResult(asset_key=[layer, name], metadata=shown)
    yield from of_judgements(asset, judged)


def of_audit(error: PublishError | None, rows: Mapping[str, int]) -> dg.AssetCheckResult:
    """Return whether the new bundle passed its audit, and the violations if it did not."""
    return dg.AssetCheckResult(
        asset_key=asset_key("published.bundle"),
        check_name=AUDIT,
        passed=error is None,
        metadata={"what broke": error.what, "what to do": error.advice} if error else {"rows": dict(rows)},
    )


def of_champion(verdicts: dict[str, str]) -> dg.AssetCheckResult:
    """Warn if the retrained model did not replace the champion; each verdict has the figures of both."""
    kept = {target: reason for target, reason in verdicts.items() if reason.startswith(CHAMPION_STAYS)}
    return dg.AssetCheckResult(
        asset_key=asset_key("training.champion"),
        check_name=CHALLENGER,
        passed=not kept,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"message": verdicts or "no model was trained tonight", "what to do": f"{RUNBOOK}#{CHALLENGER}"},
    )


def dispositions_table(report: CleanReport) -> dg.MetadataValue:
    """Return rows and money by disposition and reason as a table."""
    records = [
        dg.TableRecord({"disposition": d.disposition, "reason": d.reason, "rows": d.rows, "money": str(d.money or "")})
        for d in report.dispositions
    ]
    return dg.MetadataValue.table(records, _schema("disposition", "reason", "rows", "money"))


def _rules_table(report: CleanReport) -> dg.MetadataValue:
    records = [
        dg.TableRecord(
            {"column": r.column, "rule": r.rule, "checked": r.checked, "unexpected": r.unexpected,
             "examples": ", ".join(r.examples)}
        )
        for r in report.rules
    ]  # fmt: skip
    return dg.MetadataValue.table(records, _schema("column", "rule", "checked", "unexpected", "examples"))


def _schema(*columns: str) -> dg.TableSchema:
    kinds = {"rows": "int", "checked": "int", "unexpected": "int"}
    return dg.TableSchema([dg.TableColumn(c, kinds.get(c, "string")) for c in columns])
