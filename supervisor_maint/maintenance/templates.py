"""Text with the number of a process in it: ``http://127.0.0.1:{num+8000}/``. No I/O here.

``num`` is the digits that end the process name. ``{num}`` alone gives them as they are written;
with arithmetic (``+ - * // %`` and parentheses) or a format (``{num:03d}``) it is a number.
``{{`` and ``}}`` are braces. The expression is parsed, never evaluated as Python.
"""

from __future__ import annotations

import ast
import operator
import re
from typing import Callable

_PART = re.compile(r"(\{\{|\}\}|\{[^{}]*\}|\{|\})")
_DIGITS = re.compile(r"\d+$", re.ASCII)
_FORMAT = re.compile(r"0?\d{0,2}[dxXob]?", re.ASCII)
# Far more than a port needs, and too short for the parser to choke on.
_LONGEST = 100
_BRACES = {"{{": "{", "}}": "}"}
# No power and no shift: with these, no expression of a line's length gets out of hand.
_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def check(template: str) -> None:
    """Raise ValueError when a template can be filled for no name at all."""
    fill(template, "name1")


def fill(template: str, name: str) -> str:
    """Fill a template for a process name.

    Raises ValueError when the name ends with no digits and a field needs them, and for a field
    that is no expression.
    """
    return "".join(_filled(part, name) for part in _PART.split(template))


def _is_field(part: str) -> bool:
    return len(part) > 1 and part.startswith("{") and part not in _BRACES


def _filled(part: str, name: str) -> str:
    if part in _BRACES:
        return _BRACES[part]
    if part in ("{", "}"):
        raise ValueError(f"expected {{num…}}, or {part * 2!r} for the brace itself, found {part!r}")
    return _field(part, name) if _is_field(part) else part


def _field(part: str, name: str) -> str:
    digits = _DIGITS.search(name)
    if digits is None:
        raise ValueError(
            f"expected a process name that ends with digits for {part}, found {name!r}"
        )
    if len(part) > _LONGEST:
        raise ValueError(
            f"expected at most {_LONGEST} characters, found {len(part)} in {part[:20]}…"
        )
    expression, _, form = part[1:-1].partition(":")
    if not _FORMAT.fullmatch(form):
        raise ValueError(f"expected a format such as 03d, found {form!r} in {part}")
    if expression.strip() == "num" and not form:
        return digits.group()
    return format(_calculate(expression, int(digits.group()), part), form)


def _calculate(expression: str, num: int, part: str) -> int:
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body, num)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        raise ValueError(
            f"expected num, whole numbers, + - * // % and parentheses, found {part}"
        ) from None


def _value(node: ast.expr, num: int) -> int:
    if isinstance(node, ast.Name) and node.id == "num":
        return num
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, num)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.left, num), _value(node.right, num))
    raise ValueError(f"no arithmetic: {type(node).__name__}")
