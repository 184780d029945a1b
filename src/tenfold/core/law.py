"""A law: one declaration, from which the fit, the listing, the docs and the tests follow."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from tenfold.core import maths
from tenfold.core.axes import Conventions, axis_of
from tenfold.core.domains import Domain
from tenfold.core.errors import LawError, did_you_mean
from tenfold.core.expression import (
    Expr,
    Untraceable,
    evaluate,
    linear_names,
    log_linear,
    parse,
    product_terms,
    symbol,
    to_latex,
)

FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType({name: getattr(maths, name) for name in maths.FUNCTIONS})


@dataclass(frozen=True, slots=True)
class Cite:
    """Where a law or a number stands: authors, year, title, identifier, equation or table."""

    authors: str
    year: int
    title: str
    id: str
    where: str

    def __str__(self) -> str:
        return f"{self.authors} ({self.year}), {self.title}, {self.id}, {self.where}"


@dataclass(frozen=True, slots=True)
class Published:
    """Published coefficients with their conventions, source and the span of the data they came from.

    ``tag`` is the evidence: ``verified`` (read in the authors' paper, code or data), ``verified-secondary`` (in a public
    text that quotes them) or ``refit`` (our own fit of public data). ``span`` maps axis symbols to (low, high).
    """

    coef: Mapping[str, float]
    where: str
    tag: str = "verified"
    params: str = "unspecified"
    flops: str = "unspecified"
    loss: str = "unspecified"
    span: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    note: str = ""
    cite: Cite | None = None

    @property
    def conventions(self) -> Conventions:
        """How the published numbers are counted."""
        return Conventions(params=self.params, flops=self.flops, loss=self.loss)


@dataclass(frozen=True, slots=True)
class Check:
    """A worked value: inputs, coefficients and the result computed by hand or by another tool."""

    inputs: Mapping[str, float]
    coef: Mapping[str, float]
    value: float
    rel: float = 1e-9


@dataclass(frozen=True, slots=True)
class Reduction:
    """With ``when`` holding, the law equals ``to``, whose coefficients are ``coef`` as functions of ours.

    ``when`` sets inputs or coefficients of ours to a number (infinite for a limit) or to a formula over ours (``"D"``,
    ``"minimum(N, 20 * D)"``). ``coef`` and ``inputs`` map each coefficient and input of the simpler law to the name of
    ours or to a formula over ours; an input of the same name need not be mapped.
    """

    to: str
    when: Mapping[str, float | str]
    coef: Mapping[str, str]
    inputs: Mapping[str, str] = field(default_factory=dict)
    rel: float = 1e-9


@dataclass(frozen=True, slots=True)
class Optimum:
    """A closed form for the compute-optimal allocation: ``fn(coef, compute, cost) -> {symbol: value}``."""

    fn: Callable[..., Mapping[str, Any]]
    where: str


@dataclass(frozen=True, slots=True)
class Derived:
    """The law that another was made from, and how its coefficients follow from those of the other."""

    law: Law
    expand: Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Law:
    """A formula with typed inputs, coefficients with domains, a citation, published coefficients and worked values."""

    name: str
    fn: Callable[..., Any]
    inputs: tuple[str, ...]
    coefs: Mapping[str, Domain]
    output: str
    cite: Cite | None
    formula: str
    published: Mapping[str, Published]
    checks: tuple[Check, ...]
    reduces_to: tuple[Reduction, ...]
    falls_in: tuple[str, ...]
    meaning: Mapping[str, str]
    use: str
    identifiable: str | None
    aliases: tuple[str, ...]
    summary: str
    source: str
    origin: Derived | None = None

    def __repr__(self) -> str:
        return f"<law {self.name}({', '.join(self.inputs)}; {', '.join(self.coefs)})>"

    def __call__(self, *, coef: Mapping[str, Any], **inputs: Any) -> Any:
        """Evaluate the law. Inputs by symbol, any broadcastable shapes; the result has the law's output unit.

        Raises:
            LawError: an unknown or missing input or coefficient, with the closest name.
        """
        for given, known, what in ((inputs, self.inputs, "input"), (coef, tuple(self.coefs), "coefficient")):
            for name in given:
                if name not in known:
                    raise LawError(f"law {self.name!r} has no {what} {name!r}", hint=did_you_mean(name, known))
            missing = [name for name in known if name not in given]
            if missing:
                raise LawError(
                    f"law {self.name!r} needs {what} {', '.join(missing)}", hint=f"it takes {', '.join(known)}"
                )
        return self.fn(**inputs, **coef)

    @functools.cached_property
    def expression(self) -> Expr | None:
        """The body as an expression, or None for a law that is defined by an equation."""
        try:
            names = {name: symbol(name) for name in (*self.inputs, *self.coefs)}
            result = self.fn(**names)
        except (
            Untraceable,
            TypeError,
        ):  # NumPy's own functions refuse symbols with a TypeError; such a law is autodiffed
            return None
        return result if isinstance(result, Expr) else None

    @functools.cached_property
    def linear(self) -> tuple[str, ...]:
        """Coefficients in which the law is jointly linear given the others."""
        return () if self.expression is None else linear_names(self.expression, self.coefs)

    @functools.cached_property
    def power_terms(self) -> tuple[Mapping[tuple[str, str] | None, Expr], ...] | None:
        """The law as a sum of positive products of powers, term by term in logarithms, or None if it is not one."""
        return None if self.expression is None else _power_terms(self.expression, self.coefs)

    @property
    def latex(self) -> str:
        """The written formula."""
        return self.formula

    def spans(self, known: Mapping[str, tuple[float, float]] | None = None) -> dict[str, tuple[float, float]]:
        """The range of every input: as known, else as usual for the axis, stretched to the worked values."""
        out = {}
        for name in self.inputs:
            low, high = axis_of(name).usual
            worked = [check.inputs[name] for check in self.checks if name in check.inputs]
            out[name] = (known or {}).get(name) or (min([low, *worked]), max([high, *worked]))
        return out

    def column_of(self, name: str) -> str:
        """The canonical column of an input."""
        return axis_of(name).column


def _power_terms(expr: Expr, coefs: Mapping[str, Domain]) -> tuple[Mapping[tuple[str, str] | None, Expr], ...] | None:
    terms = product_terms(expr)
    if terms is None:
        return None
    out = []
    seen: dict[str, str] = {}
    for term in terms:
        form = log_linear(term, frozenset(coefs))
        if form is None:
            return None
        for key in form:
            if key is None:
                continue
            kind, name = key
            if seen.setdefault(name, kind) != kind or (kind == "log") != (coefs[name].transform == "log"):
                return None  # the solver's unit of the coefficient must be the one in which the term is linear
        out.append(form)
    return tuple(out) if len(seen) == len(coefs) else None


# What has been declared in this process by @law, in order; discovery (tenfold.laws) walks modules and reads it.
_DECLARED: list[Law] = []


def law(
    *,
    cite: Cite | None = None,
    output: str = "loss",
    published: Mapping[str, Published] | None = None,
    checks: Sequence[Check] = (),
    reduces_to: Sequence[Reduction] = (),
    falls_in: Sequence[str] = (),
    meaning: Mapping[str, str] | None = None,
    use: str = "",
    identifiable: str | None = None,
    aliases: Sequence[str] = (),
    name: str = "",
) -> Callable[[Callable[..., Any]], Law]:
    """Declare a law. The signature is the schema: inputs positional, coefficients keyword-only, annotated by domain.

    Args:
        cite: where the law was published, with the equation.
        output: what it predicts, ``loss`` or ``error``.
        published: named sets of coefficients, the first being the default.
        checks: worked values.
        reduces_to: simpler laws it becomes, and when.
        falls_in: inputs in which the prediction falls everywhere at published coefficients.
        meaning: what each coefficient means, with its unit.
        use: when to use it and when not, what to try instead.
        identifiable: why noiseless data do not recover every coefficient, when they do not.
        aliases: other names it is known by.
    """

    def declare(fn: Callable[..., Any]) -> Law:
        inputs, coefs = _schema(fn)
        formula, _, rest = inspect.cleandoc(fn.__doc__ or "").partition("\n")
        module = inspect.getmodule(fn)
        made = Law(
            name=name or fn.__name__,
            fn=fn,
            inputs=inputs,
            coefs=MappingProxyType(coefs),
            output=output,
            cite=cite,
            formula=formula.strip(),
            published=MappingProxyType(dict(published or {})),
            checks=tuple(checks),
            reduces_to=tuple(reduces_to),
            falls_in=tuple(falls_in),
            meaning=MappingProxyType(dict(meaning or {})),
            use=" ".join((use or rest).split()),
            identifiable=identifiable,
            aliases=tuple(aliases),
            summary=inspect.cleandoc((module.__doc__ if module else "") or "").partition("\n")[0],
            source=fn.__module__,
        )
        _DECLARED.append(made)
        return made

    return declare


def _schema(fn: Callable[..., Any]) -> tuple[tuple[str, ...], dict[str, Domain]]:
    signature = inspect.signature(fn, eval_str=True)
    inputs, coefs = [], {}
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            if not isinstance(parameter.annotation, Domain):
                raise LawError(
                    f"coefficient {parameter.name!r} of {fn.__name__!r} has no domain",
                    hint="annotate it, e.g. 'alpha: Exponent'",
                )
            coefs[parameter.name] = parameter.annotation
        elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            axis_of(parameter.name)
            inputs.append(parameter.name)
        else:
            raise LawError(f"law {fn.__name__!r} may not take *args or **kwargs")
    if not inputs or not coefs:
        raise LawError(f"law {fn.__name__!r} needs at least one input and one coefficient")
    return tuple(inputs), coefs


_OPTIMA: dict[str, Optimum] = {}


def optimum(of: Law, *, where: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a closed form for the compute-optimal allocation of a law, beside the law."""

    def register(fn: Callable[..., Any]) -> Callable[..., Any]:
        _OPTIMA[of.name] = Optimum(fn=fn, where=where)
        return fn

    return register


