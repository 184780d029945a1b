"""The subset of LaTeX that laws are written in, as MathML (which browsers draw by themselves) and as plain text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

_TOKEN = re.compile(r"\\[A-Za-z]+|\\[^A-Za-z]|[{}^_']|\d+(?:\.\d+)?(?:e[+-]?\d+)?|[A-Za-z]|\s+|.", re.DOTALL)
_SYMBOLS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ",
    "Theta": "Θ", "Lambda": "Λ", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "ell": "ℓ", "infty": "∞",
}  # fmt: skip
_OPERATORS = {
    "prod": "∏", "sum": "∑", "int": "∫", "cdot": "·", "times": "×", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥",
    "ne": "≠", "neq": "≠", "approx": "≈", "sim": "∼", "to": "→", "pm": "±", "ldots": "…", "dots": "…", "in": "∈",
    "propto": "∝", "infin": "∞", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "mid": "|",
}  # fmt: skip
_WORDS = ("log", "ln", "exp", "max", "min", "tanh", "sqrt", "sinh", "cosh", "sin", "cos", "erf", "Pr")
_SPACES = {",": 0.17, ";": 0.28, ":": 0.22, "!": 0.0, " ": 0.28}
_BIG = ("∏", "∑", "∫")
_DEEPEST = 40


class Unreadable(ValueError):
    """The formula uses LaTeX beyond the subset; callers print its source instead."""


@dataclass(frozen=True, slots=True)
class _Node:
    """A piece of a formula: MathML, plain text, and whether the text must be bracketed to carry a power."""

    markup: str
    text: str
    joined: bool = False
    big: bool = False


def to_mathml(latex: str, *, display: bool = True) -> str:
    """A formula as a ``<math>`` element whose annotation keeps the source.

    Raises:
        Unreadable: the formula is beyond the subset.

    >>> to_mathml("E^2").partition("<annotation")[0]
    '<math display="block"><semantics><msup><mi>E</mi><mn>2</mn></msup>'
    """
    nodes = _Reader(latex).all()
    kind = ' display="block"' if display else ""
    source = f'<annotation encoding="application/x-tex">{escape(latex)}</annotation>'
    return f"<math{kind}><semantics>{_row(nodes)}{source}</semantics></math>"


def to_text(latex: str) -> str:
    """A formula as one line of plain text; its source when it is beyond the subset.

    >>> to_text(r"L(N, D) = E + A N^{-\\alpha} + B D^{-\\beta}")
    'L(N, D) = E + A N^(-α) + B D^(-β)'
    """
    try:
        nodes = _Reader(latex).all()
    except Unreadable:
        return latex
    return _flat(nodes)


def _flat(nodes: list[_Node]) -> str:
    text = "".join(node.text for node in nodes)
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"\s+([,)\]])", r"\1", re.sub(r"([(\[])\s+", r"\1", text))


def _row(nodes: list[_Node]) -> str:
    parts = [node.markup for node in nodes if node.markup]
    return parts[0] if len(parts) == 1 else "<mrow>" + "".join(parts) + "</mrow>"


class _Reader:
    """A recursive descent over the tokens of one formula."""

    def __init__(self, latex: str) -> None:
        self.tokens: list[str] = _TOKEN.findall(latex)
        self.at = 0
        self.depth = 0

    def all(self) -> list[_Node]:
        nodes = self.sequence(until=())
        if self.at < len(self.tokens):
            raise Unreadable(f"unmatched {self.tokens[self.at]!r}")
        return nodes

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise Unreadable("the formula ends too early")
        self.at += 1
        return token

    def skip(self) -> None:
        while self.peek().isspace():
            self.at += 1

    def sequence(self, until: tuple[str, ...]) -> list[_Node]:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unreadable("the formula is nested too deeply")
        nodes: list[_Node] = []
        while self.peek() and self.peek() not in until:
            token = self.peek()
            if token in ("}", r"\right"):
                break
            if token.isspace():
                self.take()
                nodes.append(_Node("", " "))
                continue
            nodes.append(self.scripted())
        self.depth -= 1
        return nodes

    def scripted(self) -> _Node:
        """An atom with its sub- and superscripts."""
        base = self.atom()
        low: _Node | None = None
        high: _Node | None = None
        primes = 0
        while True:
            here = self.at
            self.skip()
            token = self.peek()
            if token == "'":
                self.take()
                primes += 1
            elif token == "_" and low is None:
                self.take()
                low = self.argument()
            elif token == "^" and high is None:
                self.take()
                high = self.argument()
            else:
                self.at = here
                break
        return _script(base, low, high, primes)

    def argument(self) -> _Node:
        """What follows ``^``, ``_`` or a command: a group or one atom."""
        self.skip()
        if self.peek() == "{":
            return self.group()
        return self.atom()

    def group(self) -> _Node:
        if self.take() != "{":
            raise Unreadable("a group was expected")
        nodes = self.sequence(until=("}",))
        if self.take() != "}":
            raise Unreadable("a group does not end")
        text = _flat(nodes)
        return _Node(_row(nodes), text, joined=len(text) > 1)

    def atom(self) -> _Node:
        token = self.take()
        if token == "{":
            self.at -= 1
            return self.group()
        if token.startswith("\\"):
            return self.command(token[1:])
        if token[0].isdigit():
            return _Node(f"<mn>{token}</mn>", token)
        if token.isalpha():
            return _Node(f"<mi>{escape(token)}</mi>", token)
        if token in "^_}'":
            raise Unreadable(f"{token!r} where a symbol was expected")
        return _operator(token)

    def command(self, name: str) -> _Node:
        if name in _SYMBOLS:
            return _Node(f"<mi>{_SYMBOLS[name]}</mi>", _SYMBOLS[name])
        if name in _OPERATORS:
            sign = _OPERATORS[name]
            return _Node(f"<mo>{sign}</mo>", f" {sign} ", big=sign in _BIG)
        if name == "sqrt":
            inner = self.argument()
            return _Node(f"<msqrt>{inner.markup}</msqrt>", f"√({inner.text})")
        if name in _WORDS:
            return _Node(f'<mi mathvariant="normal">{name}</mi><mspace width="0.17em"/>', f"{name} ")
        if name in ("frac", "tfrac", "dfrac"):
            return self.fraction()
        if name in ("text", "mathrm", "operatorname", "mathit", "mathbf"):
            return self.word(name)
        if name == "left":
            return self.fenced()
        if name in _SPACES or name in ("quad", "qquad"):
            width = _SPACES.get(name, 1.0)
            return _Node(f'<mspace width="{width}em"/>', " " if width else "")
        if name in "{}%_#&$":
            return _Node(f"<mo>{escape(name)}</mo>", name)
        raise Unreadable(f"\\{name} is not known")

    def fraction(self) -> _Node:
        top, bottom = self.argument(), self.argument()
        over = f"({top.text})" if top.joined else top.text
        under = f"({bottom.text})" if bottom.joined else bottom.text
        return _Node(f"<mfrac>{_boxed(top)}{_boxed(bottom)}</mfrac>", f"{over} / {under}", joined=True)

    def word(self, name: str) -> _Node:
        self.skip()
        if self.take() != "{":
            raise Unreadable(f"\\{name} needs a group")
        parts = []
        while self.peek() and self.peek() != "}":
            parts.append(self.take())
        if self.take() != "}":
            raise Unreadable("a group does not end")
        text = "".join(parts)
        if "\\" in text or "{" in text:
            raise Unreadable(f"\\{name} holds a command")
        if name == "text":
            return _Node(f"<mtext>{escape(text).replace(' ', chr(160))}</mtext>", text)
        return _Node(f'<mi mathvariant="normal">{escape(text)}</mi>', text)

    def fenced(self) -> _Node:
        left = self.take()
        nodes = self.sequence(until=(r"\right",))
        if self.take() != r"\right":
            raise Unreadable(r"\left without \right")
        right = self.take()
        opening, closing = ("" if mark == "." else mark.lstrip("\\") for mark in (left, right))
        inner = "".join(node.markup for node in nodes)
        markup = f"<mrow><mo>{escape(opening)}</mo>{inner}<mo>{escape(closing)}</mo></mrow>"
        return _Node(markup, f"{opening}{_flat(nodes)}{closing}")


def _boxed(node: _Node) -> str:
    return node.markup or "<mrow></mrow>"


def _operator(token: str) -> _Node:
    sign = {"-": "−", "*": "*"}.get(token, token)
    spaced = f" {token} " if token in "=<>" else token
    fence = ' stretchy="false"' if token in "()[]|" else ""
    return _Node(f"<mo{fence}>{escape(sign)}</mo>", spaced)


def _script(base: _Node, low: _Node | None, high: _Node | None, primes: int) -> _Node:
    markup, text = base.markup, base.text
    if primes:
        mark = "′" * primes
        markup, text = f"<msup>{markup}<mo>{mark}</mo></msup>", text + "'" * primes
    over, under = ("munderover", "munder") if base.big else ("msubsup", "msub")
    # a word such as log carries its space outside the scripts
    if low is not None and high is not None:
        markup = f"<{over}>{_one(markup)}{_one(low.markup)}{_one(high.markup)}</{over}>"
    elif low is not None:
        markup = f"<{under}>{_one(markup)}{_one(low.markup)}</{under}>"
    elif high is not None:
        markup = f"<msup>{_one(markup)}{_one(high.markup)}</msup>"
    text = text.rstrip() if (low or high) else text
    text += "" if low is None else f"_{{{low.text}}}" if low.joined else f"_{low.text.strip()}"
    text += "" if high is None else f"^({high.text})" if high.joined else f"^{high.text.strip()}"
    return _Node(markup, text + (" " if base.big or base.text.endswith(" ") else ""))


def _one(markup: str) -> str:
    """Exactly one element, as scripts require."""
    single = re.fullmatch(r"<(\w+)(?:\s[^>]*)?>[^<]*</\1>", markup) or (
        markup.startswith("<mrow>") and markup.endswith("</mrow>") and markup.count("<mrow>") == 1
    )
    return markup if single else f"<mrow>{markup}</mrow>"
