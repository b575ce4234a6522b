"""What the mapping of columns has in common: where it looks, and what it has found so far."""

from dataclasses import dataclass, field

from clv_pipeline.onboarding.catalogue import Catalogue, Table
from clv_pipeline.onboarding.columns import Guess
from clv_pipeline.onboarding.conversion import Conversion
from clv_pipeline.onboarding.joins import References
from clv_pipeline.onboarding.roles import OrderModel
from clv_pipeline.onboarding.statements import Join


@dataclass
class Fields:
    """What is mapped so far: guesses by contract column, the joins they need, and what only people can say."""

    guesses: dict[str, Guess] = field(default_factory=dict)
    joins: list[Join] = field(default_factory=list)
    native: set[str] = field(default_factory=set)
    questions: list[str] = field(default_factory=list)
    order_key: str = ""
    guests: float = 0.0
    status_values: dict[str, int] = field(default_factory=dict)
    conversion: Conversion | None = None
    #: the condition that a row of the customers is an account, where guests are rows as well
    is_account: str = ""

    def join(self, alias: str, table: Table, on: str) -> None:
        """Join a table once."""
        if alias not in {j.alias for j in self.joins}:
            self.joins.append(Join(alias, on, table))


@dataclass(frozen=True)
class Place:
    """Where the columns are looked for: the tables of orders with their aliases."""

    catalogue: Catalogue
    references: References
    model: OrderModel
    is_utc: bool

    @property
    def order_alias(self) -> str:
        return "o" if self.model.header else "l"
