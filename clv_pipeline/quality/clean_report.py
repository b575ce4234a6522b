"""The result of cleaning one table: dispositions of its rows, results of its rules, and what a user is told of them."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from clv_pipeline.contracts.reasons import DELIVERED_TWICE, REASONS, Disposition
from clv_pipeline.core.errors import QualityError
from clv_pipeline.quality.expectations import RuleResult
from clv_pipeline.quality.guilty_segments import GuiltySegment
from clv_pipeline.quality.plausibility import CHECKS
from clv_pipeline.sources.remarks import Remark

#: Codes of the reasons that a run warns of.
WARNED_OF = {reason.code for reason in REASONS.values() if reason.warn}


@dataclass(frozen=True)
class DispositionCount:
    """Number of rows, and their source money, that have one disposition for one reason (empty if accepted)."""

    disposition: Disposition
    reason_code: str
    reason: str
    rows: int
    money: Decimal | None

    def plus(self, other: "DispositionCount") -> "DispositionCount":
        """Return this count with more rows and money of the same reason."""
        return replace(
            self, rows=self.rows + other.rows, money=(self.money or Decimal(0)) + (other.money or Decimal(0))
        )


@dataclass(frozen=True)
class CleanReport:
    """Result of cleaning one table: its rows, the dispositions of the raw rows, each rule's result, and the failures.

    `remarks` are about readable rows that are unusual; `known` holds the ones that a published night already had. `guilty` has
    the segment behind the rows of a reason, by its code.
    """

    table: str
    rows: int
    raw_rows: int
    dispositions: list[DispositionCount]
    rules: list[RuleResult]
    reconciliation_failures: list[str]
    remarks: list[Remark] = field(default_factory=list)
    known: frozenset[Remark] = frozenset()
    guilty: dict[str, GuiltySegment] = field(default_factory=dict)

    @property
    def failures(self) -> list[str]:
        return [r.describe(self.table) for r in self.rules if not r.passed] + self.reconciliation_failures

    @property
    def reasons_to_explain(self) -> dict[str, int]:
        """Return reason code -> rows, of the reasons that tonight fails for or warns of and no published night did."""
        name = self.table.removeprefix("clean.")
        known = {r.subject for r in self.known}
        notable = {r.subject for r in self.remarks if r not in self.known and r.check == "dispositions"}
        return {
            d.reason_code: d.rows
            for d in self.dispositions
            if (d.disposition == "quarantined" and self.failures)
            or f"{name} {d.reason_code}" in notable
            or (d.reason_code in WARNED_OF and f"{name} {d.reason_code}" not in known)
            or (d.reason_code == DELIVERED_TWICE.code and self._warns_of("days_loaded_twice"))
        }

    def _warns_of(self, check: str) -> bool:
        return any(r.check == check for r in self.remarks if r not in self.known)

    @property
    def warnings(self) -> list[str]:
        return self.row_warnings + [remark.text for remarks in self.unusual.values() for remark in remarks]

    @property
    def row_warnings(self) -> list[str]:
        """What was not accepted, or not profiled."""
        rejected = [
            self._with_segment(d.reason_code, f"{rows_and_money(d)}: {d.reason}")
            for d in self.dispositions
            if d.reason_code in WARNED_OF
        ]
        return rejected + [self._text_of(r) for r in self.remarks if r not in self.known and r.check not in CHECKS]

    @property
    def unusual(self) -> dict[str, list[Remark]]:
        """Plausibility check -> what it warns of."""
        new = [replace(r, text=self._text_of(r)) for r in self.remarks if r not in self.known]
        return {check: found for check in CHECKS if (found := [r for r in new if r.check == check])}

    def _text_of(self, remark: Remark) -> str:
        """Return what a remark says, with the guilty segment of the rows that it is about; each is named once."""
        if remark.check == "days_loaded_twice":
            return self._with_segment(DELIVERED_TWICE.code, remark.text)
        code = remark.subject.removeprefix(f"{self.table.removeprefix('clean.')} ")
        return self._with_segment("" if code in WARNED_OF else code, remark.text)

    def _with_segment(self, reason_code: str, text: str) -> str:
        return f"{text}. {self.guilty[reason_code].text}" if reason_code in self.guilty else text

    def rows_with(self, disposition: Disposition) -> int:
        return sum(d.rows for d in self.dispositions if d.disposition == disposition)

    @property
    def has_money(self) -> bool:
        return any(d.money is not None for d in self.dispositions)

    def money_with(self, disposition: Disposition) -> Decimal:
        """Return the money of the rows with a disposition, in source currency."""
        return sum((d.money or Decimal(0) for d in self.dispositions if d.disposition == disposition), Decimal(0))


class CleanTableRejected(QualityError):
    """The new table broke a blocking rule and was rolled back; `report` has the details."""

    def __init__(self, report: CleanReport) -> None:
        name = report.table.removeprefix("clean.")
        super().__init__(
            f"{report.table} was not replaced: "
            + "; ".join([*report.failures[:5], *(segment.text for segment in report.guilty.values())]),
            next_step=f"look at clean.quarantine where table_name = '{name}', which holds tonight's rejected rows, and at the "
            "source; yesterday's table and bundle are unchanged.",
        )
        self.report = report
        self.guilty = [{"check": code, **segment.fields()} for code, segment in report.guilty.items()]


def rows_and_money(counted: DispositionCount) -> str:
    """Return rows, and money where the table has any, for people."""
    return f"{counted.rows} rows" + ("" if counted.money is None else f" ({counted.money:,.2f})")
