"""Feature rows from the warehouse as frames that models take. Features are defined in `sql/2_features`."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from clv_pipeline.features.families import KEYS, family_of, no_such_feature
from clv_pipeline.warehouse.connection import Connection, columns_of, one_row


@dataclass(frozen=True)
class FeatureColumns:
    """The features of a model, in order, by how they are encoded.

    constant: features with the same value for all customers, and that value; nan if all are missing.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    constant: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def names(self) -> list[str]:
        return [*self.numeric, *self.categorical]

    def has(self, name: str) -> bool:
        """Return whether customers differ in a feature.

        >>> columns = FeatureColumns(("recency_days",), (), {"web_sessions": 0.0})
        >>> columns.has("recency_days"), columns.has("web_sessions")
        (True, False)

        Raises:
            ConfigurationError: no SQL file has such a feature.
        """
        if name in self.numeric or name in self.categorical:
            return True
        if name not in self.constant:
            raise no_such_feature(name, [*self.names, *self.constant])
        return False

    def constant_of(self, name: str) -> float | None:
        """Return the value shared by all customers, or None if customers differ; see `has` for the error.

        >>> columns = FeatureColumns(("recency_days",), (), {"web_sessions": 0.0})
        >>> columns.constant_of("web_sessions"), columns.constant_of("recency_days")
        (0.0, None)
        """
        return None if self.has(name) else self.constant[name]

    def without(self, families: Collection[str]) -> "FeatureColumns":
        """Return the columns of the other families; those left out count as missing for all customers.

        >>> FeatureColumns(("recency_days", "web_sessions"), ()).without(["web"]).names
        ['recency_days']
        """
        numeric, categorical = (
            tuple(name for name in names if family_of(name) not in families)
            for names in (self.numeric, self.categorical)
        )
        left_out = {name: np.nan for name in self.names if family_of(name) in families}
        return FeatureColumns(numeric, categorical, {**self.constant, **left_out})


