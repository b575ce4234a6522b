"""The profile of a source, for `clv doctor`: one reading, a look through a night's own rules, and a dataclass per part of it.

`look.py` reads and judges; `tables.py`, `money.py`, `orders.py`, `keys.py`, `people.py` and `absent.py` measure; `points.py` says
what is to decide; `printing.py` shows all of it. Rules about rows belong in `sql/1_clean` and `quality/`.
"""
