"""How much of a large release is looked at.

Here belong the limits and which dataflows are chosen below them. What is done with the chosen ones does not belong
here.
"""

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Numbers up to which a release is looked at whole; above, dataflows are chosen.

    Structures, SDMX-CSV and Parquet are always looked at whole.

    Attributes:
        dataflows: that are chosen at most, of those that are not whole anyway: every message costs some hundredths of a
            second, however few observations it has.
        read_back: observations that are read back by other programs, which read some thousands a second.
        xml: observations that are validated in each format in XML; memory does not grow with them.
        json: observations that are validated in each format in JSON; a message is held whole, at some 0.5
            kB per observation.
    """

    dataflows: int = 60
    read_back: int = 20_000
    xml: int = 2_000_000
    json: int = 200_000


#: Everything is looked at.
WITHOUT_LIMITS = Limits(dataflows=sys.maxsize, read_back=sys.maxsize, xml=sys.maxsize, json=sys.maxsize)


def choose(observations: Mapping[str, int], limit: int, seed: str = "", most: int = sys.maxsize) -> list[str]:
    """Dataflows that are looked at: all if they are within the limit, else those that fit, in the order of a hash.

    The order depends on nothing but the names and the seed, so that anybody can choose the same ones, and another
    release chooses others.

    Args:
        observations: dataflow -> number of observations.
        limit: of observations in all chosen dataflows together.
        seed: what tells this release from others.
        most: dataflows that are chosen.
    """
    left = limit
    chosen: list[str] = []
    for flow in sorted(observations, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest()):
        if observations[flow] <= left and len(chosen) < most:
            chosen.append(flow)
            left -= observations[flow]
    return sorted(chosen)