@dataclass(frozen=True)
class LabelledRows:
    """Rows of one horizon's training population: features and outcomes; all of equal length.

    `weight` is 1 for the newest cutoff and halves with every `half_life_days` before it: customers change.
    """

    features: pd.DataFrame
    customer_id: NDArray[np.object_]
    as_of: NDArray[np.datetime64]
    spend: NDArray[np.float64]
    purchase: NDArray[np.float64]
    purchase_days: NDArray[np.float64]
    half_life_days: int

    @property
    def weight(self) -> NDArray[np.float64]:
        """Sample weight of each row, above 0 and at most 1."""
        if not len(self):
            return np.ones(0)
        age = (self.as_of.max() - self.as_of) / np.timedelta64(1, "D")
        return np.asarray(0.5 ** (age / self.half_life_days), dtype=np.float64)

    def at(self, cutoffs: tuple[date, ...]) -> "LabelledRows":
        """Return the rows of some cutoffs."""
        return self.take(np.isin(self.as_of, np.array(cutoffs, dtype="datetime64[D]")))

    def of_customers(self, customers: NDArray[np.object_]) -> "LabelledRows":
        """Return the rows of some customers."""
        return self.take(np.isin(self.customer_id.astype(str), customers))

    def take(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "LabelledRows":
        """Return the rows of a mask, or at positions."""
        return LabelledRows(
            self.features.iloc[keep], self.customer_id[keep], self.as_of[keep], self.spend[keep], self.purchase[keep],
            self.purchase_days[keep], self.half_life_days,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.spend)


def target_names(horizon_days: int) -> tuple[str, str]:
    """Return the names of the two targets of a horizon: net spend in money, and whether there was a purchase.

    >>> target_names(90)
    ('spend_90d_total', 'purchase_90d')
    """
    return f"spend_{horizon_days}d_total", f"purchase_{horizon_days}d"


def expectation_in(features: pd.DataFrame, kind: str, horizon_days: int) -> NDArray[np.float64] | None:
    """Return the purchase models' expectation of each row, shape (n,): spend or purchase_probability; None without them.

    >>> expectation_in(pd.DataFrame({"btyd_spend_90d": [12.0, np.nan]}), "spend", 90)
    array([12.,  0.])
    """
    name = f"btyd_{kind}_{horizon_days}d"
    return np.nan_to_num(features[name].to_numpy(np.float64)) if name in features else None


def target_name(horizon_days: int, target: Literal["spend", "purchase"]) -> str:
    """Return the name of one target of a horizon.

    >>> target_name(90, "purchase")
    'purchase_90d'
    """
    return target_names(horizon_days)[("spend", "purchase").index(target)]


def feature_columns(connection: Connection) -> FeatureColumns:
    """Return the informative features: a column that is null or constant at every cutoff is left out.

    So a missing source loses only its own columns.
    """
    types = {n: t for n, t in columns_of(connection, "features.customer_features").items() if n not in KEYS}
    tests = ", ".join(
        f"min({n}) <> max({n}) or count({n}) between 1 and count(*) - 1, try_cast(max({n}) as double)" for n in types
    )
    found = one_row(connection, f"select {tests} from features.customer_features where recency_days is not null")
    varies = dict(zip(types, found[::2], strict=True))
    values = dict(zip(types, found[1::2], strict=True))
    categorical = tuple(n for n in types if varies[n] and types[n] == "VARCHAR")
    numeric = tuple(n for n in types if varies[n] and n not in categorical)
    constant = {n: np.nan if values[n] is None else values[n] for n in types if not varies[n]}
    return FeatureColumns(numeric, categorical, constant)


def load_labelled(
    connection: Connection, columns: FeatureColumns, horizon_days: int, half_life_days: int
) -> LabelledRows:
    """Return every labelled training row of customers who had bought before their cutoff."""
    table = _fetch(
        connection,
        f"""
        select labels.as_of as label_as_of, labels.customer_id as label_customer_id,
            labels.spend_total::double as label_spend, labels.has_purchase::int as label_purchase,
            labels.purchase_days::double as label_purchase_days,
            {_selected(columns, "customer_features")}
        from training.labels
        inner join features.customer_features using (as_of, customer_id)
        where labels.horizon_days = {horizon_days:d} and customer_features.recency_days is not null
        order by labels.as_of, labels.customer_id
        """,
    )
    frame = _to_frame(table, columns)
    return LabelledRows(
        frame,
        table["label_customer_id"].to_numpy(),
        table["label_as_of"].to_numpy().astype("datetime64[D]"),
        table["label_spend"].to_numpy(),
        table["label_purchase"].to_numpy().astype(np.float64),
        table["label_purchase_days"].to_numpy(),
        half_life_days,
    )


def scoring_batches(
    connection: Connection, columns: FeatureColumns, batch_rows: int, table: str = "features.customer_features"
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield (identity, features) for tonight's customers who have bought, in order of customer_id.

    table: where their features are. identity: customer_id only. features: the columns of `columns`, same rows; both of at
    most `batch_rows` rows.
    """
    reader = connection.sql(
        f"""
        select customer_id, {_selected(columns, "customer_features")}
        from {table} as customer_features
        where role = 'score' and recency_days is not null
        order by customer_id
        """
    ).to_arrow_reader(batch_rows)
    for batch in reader:
        rows = pa.Table.from_batches([batch])
        yield rows.select(["customer_id"]).to_pandas(), _to_frame(rows, columns)


def _selected(columns: FeatureColumns, table: str) -> str:
    numeric = [f"{table}.{name}::float as {name}" for name in columns.numeric]
    return ", ".join([*numeric, *(f"{table}.{name}" for name in columns.categorical)])


def _fetch(connection: Connection, query: str) -> pa.Table:
    return connection.sql(query).to_arrow_table()


def _to_frame(table: pa.Table, columns: FeatureColumns) -> pd.DataFrame:
    frame: pd.DataFrame = table.select(list(columns.numeric)).to_pandas()
    for name in columns.categorical:
        # plain objects with nan for null: what scikit-learn's encoders take as missing
        frame[name] = table[name].to_pandas().astype(object).where(table[name].is_valid().to_pandas(), np.nan)
    return frame
