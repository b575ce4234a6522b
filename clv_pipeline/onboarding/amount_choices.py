"""Which of two or three formulas makes the amount, where data does not show it: with their totals by year, for a person."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
import sqlglot

from clv_pipeline.core.errors import SourceError
from clv_pipeline.onboarding.amounts import Amount, by_names
from clv_pipeline.onboarding.catalogue import Catalogue, ad_hoc
from clv_pipeline.onboarding.drafts import Draft, recount
from clv_pipeline.onboarding.money import MoneyData
from clv_pipeline.onboarding.orders import with_amount
from clv_pipeline.onboarding.statements import write

#: Formulas that are offered; sums that differ by less than this share of the first are the same answer.
_MOST, _SAME = 3, 0.001


@dataclass(frozen=True)
class AmountChoice:
    """A formula in words, its money by year and status at the source, and the draft that has it."""

    words: str
    money: dict[tuple[str, str], float]
    draft: Draft

    def by_year(self, statuses: Collection[str]) -> dict[str, float]:
        """Return the money by year of some statuses, of all if none is named."""
        found: dict[str, float] = {}
        for (year, status), money in self.money.items():
            if not statuses or status in statuses:
                found[year] = found.get(year, 0.0) + money
        return found


def amount_choices(catalogue: Catalogue, draft: Draft) -> list[AmountChoice]:
    """Return the likeliest formulas, the guess first; nothing where the amount is certain or nothing else is likely."""
    amount = draft.orders.amount
    if draft.refused or (amount.confidence == "high" and not amount.questions):
        return []
    data = draft.orders.data
    taken: list[Amount] = []
    sums: list[float] = []
    for candidate in _candidates(amount, data):
        total = float(np.sum(candidate.values(data)))
        if all(abs(total - other) > _SAME * max(abs(sums[0]), 1.0) for other in sums):
            taken.append(candidate)
            sums.append(total)
    choices = []
    for candidate in taken[:_MOST] if len(taken) > 1 else []:
        own = _with(catalogue, draft, candidate)
        if own.refused:
            continue
        choices.append(AmountChoice(_words(candidate), _money(catalogue, own), own))
    return choices


def _candidates(amount: Amount, data: MoneyData) -> Iterator[Amount]:
    """Yield the guess, the guess without what it takes off by a question, and what else the names allow."""
    yield amount
    yield from (
        replace(amount, minus=[]),
        replace(amount, order_tax=None, taxed_shipping=None, tax_rate=None, line_tax=None),
        replace(amount, order_discount=None),
    )
    # units times a total is what names allow only by mistake
    yield from (a for a in by_names(data, amount.cents) if a.formula.quantity is None or a.formula.base.kind == "price")


def _words(amount: Amount) -> str:
    return ", ".join([amount.formula.words, *_less(amount)])


def _less(amount: Amount) -> list[str]:
    less = [m.label for m in (amount.order_discount, amount.order_tax, amount.line_tax, *amount.minus) if m]
    found = [f"without {' and '.join(less)}"] if less else []
    return [*found, f"divided by {amount.tax_rate.label}"] if amount.tax_rate else found


def _with(catalogue: Catalogue, draft: Draft, amount: Amount) -> Draft:
    chosen = replace(amount, confidence="high", questions=[], reasons=[*_less(amount), "chosen by a person"])
    orders = with_amount(draft.orders, chosen)
    own = replace(draft, orders=orders, files=draft.files | {"orders.sql": write(orders.statement, catalogue.dialect)})
    recount(catalogue, own)
    return own


def _money(catalogue: Catalogue, draft: Draft) -> dict[tuple[str, str], float]:
    text = "\n".join(x for x in draft.files["orders.sql"].splitlines() if not x.strip().startswith("--"))
    status = "coalesce(cast(status as varchar(80)), '')" if "status" in draft.orders.statement.active() else "''"
    outer = f"select substr(cast(ordered_at as varchar(30)), 1, 4) || ' ' || {status} as sold_in, amount from placed as counted"
    written = sqlglot.transpile(outer, read="postgres", write=catalogue.dialect)[0]
    select = ad_hoc(written.replace("placed", f"({text})", 1), "orders")
    try:
        counts = catalogue.reader.count_by_value(select, "sold_in", "amount")
    except SourceError:
        return {}
    return {(key[:4], key[5:]): count.money or 0.0 for key, count in sorted(counts.items())}
