"""MBG/NBD: customers may leave after any purchase, the first one included.

Belongs here: what makes the family of `beta_geometric.py` the MBG/NBD. Nothing else does.
"""

from dataclasses import dataclass
from typing import ClassVar

from clv_pipeline.btyd.beta_geometric import BetaGeometric


@dataclass(frozen=True)
class MBGNBD(BetaGeometric):
    """Batislam, Denizel and Filiztekin (2007), "Empirical validation and comparison of models", IJRM 24(3)."""

    name: ClassVar[str] = "mbg_nbd"
    leaves_at_first: ClassVar[bool] = True