def optimum_of(law: Law) -> Optimum | None:
    """The registered closed form, of the law or of the one that it was derived from, or None."""
    found = _OPTIMA.get(law.name)
    if found is not None or law.origin is None:
        return found
    base, expand = optimum_of(law.origin.law), law.origin.expand
    if base is None:
        return None
    fn = base.fn

    def through(coef: Mapping[str, Any], compute: Any, cost: Any = 6.0) -> Mapping[str, Any]:
        return fn(expand(coef), compute, cost)

    return Optimum(through, base.where)


def law_from_text(
    text: str, *, domains: Mapping[str, Domain] | None = None, inputs: Sequence[str] = (), output: str = "loss"
) -> Law:
    """A law from a one-line formula such as ``E + A*N**-alpha``.

    Names that are columns of axes, or symbols of common ones, are inputs; all others are coefficients. Without
    ``domains`` the domain follows the role in the formula: what only occurs in exponents is an exponent, ``E`` and other
    additive constants are floors, and what multiplies is positive.

    Raises:
        LawError: the text is not a formula, or has no input or no coefficient.
    """
    expr = parse(text, maths.FUNCTIONS)
    spoken = {axis.column: axis.symbol for axis in _axes()} | {
        axis.symbol: axis.symbol for axis in _axes() if axis.common
    }
    spoken |= {name: name for name in inputs}
    names = sorted(expr.names())
    ins = tuple(dict.fromkeys(spoken[name] for name in spoken if name in names))
    coefs = {name: (domains or {}).get(name) or _guess(expr, name) for name in names if name not in spoken}
    for name in (name for name in coefs if name in ins):
        raise LawError(
            f"{name!r} in the formula {text!r} is both an input and a coefficient", hint="rename the coefficient"
        )
    if not ins:
        raise LawError(
            f"the formula {text!r} has no input",
            hint="inputs are axis symbols: "
            + ", ".join(f"{axis.symbol} ({axis.column})" for axis in _axes() if axis.common)
            + "; any other axis goes by its column",
        )
    if not coefs:
        raise LawError(f"the formula {text!r} has no coefficient to fit")

    def body(**values: Any) -> Any:
        return evaluate(expr, {**values, **{name: values[spoken[name]] for name in names if name in spoken}}, FUNCTIONS)

    return Law(
        name=text,
        fn=body,
        inputs=ins,
        coefs=MappingProxyType(coefs),
        output=output,
        cite=None,
        formula=to_latex(expr),
        published=MappingProxyType({}),
        checks=(),
        reduces_to=(),
        falls_in=(),
        meaning=MappingProxyType({}),
        use="",
        identifiable=None,
        aliases=(),
        summary="a formula given as text",
        source="text",
    )


