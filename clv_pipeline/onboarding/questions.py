"""What the data cannot tell, each as a question with the guess as its answer: asked at a terminal, else listed."""

from dataclasses import dataclass

from clv_pipeline.onboarding.drafts import Draft
from clv_pipeline.onboarding.places import Fact
from clv_pipeline.onboarding.shops import SHOPS
from clv_pipeline.sources.source_counts import DayCount

#: Words of revenue in known shops, for the default answer of one status; nothing is taken from it without a person.
_REVENUE = {status.lower() for shop in SHOPS for status in shop.revenue} | {
    "paid",
    "delivered",
    "fulfilled",
    "closed",
    "sent",
    "bezahlt",
}
_NOT_REVENUE = {status.lower() for shop in SHOPS for status in shop.not_revenue}


@dataclass(frozen=True)
class StatusQuestion:
    """Whether one status is revenue, with what is at stake; `default` None where its name says nothing."""

    status: str
    count: DayCount
    default: bool | None


def guessed(draft: Draft) -> list[str]:
    """Return what was guessed and may be wrong, one sentence each."""
    sentences = [
        f"time zone {draft.time_zone.value}: {draft.time_zone.reason}",
        f"currency {draft.currency.value}: {draft.currency.reason}",
        *draft.orders.questions,
    ]
    for name, guess in draft.orders.statement_guesses():
        if guess.confidence != "high" and guess.others:
            sentences.append(f"orders.{name} is {guess.sql}; it might be {', '.join(guess.others)}")
    if draft.orders.model.alternatives:
        sentences.append(
            f"orders are read from {draft.orders.model.orders.full_name}; "
            f"there is also {', '.join(draft.orders.model.alternatives)}"
        )
    return sentences


def undecided(draft: Draft) -> list[str]:
    """Return what is still to decide before figures can be believed."""
    found = []
    if draft.refused:
        found.append(f"orders.sql does not run: {draft.refused}")
    if draft.statuses and set(draft.statuses) - {""} and draft.order_status is None:
        found.append(
            "which statuses are revenue: source.toml lists them with counts and money; until then a run is refused"
        )
    if "customer_id" not in draft.orders.fields.guesses:
        found.append("which column says who bought: orders.sql has none")
    if "ordered_at" not in draft.orders.fields.guesses:
        found.append("which column says when an order was placed: orders.sql has none")
    if draft.orders.amount.confidence == "low":
        found.append("what the amount of a line is: look at the comment above it in orders.sql")
    found.append("gross_margin in source.toml: until it is set, margins stay empty")
    return found


def status_questions(draft: Draft) -> list[StatusQuestion]:
    """Return a question for each status, where nobody has decided them."""
    if draft.order_status is not None or not draft.statuses or set(draft.statuses) <= {""}:
        return []
    return [StatusQuestion(status, count, _default(status)) for status, count in draft.statuses.items()]


def _default(status: str) -> bool | None:
    word = status.lower()
    return True if word in _REVENUE else False if word in _NOT_REVENUE else None


def answered(draft: Draft, *, time_zone: str, currency: str, statuses: dict[str, bool]) -> None:
    """Take the answers of a person into the draft."""
    if time_zone != draft.time_zone.value:
        draft.time_zone = Fact(time_zone, "as answered")
    if currency != draft.currency.value:
        draft.currency = Fact(currency, "as answered")
    if statuses:
        draft.order_status = ([s for s, yes in statuses.items() if yes], [s for s, yes in statuses.items() if not yes])
