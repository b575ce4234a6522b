"""Asset checks: what the rooms measured, in the form Dagster shows. What is measured, and its limits, is theirs."""

from collections.abc import Iterable

import dagster as dg

from clv_pipeline.orchestration.sql_assets import asset_key
from clv_pipeline.quality.cleaning import CleanReport
from clv_pipeline.scoring import ScoringReport
from clv_pipeline.sources.extraction import ExtractedTable
from clv_pipeline.sql_models import SqlModel

CONTRACT_CHECK = "contract"
CLEAN_CHECKS = ("expectations", "reconciliation", "quarantine")
LEVEL_CHECK = "predicted_total"
#: Beyond these multiples of the trailing period a total is more likely a fault than a forecast.
_LEVEL_LIMITS = (0.5, 2.0)


def of_extracted_table(table: ExtractedTable) -> dg.AssetCheckResult:
    """Warn of what a source returned beside the contract: columns nobody asked for, values that could not be read."""
    return dg.AssetCheckResult(
        asset_key=["raw", table.name],
        check_name=CONTRACT_CHECK,
        passed=not table.warnings,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"warnings": "; ".join(table.warnings)},
    )


def of_clean_table(model: SqlModel, report: CleanReport) -> Iterable[dg.AssetCheckResult]:
    """Yield the outcome of the expectation suite and of the reconciliation of one clean table, and what to look at."""
    broken = [r for r in report.rules if not r.passed]
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
            "rows excluded": report.rows_with("excluded"),
            "rows quarantined": report.rows_with("quarantined"),
            "fates": fates_table(report),
            **({"what broke": "; ".join(report.reconciliation_failures)} if report.reconciliation_failures else {}),
        },
    )
    yield dg.AssetCheckResult(
        asset_key=asset_key(model.table),
        check_name="quarantine",
        passed=not report.warnings,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"warnings": "; ".join(report.warnings)},
    )


def of_level(report: ScoringReport) -> dg.AssetCheckResult:
    """Compare the predicted total with what the same number of days before brought in."""
    ratio = report.predicted_total / report.trailing_total if report.trailing_total > 0 else None
    return dg.AssetCheckResult(
        asset_key=["scores", "customer_scores"],
        check_name=LEVEL_CHECK,
        passed=ratio is None or _LEVEL_LIMITS[0] <= ratio <= _LEVEL_LIMITS[1],
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "predicted total": report.predicted_total,
            "trailing total": report.trailing_total,
            "limits": f"{_LEVEL_LIMITS[0]} to {_LEVEL_LIMITS[1]} times the trailing total",
        },
    )


def fates_table(report: CleanReport) -> dg.MetadataValue:
    """Return rows and money by fate and reason as a table."""
    records = [
        dg.TableRecord({"fate": d.fate, "reason": d.reason, "rows": d.rows, "money": str(d.money or "")})
        for d in report.dispositions
    ]
    return dg.MetadataValue.table(records, _schema("fate", "reason", "rows", "money"))


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
