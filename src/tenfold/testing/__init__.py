"""Tools to test laws with, for the catalogue and for laws of your own.

``check_law(law)`` holds a law to the contract that every law of the catalogue keeps; ``synthetic`` makes runs
that follow a law; ``law_to_dict`` writes a declaration down as plain values. The contract needs mpmath
(``pip install mpmath``).
"""

from tenfold.core.facts import law_to_dict
from tenfold.testing.contract import CLAUSES, Violation, check_law
from tenfold.testing.synthetic import synthetic

__all__ = ["CLAUSES", "Violation", "check_law", "law_to_dict", "synthetic"]
