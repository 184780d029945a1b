"""Tools to test laws and families of models with, for the catalogue and for your own.

``check_law(law)`` holds a law to the contract that every law of the catalogue keeps; ``synthetic`` makes runs
that follow a law; ``law_to_dict`` writes a declaration down as plain values. The contract needs mpmath
(``pip install mpmath``). ``check_family(name)`` holds a family of models to the contract of
``tenfold.ladder.families``; it needs the extra ``train``.
"""

from tenfold.core.facts import law_to_dict
from tenfold.testing.contract import CLAUSES, Violation, check_law
from tenfold.testing.family import FAMILY_CLAUSES, Breach, check_family
from tenfold.testing.synthetic import synthetic

__all__ = ["CLAUSES", "FAMILY_CLAUSES", "Breach", "Violation", "check_family", "check_law", "law_to_dict", "synthetic"]
