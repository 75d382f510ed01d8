"""Values of the maintenance as JSON documents, and back. No I/O here.

A document holds a value's fields under their names. What a newer version added is left out when
an older one reads it, and what an older one lacks keeps its default; what it needs and does not
find raises ValueError.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Callable, TypeVar

import attrs

from supervisor_maint.processes import Namespec

T = TypeVar("T")
Document = dict[str, Any]
_REVIVE = "revive"
_VOLATILE = "volatile"


def revived_by(revive: Callable[[Any], Any]) -> Mapping[str, Any]:
    """Make the metadata of a field whose document is not its value."""
    return {_REVIVE: revive}


def each_revived_by(revive: Callable[[Any], Any]) -> Mapping[str, Any]:
    """Make the metadata of a field that is a tuple of such values."""
    return {_REVIVE: lambda documents: tuple(revive(document) for document in documents)}


def volatile() -> Mapping[str, Any]:
    """Make the metadata of a field that is left out: after a crash it is found out again."""
    return {_VOLATILE: True}


def to_document(value: Any) -> Any:
    """Return what JSON can hold of a value: attrs classes, enums, namespecs, tuples, plain ones."""
    if isinstance(value, Namespec):
        return value.qualified
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (tuple, list)):
        return [to_document(member) for member in value]
    if attrs.has(type(value)):
        return {
            field.name: to_document(getattr(value, field.name))
            for field in attrs.fields(type(value))
            if not field.metadata.get(_VOLATILE)
        }
    return value


def have_same_document(one: Any, other: Any) -> bool:
    """Tell whether two values have the same document, without making either.

    Parts that are the same object are not looked into: of a run of 1000 processes this takes a
    hundredth of the time.
    """
    if one is other:
        return True
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(have_same_document, one, other))
    if type(one) is type(other) and attrs.has(type(one)):
        return all(
            have_same_document(getattr(one, field.name), getattr(other, field.name))
            for field in attrs.fields(type(one))
            if not field.metadata.get(_VOLATILE)
        )
    return bool(one == other)


def from_document(cls: type[T], document: Mapping[str, Any]) -> T:
    """Build a value from its document. Raises ValueError when it is none of that class."""
    try:
        return cls(**_arguments(cls, document))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"expected the document of a {cls.__name__}: {error}") from error


def _arguments(cls: Any, document: Mapping[str, Any]) -> Document:
    return {
        field.name: _revived(field, document[field.name])
        for field in attrs.fields(cls)
        if field.name in document
    }


def _revived(field: attrs.Attribute[Any], document: Any) -> Any:
    if document is None:
        return None
    if _REVIVE in field.metadata:
        return field.metadata[_REVIVE](document)
    return tuple(document) if isinstance(document, list) else document