def _axes() -> Any:
    from tenfold.core.axes import AXES

    return AXES


def _guess(expr: Expr, name: str) -> Domain:
    from tenfold.core.domains import Exponent, Floor, Positive, Real

    if _inside_exp(expr, name):
        return Real
    in_power, elsewhere = _roles(expr, name, inside=False)
    if in_power and not elsewhere:
        return Exponent
    terms = product_terms(expr)
    if terms is not None:
        if any(term.op == "name" and term.name == name for term in terms):
            return Floor
        return Positive
    return Real if not in_power else Positive


def _inside_exp(expr: Expr, name: str) -> bool:
    """Whether a name occurs only below exponentials, where any sign makes sense."""
    if expr.op == "exp" or name not in expr.names():
        return name in expr.names()
    holders = [arg for arg in expr.args if name in arg.names()]
    return bool(holders) and all(_inside_exp(arg, name) for arg in holders)


def _roles(expr: Expr, name: str, *, inside: bool) -> tuple[bool, bool]:
    if expr.op == "name":
        return (inside, not inside) if expr.name == name else (False, False)
    found = [False, False]
    for index, arg in enumerate(expr.args):
        deeper = inside or (expr.op == "pow" and index == 1)
        power, other = _roles(arg, name, inside=deeper)
        found[0] |= power
        found[1] |= other
    return found[0], found[1]


def predict(law: Law, coef: Mapping[str, float], inputs: Mapping[str, Any]) -> np.ndarray:
    """Evaluate on NumPy arrays in 64-bit, without warnings for values outside the law's domain."""
    arrays = {name: np.asarray(inputs[name], dtype=np.float64) for name in law.inputs}
    with np.errstate(all="ignore"):
        return np.asarray(law(coef=coef, **arrays), dtype=np.float64)
