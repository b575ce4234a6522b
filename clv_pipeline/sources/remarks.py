"""Remarks: findings about readable rows. One that the last published night had as well is stored, and warns no more.

Two remarks mean the same if check and subject are the same; the figures in the text may differ.
"""

from dataclasses import dataclass

from clv_pipeline.warehouse.connection import Connection, has_table, one_row

#: A night's remarks are measures of this name and the check's.
MEASURE = "remark: "


@dataclass(frozen=True)
class Remark:
    """One finding: the check, what it is about (a month, a currency; may be empty), and the sentence for people.

    share_at_stake: the share of the last year's money that is wrong if the finding is an error; None where no share can
    be given.
    """

    check: str
    subject: str
    text: str
    share_at_stake: float | None = None


def known_remarks(connection: Connection) -> set[tuple[str, str]]:
    """Return (check, subject) of the remarks that the newest published night before tonight had."""
    if not has_table(connection, "quality.good_nights"):
        return set()
    source, as_of = one_row(connection, "select source_name, as_of from raw.extraction")
    rows = connection.execute(
        """
        with before as (from quality.good_nights where source_name = $source and as_of < $as_of)
        select measure, subject from before where as_of = (select max(as_of) from before) and starts_with(measure, $remark)
        """,
        {"source": source, "as_of": as_of, "remark": MEASURE},
    )
    return {(measure.removeprefix(MEASURE), subject) for measure, subject in rows.fetchall()}
