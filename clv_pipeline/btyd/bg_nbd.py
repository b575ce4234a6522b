"""BG/NBD: customers may leave after each repeat purchase, never after the first one.

Belongs here: what makes the family of `beta_geometric.py` the BG/NBD. Nothing else does.

It calls every customer without a repeat purchase alive with probability 1, so it is offered for comparison with the
literature; prefer the MBG/NBD.
"""

from dataclasses import dataclass
from typing import ClassVar

from clv_pipeline.btyd.beta_geometric import BetaGeometric


@dataclass(frozen=True)
class BGNBD(BetaGeometric):
    """Fader, Hardie and Lee (2005), "Counting your customers the easy way", Marketing Science 24(2)."""

    name: ClassVar[str] = "bg_nbd"
    leaves_at_first: ClassVar[bool] = False
