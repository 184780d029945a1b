"""Expressions: what a law's body becomes when it is called on symbols.

From an expression come the structure that the engine exploits (which coefficients enter linearly, whether the law is a
sum of power terms), the formula shown to users, and laws given as text. The parser accepts arithmetic, the functions of
:mod:`tenfold.core.maths` and names, by a whitelist over Python's syntax tree; nothing is ever evaluated as code.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tenfold.core.errors import LawError, did_you_mean

_BINARY = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**"}
_COMPARE = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}


class Untraceable(Exception):
    """A body that has no closed expression: it solves an equation, or branches on its arguments."""


@dataclass(frozen=True, eq=False)
class Expr:
    """A node: ``op`` is ``const``, ``name``, an arithmetic operation, a comparison or a function name."""

    op: str
    args: tuple[Expr, ...] = ()
    value: float = 0.0
    name: str = ""

    def __add__(self, other: Any) -> Expr:
        return apply("add", self, other)

    def __radd__(self, other: Any) -> Expr:
        return apply("add", other, self)

    def __sub__(self, other: Any) -> Expr:
        return apply("sub", self, other)

    def __rsub__(self, other: Any) -> Expr:
        return apply("sub", other, self)

    def __mul__(self, other: Any) -> Expr:
        return apply("mul", self, other)

    def __rmul__(self, other: Any) -> Expr:
        return apply("mul", other, self)

    def __truediv__(self, other: Any) -> Expr:
        return apply("div", self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        return apply("div", other, self)

    def __pow__(self, other: Any) -> Expr:
        return apply("pow", self, other)

    def __rpow__(self, other: Any) -> Expr:
        return apply("pow", other, self)

    def __neg__(self) -> Expr:
        return apply("neg", self)

    def __lt__(self, other: Any) -> Expr:
        return apply("lt", self, other)

    def __le__(self, other: Any) -> Expr:
        return apply("le", self, other)

    def __gt__(self, other: Any) -> Expr:
        return apply("gt", self, other)

    def __ge__(self, other: Any) -> Expr:
        return apply("ge", self, other)

    def names(self) -> frozenset[str]:
        """Every name that occurs below this node."""
        if self.op == "name":
            return frozenset((self.name,))
        found: frozenset[str] = frozenset()
        for arg in self.args:
            found |= arg.names()
        return found

    def __bool__(self) -> bool:
        raise Untraceable("a law may not branch on its arguments; use maths.where")


def const(value: float) -> Expr:
    """A constant."""
    return Expr("const", value=float(value))


def symbol(name: str) -> Expr:
    """A named quantity."""
    return Expr("name", name=name)


def apply(op: str, *args: Any) -> Expr:
    """An operation on expressions or plain numbers."""
    return Expr(op, tuple(arg if isinstance(arg, Expr) else const(arg) for arg in args))


def evaluate(expr: Expr, env: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> Any:
    """The value of an expression, with ``env`` giving names their values and ``functions`` the named functions."""
    memo: dict[int, Any] = {}

    def walk(node: Expr) -> Any:
        key = id(node)
        if key not in memo:
            memo[key] = _compute(node, walk, env, functions)
        return memo[key]

    return walk(expr)


def _compute(node: Expr, walk: Callable[[Expr], Any], env: Mapping[str, Any], functions: Mapping[str, Any]) -> Any:
    if node.op == "const":
        return node.value
    if node.op == "name":
        return env[node.name]
    args = [walk(arg) for arg in node.args]
    match node.op:
        case "add":
            return args[0] + args[1]
        case "sub":
            return args[0] - args[1]
        case "mul":
            return args[0] * args[1]
        case "div":
            return args[0] / args[1]
        case "pow":
            return args[0] ** args[1]
        case "neg":
            return -args[0]
        case "lt":
            return args[0] < args[1]
        case "le":
            return args[0] <= args[1]
        case "gt":
            return args[0] > args[1]
        case "ge":
            return args[0] >= args[1]
        case _:
            return functions[node.op](*args)


# ---------------------------------------------------------------------------------------------------------------------
# structure


def linear_parts(expr: Expr, names: Iterable[str]) -> dict[str | None, Expr] | None:
    """Write ``expr`` as ``parts[None] + sum(name * parts[name])``, or None when it is not linear in ``names``."""
    wanted = frozenset(names)
    if not expr.names() & wanted:
        return {None: expr}
    if expr.op == "name":
        return {expr.name: const(1.0)}
    if expr.op in ("add", "sub"):
        left, right = (linear_parts(arg, wanted) for arg in expr.args)
        if left is None or right is None:
            return None
        out = dict(left)
        for key, part in right.items():
            signed = part if expr.op == "add" else -part
            out[key] = out[key] + signed if key in out else signed
        return out
    if expr.op == "neg":
        inner = linear_parts(expr.args[0], wanted)
        return None if inner is None else {key: -part for key, part in inner.items()}
    if expr.op in ("mul", "div"):
        varying, factor = expr.args
        if expr.op == "mul" and not varying.names() & wanted:
            varying, factor = factor, varying
        if factor.names() & wanted:
            return None
        inner = linear_parts(varying, wanted)
        return None if inner is None else {k: apply(expr.op, part, factor) for k, part in inner.items()}
    return None


def linear_names(expr: Expr, candidates: Iterable[str]) -> tuple[str, ...]:
    """The largest prefix-greedy set of names in which ``expr`` is jointly linear."""
    chosen: list[str] = []
    for name in candidates:
        if linear_parts(expr, [*chosen, name]) is not None:
            chosen.append(name)
    return tuple(chosen)


def product_terms(expr: Expr) -> list[Expr] | None:
    """Expand into a sum of products with positive signs, or None when a difference occurs."""
    if expr.op == "add":
        left, right = (product_terms(arg) for arg in expr.args)
        return None if left is None or right is None else left + right
    if expr.op == "mul":
        left, right = (product_terms(arg) for arg in expr.args)
        if left is None or right is None:
            return None
        return [a if b is None else (b if a is None else a * b) for a in left for b in right]
    if expr.op == "div":
        left = product_terms(expr.args[0])
        return None if left is None else [term / expr.args[1] for term in left]
    if expr.op in ("sub", "neg"):
        return None
    return [expr]


LogLinear = dict[tuple[str, str] | None, Expr]


def log_linear(expr: Expr, coefs: frozenset[str]) -> LogLinear | None:
    """The logarithm of a product as a linear form.

    Keys are ``("log", c)`` for a coefficient that enters through its logarithm, ``("raw", c)`` for one that enters as
    it is (an exponent), and None for the part without coefficients; values are expressions in the inputs.
    """
    if not expr.names() & coefs:
        return {None: apply("log", expr)}
    if expr.op == "name":
        return {("log", expr.name): const(1.0)}
    if expr.op in ("mul", "div"):
        left, right = (log_linear(arg, coefs) for arg in expr.args)
        return None if left is None or right is None else _merge(left, right, 1.0 if expr.op == "mul" else -1.0)
    if expr.op == "pow":
        base, power = expr.args
        inner = log_linear(base, coefs)
        if inner is None:
            return None
        if not power.names() & coefs:
            return {key: power * part for key, part in inner.items()}
        if base.names() & coefs:
            return None
        exponent = linear_parts(power, sorted(power.names() & coefs))
        return None if exponent is None else _raw(exponent, inner[None])
    if expr.op == "exp":
        exponent = linear_parts(expr.args[0], sorted(expr.args[0].names() & coefs))
        return None if exponent is None else _raw(exponent, const(1.0))
    return None


def _raw(exponent: Mapping[str | None, Expr], factor: Expr) -> LogLinear:
    return {(None if name is None else ("raw", name)): part * factor for name, part in exponent.items()}


def _merge(left: LogLinear, right: LogLinear, sign: float) -> LogLinear:
    out = dict(left)
    for key, part in right.items():
        signed = part if sign > 0 else -part
        out[key] = out[key] + signed if key in out else signed
    return out


# ---------------------------------------------------------------------------------------------------------------------
# text

_NODES: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
}


def parse(text: str, functions: Iterable[str]) -> Expr:
    """Read a formula such as ``E + A*N**-alpha``. Only arithmetic, numbers, names and ``functions`` are accepted.

    Raises:
        LawError: anything else (attribute access, indexing, keywords, imports, comparisons, strings), by name.
    """
    allowed = tuple(functions)
    if len(text) > 2000:
        raise LawError(f"a formula of {len(text)} characters is too long", hint="write it as a law in a Python file")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        where = getattr(error, "offset", None)
        place = f" at character {where}" if where else ""
        raise LawError(
            f"cannot read the formula {text!r}{place}", hint="write it like 'E + A*N**-alpha' (powers are **)"
        ) from None
    if _depth(tree) > MAX_DEPTH:
        raise LawError("the formula is nested too deeply", hint="write it as a law in a Python file")
    return _convert(tree.body, allowed)


MAX_DEPTH = 100  # so that evaluating a formula, a few calls a level, stays far from Python's limit
_ARGUMENTS = {"logaddexp": 2, "maximum": 2, "minimum": 2, "where": 3}  # all other functions take one


def _depth(tree: ast.AST) -> int:
    level, depth = [tree], 0
    while level:
        level, depth = [child for node in level for child in ast.iter_child_nodes(node)], depth + 1
    return depth


def _constant(value: Any, node: ast.AST) -> Expr:
    """A finite number. Overflow, division by zero and roots of negative numbers are errors of the formula."""
    try:
        number = float(value() if callable(value) else value)
    except (ArithmeticError, TypeError):
        number = float("nan")
    if not abs(number) < float("inf"):
        raise LawError(f"{ast.unparse(node)[:60]!r} in the formula is not a finite number")
    return const(number)


def _convert(node: ast.AST, allowed: tuple[str, ...]) -> Expr:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
            raise LawError(f"a formula may hold numbers and names, not {node.value!r}")
        return _constant(node.value, node)
    if isinstance(node, ast.Name):
        if node.id.startswith("_"):
            raise LawError(f"the name {node.id!r} is not allowed in a formula", hint="names start with a letter")
        return symbol(node.id)
    if isinstance(node, ast.BinOp) and type(node.op) in _NODES:
        made = apply(_NODES[type(node.op)], _convert(node.left, allowed), _convert(node.right, allowed))
        if all(arg.op == "const" for arg in made.args):
            return _constant(lambda: evaluate(made, {}, {}), node)
        return made
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        inner = _convert(node.operand, allowed)
        if isinstance(node.op, ast.USub):
            return const(-inner.value) if inner.op == "const" else -inner
        return inner
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in allowed:
            called = ast.unparse(node.func)
            raise LawError(
                f"a formula may not call {called!r}",
                hint=did_you_mean(called, allowed) + " (nothing else can be called)",
            )
        if node.keywords:
            raise LawError(f"{node.func.id}() takes no keywords in a formula")
        wanted = _ARGUMENTS.get(node.func.id, 1)
        if len(node.args) != wanted:
            raise LawError(f"{node.func.id}() takes {wanted} arguments in a formula, not {len(node.args)}")
        return apply(node.func.id, *(_convert(arg, allowed) for arg in node.args))
    raise LawError(
        f"a formula may not contain {ast.unparse(node)!r} ({type(node).__name__.lower()})",
        hint="only + - * / **, numbers, names and the functions " + ", ".join(allowed),
    )


def to_latex(expr: Expr, level: int = 0) -> str:
    """A LaTeX rendering, plain but correct, for laws given as text."""
    match expr.op:
        case "const":
            return f"{expr.value:g}"
        case "name":
            return _GREEK.get(expr.name, expr.name if len(expr.name) == 1 else rf"\mathrm{{{expr.name}}}")
        case "add" | "sub":
            text = f" {_BINARY[expr.op]} ".join(
                to_latex(arg, 1 + (index and expr.op == "sub")) for index, arg in enumerate(expr.args)
            )
            return rf"\left({text}\right)" if level > 0 else text
        case "mul":
            return " ".join(to_latex(arg, 2) for arg in expr.args)
        case "div":
            return rf"\frac{{{to_latex(expr.args[0])}}}{{{to_latex(expr.args[1])}}}"
        case "pow":
            base = to_latex(expr.args[0], 3)
            if expr.args[0].op not in ("name", "const", "add", "sub"):
                base = rf"\left({base}\right)"
            return f"{base}^{{{to_latex(expr.args[1])}}}"
        case "neg":
            return f"-{to_latex(expr.args[0], 2)}"
        case _ if expr.op in _COMPARE:
            return f" {_COMPARE[expr.op]} ".join(to_latex(arg, 1) for arg in expr.args)
        case _:
            inner = ", ".join(to_latex(arg) for arg in expr.args)
            return rf"\operatorname{{{expr.op}}}\left({inner}\right)"


_GREEK = {name: "\\" + name for name in ("alpha", "beta", "gamma", "delta", "eta", "kappa", "sigma", "tau", "theta")}
